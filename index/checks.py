"""What an array must be before it is stored, indexed or searched with."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from index.arrays import Floats, Mask
from index.errors import VectorInputError

# float32 unit vectors of a few hundred dimensions are within 1e-6 of length 1; a vector that was never normalised is
# not.
UNIT_TOLERANCE = 1e-3


def check_vectors(array: npt.NDArray[Any], dimension: int, *, unit: bool = False) -> Floats:
    """``array`` itself, once it is known to be float32 ``[n, dimension]``, C-contiguous and finite.

    Args:
        array: what a caller handed in.
        dimension: the length that each row must have.
        unit: whether rows must also be of length 1, within ``UNIT_TOLERANCE``.

    Raises:
        VectorInputError: it is not; the message says what it is.
    """
    if not isinstance(array, np.ndarray) or array.dtype != np.float32:
        raise VectorInputError(f"vectors must be a float32 array, not {getattr(array, 'dtype', type(array).__name__)}")
    if array.ndim != 2 or array.shape[1] != dimension:
        raise VectorInputError(f"vectors must have the shape [n, {dimension}], not {list(array.shape)}")
    if not array.flags.c_contiguous:
        raise VectorInputError("vectors must be C-contiguous")
    squares = np.einsum("nd,nd->n", array, array, dtype=np.float64)
    if not np.isfinite(squares).all():
        raise VectorInputError(f"vector {int(np.argmin(np.isfinite(squares)))} has a value that is not a finite number")
    if unit:
        off = np.flatnonzero(np.abs(np.sqrt(squares) - 1.0) > UNIT_TOLERANCE)
        if len(off):
            raise VectorInputError(f"vector {off[0]} has the length {np.sqrt(squares[off[0]]):.4f}, not 1")
    return array


def check_mask(mask: npt.NDArray[Any], count: int) -> Mask:
    """``mask`` itself, once it is known to be bool ``[count]``.

    Raises:
        VectorInputError: it is not.
    """
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (count,):
        found = f"{mask.dtype} {list(mask.shape)}" if isinstance(mask, np.ndarray) else type(mask).__name__
        raise VectorInputError(f"allowed must be a bool array of shape [{count}], not {found}")
    return mask
