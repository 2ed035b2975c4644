"""The ids of a snapshot: position to id and back, without a Python string for each.

At 940,000 ids a list and a dict take 117 MB in every process; a mapped blob with offsets and a sorting
permutation takes the text plus 12 bytes an id (21 MB), shared between processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from index.arrays import Array, Positions, read_array, write_array
from index.errors import VectorInputError

IDS_FILES = ("ids.text.npy", "ids.offsets.npy", "ids.order.npy")


class IdList:
    """Ids by position. Built by ``IdList.of``, or read from a file."""

    def __init__(
        self, text: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], order: npt.NDArray[np.int32]
    ) -> None:
        if len(offsets) != len(order) + 1 or offsets[-1] != len(text):
            raise ValueError("text, offsets and order do not fit each other")
        self._text = text
        self._offsets = offsets
        self._order = order

    @classmethod
    def of(cls, ids: Sequence[str]) -> IdList:
        """The list of ``ids``.

        Raises:
            VectorInputError: an id is empty or occurs twice.
        """
        encoded = [text.encode("utf-8") for text in ids]
        order = sorted(range(len(encoded)), key=encoded.__getitem__)
        for left, right in pairwise(order):
            if encoded[left] == encoded[right]:
                raise VectorInputError(f"the id {ids[left]!r} occurs twice, at positions {left} and {right}")
        if order and not encoded[order[0]]:
            raise VectorInputError(f"the id at position {order[0]} is empty")
        offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
        np.cumsum([len(text) for text in encoded], out=offsets[1:])
        return cls(np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets, np.array(order, dtype=np.int32))

    @classmethod
    def read(cls, directory: Path) -> IdList:
        """The list that ``write`` wrote, mapped.

        Raises:
            ValueError: the files are not those of such a list.
        """
        return cls(*(read_array(directory / name) for name in IDS_FILES))

    def write(self, directory: Path) -> None:
        """Write the list and flush it to the disk."""
        arrays: tuple[Array, ...] = (self._text, self._offsets, self._order)
        for name, array in zip(IDS_FILES, arrays, strict=True):
            write_array(directory / name, array)

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, position: int) -> str:
        if not 0 <= position < len(self._order):
            raise IndexError(f"there is no position {position} among {len(self._order)} ids")
        return self._raw(position).decode("utf-8")

    def __iter__(self) -> Iterator[str]:
        return (self._raw(position).decode("utf-8") for position in range(len(self._order)))

    def take(self, positions: Positions) -> list[str]:
        """The ids at ``positions`` int64 ``[n]``.

        Raises:
            IndexError: a position is not in the list.
        """
        return [self[position] for position in positions.tolist()]

    def position_of(self, text: str) -> int | None:
        """Where an id is, or ``None``."""
        wanted = text.encode("utf-8", "surrogatepass")
        low, high = 0, len(self._order)
        while low < high:
            middle = (low + high) // 2
            if self._raw(int(self._order[middle])) < wanted:
                low = middle + 1
            else:
                high = middle
        if low == len(self._order):
            return None
        position = int(self._order[low])
        return position if self._raw(position) == wanted else None

    def positions_of(self, ids: Iterable[str]) -> Positions:
        """Where those of ``ids`` are that the list has, int64, in the order given."""
        found = (self.position_of(text) for text in ids)
        return np.array([position for position in found if position is not None], dtype=np.int64)

    def _raw(self, position: int) -> bytes:
        return self._text[self._offsets[position] : self._offsets[position + 1]].tobytes()
