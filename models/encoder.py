"""The protocol that everything which turns text into vectors follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int32]


class Role(StrEnum):
    """Which side of a search a text is on. The encoder adds the model's prefix for it; callers never do."""

    QUERY = "query"
    PASSAGE = "passage"


@dataclass(frozen=True, slots=True)
class Encoded:
    """Vectors of a batch of texts, in the texts' order.

    Attributes:
        vectors: float32 ``[n, dimension]``, unit length.
        tokens: int32 ``[n]``, tokens of the whole text with prefix and special tokens, also those beyond any limit.
        windows: int32 ``[n]``, how many windows of the model's length the text was read in.
        truncated: bool ``[n]``, whether a tail of the text had no influence because it exceeds the declared limit.
    """

    vectors: Vectors
    tokens: Counts
    windows: Counts
    truncated: npt.NDArray[np.bool_]

    def take(self, rows: slice | npt.NDArray[np.intp]) -> Encoded:
        """The vectors and facts of some of the texts, in the order of ``rows``."""
        return Encoded(self.vectors[rows], self.tokens[rows], self.windows[rows], self.truncated[rows])

    @classmethod
    def joined(cls, parts: Sequence[Encoded]) -> Encoded:
        """Several batches, of which there is at least one, as one."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))


class Encoder(Protocol):
    """Text and role to unit vectors. Safe to call from several threads."""

    @property
    def name(self) -> str:
        """What people call the model."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hex digest over all that changes a vector; vectors of two fingerprints never meet in one search."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def encode(self, texts: Sequence[str], role: Role) -> Encoded:
        """Embed ``texts``; the same text gives the same vector alone or in any batch, to 1e-5.

        Raises:
            EmptyTextError: a text is empty after the model's own normalisation.
            EncoderBusyError: the queue is full.
        """
        ...
