"""Inner products of many vectors at the speed of the machine's narrowest arithmetic, with what they may be off by.

Codes of 8 bits or of bfloat16 stand for the vectors. Both sides are turned by one random rotation first, which keeps
inner products and spreads each vector's weight evenly over its components, so that one step size fits them all (the
incoherence processing of Chee et al., QuIP, 2023). A sum of products of int8 codes is exact in int32, so that all that
is lost is lost by rounding the vectors, and that is bounded (Cauchy and Schwarz).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from time import perf_counter
from typing import Any

import numpy as np

from index.arrays import Floats

_LEVELS = 127
"""Largest int8 code; -128 is left out so that codes are symmetric."""
_PROBE_QUERIES, _PROBE_VECTORS, _PROBE_DIMENSION, _PROBE_ROUNDS = 512, 1024, 384, 6
"""What is multiplied to learn which arithmetic is fastest: 0.4 GFLOP, which takes a naive loop half a second."""
_LOOKED_AT = 131_072
"""Vectors of a corpus whose components tell its step; a larger component elsewhere is cut, which its error counts."""
ROWS = 16_384
"""Vectors rotated and rounded at once."""
_BFLOAT_STEP = 2.0**-8
"""Largest relative error of a bfloat16 product sum, which is rounded once when it is stored."""
_FLOAT_ERROR = 2e-6
"""How far apart float32 sums of one inner product of unit vectors may lie, in another order of summing."""


class Arithmetic(StrEnum):
    """What products are computed in."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"


@dataclass(frozen=True, slots=True)
class Coded:
    """Vectors as the products take them.

    Attributes:
        codes: torch tensor ``[n, d]``.
        step: what a code of one stands for, float32 ``[n, 1]`` for queries, a number for a corpus.
        error: the largest Euclidean distance of a vector of unit length to what its code stands for.
    """

    codes: Any
    step: Any
    error: float


@lru_cache(maxsize=1)
def fastest() -> Arithmetic:
    """The arithmetic that multiplies fastest here, measured once a process. It takes half a second."""
    with one_thread():
        spent = {kind: _seconds(kind) for kind in Arithmetic}
    return min(spent, key=lambda kind: spent[kind])


def _seconds(kind: Arithmetic) -> float:
    generator = np.random.default_rng(0)
    queries, vectors = (
        generator.standard_normal((n, _PROBE_DIMENSION), dtype=np.float32) for n in (_PROBE_QUERIES, _PROBE_VECTORS)
    )
    coder = Coder(kind, _PROBE_DIMENSION, 1.0, seed=0)
    left, right = coder.queries(queries), coder.corpus(vectors)
    multiply(left.codes, right.codes)
    spent = []
    for _ in range(_PROBE_ROUNDS):
        began = perf_counter()
        multiply(left.codes, right.codes)
        spent.append(perf_counter() - began)
    return min(spent)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute in the calling thread alone inside the block.

    Threads that each multiply blocks of their own need not wait for each other; where others use the machine too, that
    waiting costs more than half of the rate.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def multiply(queries: Any, vectors: Any, out: Any = None) -> Any:  # noqa: ANN401 - torch tensors
    """Products ``[q, n]`` of codes ``[q, d]`` and ``[n, d]``: int32 of int8 codes, else of the codes' own type.

    Args:
        queries: codes.
        vectors: codes of the same type.
        out: where they go; new memory for each call would cost as much as a product.
    """
    import torch

    if queries.dtype == torch.int8:
        return torch._int_mm(queries, vectors.T, out=out) if out is not None else torch._int_mm(queries, vectors.T)
    return torch.mm(queries, vectors.T, out=out)


def products_of(queries: int, vectors: int, dtype: Any) -> Any:  # noqa: ANN401
    """Memory for the products of codes of this type."""
    import torch

    return torch.empty((queries, vectors), dtype=torch.int32 if dtype == torch.int8 else dtype)


class Coder:
    """Turns vectors into codes of one arithmetic.

    Args:
        arithmetic: which.
        dimension: length of a vector.
        largest: the largest absolute component of a rotated corpus vector; see `largest_component`.
        seed: of the rotation.
    """

    def __init__(self, arithmetic: Arithmetic, dimension: int, largest: float, *, seed: int) -> None:
        self._arithmetic = arithmetic
        self._rotation = None if arithmetic is Arithmetic.FLOAT32 else rotation(dimension, seed)
        self._step = max(largest, float(np.finfo(np.float32).tiny)) / _LEVELS

    def corpus(self, vectors: Floats) -> Coded:
        """Codes of vectors float32 ``[n, d]``, with one step for all."""
        turned = self._turned(vectors)
        return self._rounded(turned, self._step) if self._arithmetic is Arithmetic.INT8 else self._floats(turned)

    def queries(self, vectors: Floats) -> Coded:
        """Codes of vectors float32 ``[n, d]``, each with its own step."""
        turned = self._turned(vectors)
        if self._arithmetic is not Arithmetic.INT8:
            return self._floats(turned)
        largest = turned.abs().amax(1, keepdim=True).clamp(min=float(np.finfo(np.float32).tiny))
        return self._rounded(turned, largest / _LEVELS)

    @property
    def relative_error(self) -> float:
        """How far a product may be off its codes' true one, as a share of it."""
        return _BFLOAT_STEP if self._arithmetic is Arithmetic.BFLOAT16 else 0.0

    def _turned(self, vectors: Floats) -> Any:  # noqa: ANN401 - a torch tensor
        import torch

        plain = torch.from_numpy(np.array(vectors))
        return plain if self._rotation is None else plain @ torch.from_numpy(self._rotation)

    @staticmethod
    def _rounded(turned: Any, step: Any) -> Coded:  # noqa: ANN401
        import torch

        rounded = (turned / step).round_().clamp_(-_LEVELS, _LEVELS)
        error = _distance(turned, rounded * step)
        return Coded(rounded.to(torch.int8), step if isinstance(step, float) else step.numpy(), error)

    def _floats(self, turned: Any) -> Coded:  # noqa: ANN401
        import torch

        if self._arithmetic is Arithmetic.FLOAT32:
            return Coded(turned.contiguous(), 1.0, _FLOAT_ERROR / 2)
        rounded = turned.to(torch.bfloat16)
        return Coded(rounded, 1.0, _distance(turned, rounded.float()))


def largest_component(vectors: Floats, *, seed: int) -> float:
    """The largest absolute component of vectors float32 ``[n, d]`` once they are rotated, by a sample of many."""
    turn = rotation(vectors.shape[1], seed)
    vectors = vectors[:: max(1, len(vectors) // _LOOKED_AT)]
    starts = range(0, len(vectors), ROWS)
    return max((float(np.abs(vectors[start : start + ROWS] @ turn).max()) for start in starts), default=0.0)


@lru_cache(maxsize=4)
def rotation(dimension: int, seed: int) -> Floats:
    """A random orthogonal matrix float32 ``[dimension, dimension]``, the same for a seed."""
    gauss = np.random.default_rng(seed).standard_normal((dimension, dimension))
    orthogonal, upper = np.linalg.qr(gauss)
    turned: Floats = (orthogonal * np.sign(np.diag(upper))).astype(np.float32)
    return turned


def _distance(vectors: Any, stood_for: Any) -> float:  # noqa: ANN401 - torch tensors
    return float((vectors - stood_for).norm(dim=1).max()) if len(vectors) else 0.0
