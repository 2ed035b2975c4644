"""Text to vectors: the `Encoder` protocol, the sources a model comes from, and what runs it.

    source = ModelSource.parse("package")
    folder = prepare(source, Path("var/models")).folder
    encoder = BatchingEncoder(SentenceTransformerEncoder(folder), max_queue_texts=4096, max_batch_texts=64)
    encoder.encode(["高镍三元动力电解液的开发"], Role.QUERY).vectors

Importing the package loads no model library; `prepare` and `SentenceTransformerEncoder` do, when they run.
"""

from __future__ import annotations

from models.batching import BatchingEncoder
from models.encoder import Counts, Encoded, Encoder, Role, Vectors
from models.errors import EmptyTextError, EncoderBusyError, ModelError, SourceError
from models.sentence_transformer import Precision, SentenceTransformerEncoder
from models.source import ModelSource, Origin, PreparedModel, prepare
from models.tokens import Prefixes, WindowPolicy

__all__ = [
    "BatchingEncoder",
    "Counts",
    "EmptyTextError",
    "Encoded",
    "Encoder",
    "EncoderBusyError",
    "ModelError",
    "ModelSource",
    "Origin",
    "Precision",
    "Prefixes",
    "PreparedModel",
    "Role",
    "SentenceTransformerEncoder",
    "SourceError",
    "Vectors",
    "WindowPolicy",
    "prepare",
]
