"""An encoder that keeps every vector, so that the same text is embedded once, however often it is asked for."""

from __future__ import annotations

from collections.abc import Sequence

from app.serving.embedding import Embedder
from index import VectorStore, text_key
from models import Encoded, Encoder, Role


class KeptEncoder:
    """Answers from the vector store, after embedding what is missing there. For offline work: a new text is a write.

    Args:
        encoder: embeds what is missing.
        store: the vector store of its fingerprint.
    """

    def __init__(self, encoder: Encoder, store: VectorStore) -> None:
        self.name = encoder.name
        self.fingerprint = encoder.fingerprint
        self.dimension = encoder.dimension
        self._store = store
        self._embedder = Embedder(encoder, store)

    def encode(self, texts: Sequence[str], role: Role) -> Encoded:
        """Vectors and facts of ``texts``, kept ones where there are.

        Raises:
            EmptyTextError: a text is empty after the model's own normalisation.
            StoreLockedError: another process writes vectors of this model.
        """
        vectors = self._embedder.vectors(texts, role)
        facts = self._store.facts([text_key(role, text) for text in texts])
        return Encoded(vectors=vectors, tokens=facts.tokens, windows=facts.windows, truncated=facts.truncated)
