"""A deterministic encoder without a model, for tests."""

from __future__ import annotations

import hashlib
import threading
import unicodedata
import zlib
from collections.abc import Sequence

import numpy as np

from models.encoder import Encoded, Role, Vectors
from models.errors import EmptyTextError
from models.tokens import INVISIBLE

GRAM_SIZES = (1, 2, 3)
MAX_CHARACTERS = 8192


class HashingEncoder:
    """Hashed character n-grams as unit vectors: texts that share words are near, in any language, on every machine.

    Args:
        dimension: length of a vector.
        name: another name is another fingerprint, with the same vectors.

    Attributes:
        name: the name given.
        fingerprint: digest over name and dimension.
        dimension: length of a vector.
        calls: how often `encode` was called.
        texts: how many texts it embedded.
    """

    def __init__(self, dimension: int = 64, *, name: str = "hashing") -> None:
        self.name = name
        self.fingerprint = hashlib.sha256(f"{name}/{dimension}".encode()).hexdigest()
        self.dimension = dimension
        self._lock = threading.Lock()
        self.calls = 0
        self.texts = 0

    def encode(self, texts: Sequence[str], role: Role) -> Encoded:  # noqa: ARG002 - the protocol's
        """Embed texts; the role makes no difference. A token is a character; 8,192 of them have influence.

        Raises:
            EmptyTextError: a text is empty after normalisation.
        """
        seen = [unicodedata.normalize("NFKC", text).casefold() for text in texts]
        for position, text in enumerate(seen):
            if all(unicodedata.category(character) in INVISIBLE for character in text):
                raise EmptyTextError(position)
        with self._lock:
            self.calls += 1
            self.texts += len(texts)
        rows = [self._vector(text[:MAX_CHARACTERS]) for text in seen]
        return Encoded(
            vectors=np.array(rows, dtype=np.float32).reshape(len(rows), self.dimension),
            tokens=np.array([len(text) for text in seen], dtype=np.int32),
            windows=np.ones(len(rows), dtype=np.int32),
            truncated=np.array([len(text) > MAX_CHARACTERS for text in seen], dtype=np.bool_),
        )

    def _vector(self, text: str) -> Vectors:
        vector = np.zeros(self.dimension, dtype=np.float64)
        words = " ".join(text.split())
        for size in GRAM_SIZES:
            for start in range(len(words) - size + 1):
                code = zlib.crc32(words[start : start + size].encode("utf-8", errors="replace"))
                # One bit chooses the sign, so that unrelated texts are near orthogonal; longer grams say more.
                vector[(code >> 1) % self.dimension] += size if code & 1 else -size
        length = float(np.linalg.norm(vector))
        if length == 0:  # every gram met its opposite
            vector[zlib.crc32(words.encode("utf-8", errors="replace")) % self.dimension] = length = 1.0
        return (vector / length).astype(np.float32)
