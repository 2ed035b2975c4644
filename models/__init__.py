"""Text to vectors: the `Encoder` protocol, the sources a model comes from, and what runs it.

    source = ModelSource.parse("package")
    folder = prepare(source, Path("var/models")).folder
    encoder = BatchingEncoder(load_encoder(folder), max_queue_texts=4096, max_batch_texts=64)
    encoder.encode(["高镍三元动力电解液的开发"], Role.QUERY).vectors

Importing the package loads no model library; `prepare` and `load_encoder` do.
"""

from __future__ import annotations

from pathlib import Path

from models.batching import BatchCounters, BatchingEncoder
from models.encoder import Counts, Encoded, Encoder, Role, Vectors
from models.errors import EmptyTextError, EncoderBusyError, ModelError, SourceError
from models.sentence_transformer import MAX_BATCH_TOKENS, EncoderOptions, Precision, SentenceTransformerEncoder
from models.source import ModelSource, Origin, PreparedModel, prepare
from models.testing import HashingEncoder
from models.tokens import Prefixes
from models.windows import WindowPolicy

__all__ = [
    "MAX_BATCH_TOKENS",
    "BatchCounters",
    "BatchingEncoder",
    "Counts",
    "EmptyTextError",
    "Encoded",
    "Encoder",
    "EncoderBusyError",
    "EncoderOptions",
    "HashingEncoder",
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
    "load_encoder",
    "prepare",
]


def load_encoder(
    folder: Path,
    *,
    prefixes: Prefixes | None = None,
    policy: WindowPolicy | None = None,
    precision: Precision = "float32",
    threads: int | None = None,
) -> Encoder:
    """Load a prepared model folder, on the CPU and without network.

    Args:
        folder: what `prepare` returned.
        prefixes: replace those that the folder declares, role by role.
        policy: what becomes of texts over the model's limit.
        precision: ``bfloat16`` is faster on CPUs that have it, and another fingerprint.
        threads: CPU threads of torch in this process; ``None`` leaves them.

    Raises:
        SourceError: the folder is missing, no model, or damaged.
    """
    options = EncoderOptions(
        prefixes=prefixes or Prefixes(), policy=policy or WindowPolicy(), precision=precision, threads=threads
    )
    return SentenceTransformerEncoder(folder, options)
