"""Texts of the catalogue to stored vectors: each text is embedded once per fingerprint."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

from app.arrays import Floats
from index import VectorStore, text_key
from models import EmptyTextError, Encoded, Encoder, Role

CHUNK_TEXTS = 512
"""Texts embedded between two durable appends: a kill loses under a minute of work at 13 texts a second."""


@dataclass(slots=True)
class EmbeddingCounts:
    """What was embedded because no vector was stored: texts, their tokens, those cut short, and the seconds it took."""

    texts: int = 0
    tokens: int = 0
    truncated: int = 0
    seconds: float = 0.0


class Embedder:
    """Embeds texts that have no vector yet and stores the vectors durably.

    Args:
        encoder: the encoder.
        store: the vector store of its fingerprint.
        at_once: texts embedded between two durable appends, in one call of the encoder.

    Attributes:
        empty: texts in which the model sees nothing; they have no vector.
    """

    def __init__(self, encoder: Encoder, store: VectorStore, *, at_once: int = CHUNK_TEXTS) -> None:
        self._encoder = encoder
        self._store = store
        self._at_once = at_once
        self.counts = EmbeddingCounts()
        self.empty: set[str] = set()

    def vectors(self, texts: Sequence[str], role: Role) -> Floats:
        """Vectors float32 ``[n, d]`` of those of ``texts`` that are not empty; stored ones are not made again."""
        self.embed(texts, role)
        return self._store.get([text_key(role, text) for text in texts if text not in self.empty])

    def embed_some(self, texts: Sequence[str], role: Role, most: int) -> int:
        """Embed at most ``most`` of ``texts``, those without a stored vector; how many are left is returned."""
        missing = self._missing(texts, role)
        self.embed(missing[:most], role)
        return len(missing[most:])

    def embed(self, texts: Sequence[str], role: Role, report: Callable[[int], None] = lambda _done: None) -> None:
        """Make sure that each of ``texts`` has a stored vector; ``report`` is called with the number embedded so far.

        A text in which the model sees nothing is noted in ``empty``: one odd record must not stop a build.
        """
        done = 0
        missing = self._missing(texts, role)
        for start in range(0, len(missing), self._at_once):
            began = perf_counter()
            chunk, encoded = self._encode(missing[start : start + self._at_once], role)
            self.counts.seconds += perf_counter() - began
            keys = [text_key(role, text) for text in chunk]
            self._store.append(keys, encoded.vectors, encoded.tokens, encoded.truncated, encoded.windows)
            self.counts.texts += len(chunk)
            self.counts.tokens += int(encoded.tokens.sum())
            self.counts.truncated += int(encoded.truncated.sum())
            done += len(chunk)
            report(done)

    def absent(self, texts: Mapping[bytes, str]) -> list[str]:
        """Those of the texts, given by their keys, that have no vector yet."""
        gone = self._store.missing(list(texts))
        return [text for text, absent in zip(texts.values(), gone, strict=True) if absent]

    def _encode(self, texts: Sequence[str], role: Role) -> tuple[list[str], Encoded]:
        """The texts that have a vector, and their vectors."""
        left = list(texts)
        while True:  # an encoder names one empty text at a time
            try:
                return left, self._encoder.encode(left, role)
            except EmptyTextError as error:
                self.empty.add(left.pop(error.position))

    def _missing(self, texts: Sequence[str], role: Role) -> list[str]:
        """The texts without a vector, each once, longest last so that texts of like length share a batch."""
        if not texts:
            return []
        absent = self._store.missing([text_key(role, text) for text in texts])
        return sorted(
            {text for text, gone in zip(texts, absent, strict=True) if gone} - self.empty,
            key=lambda text: (len(text), text),
        )
