"""Vectors by position: what a snapshot is built from, without holding them all."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from index.arrays import Floats, Positions
from index.errors import VectorInputError


class VectorSource(Protocol):
    """Vectors of a snapshot by position, so that a build needs not hold them all."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def __len__(self) -> int:
        """How many vectors there are."""
        ...

    def take(self, positions: Positions) -> Floats:
        """The unit vectors float32 ``[n, dimension]`` at ``positions`` int64 ``[n]``."""
        ...


class ArrayVectors:
    """An array float32 ``[n, dimension]`` as a source.

    Raises:
        VectorInputError: it is not a two-dimensional array.
    """

    def __init__(self, array: Floats) -> None:
        if not isinstance(array, np.ndarray) or array.ndim != 2:
            raise VectorInputError("vectors must be an array of the shape [n, dimension]")
        self._array = array

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._array.shape[1])

    def __len__(self) -> int:
        return len(self._array)

    def take(self, positions: Positions) -> Floats:
        """The vectors at ``positions``."""
        return np.ascontiguousarray(self._array[positions])
