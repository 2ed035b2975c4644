"""Vectors to a FAISS index: exact where that is fast, else inverted lists with the probes that the recall needs."""

from __future__ import annotations

import math
from typing import Any

import faiss
import numpy as np

from index.checks import check_vectors
from index.engine import FaissIndex, faiss_threads
from index.recall import Truth, blocks_of
from index.sources import VectorSource

FLAT = "flat"
IVF_FP16 = "ivf_sqfp16"

LISTS_PER_ROOT = 4  # nlist = 4 * sqrt(n); FAISS's guide to choosing an index advises 4 to 16
# FAISS warns under 39 training vectors a list. With 256 instead of 50 recall was the same (0.981 and 0.982 at nprobe
# 128, 100,000 synthetic vectors) and building took half as long again.
FEWEST_TRAINING_PER_LIST = 39
TRAINING_PER_LIST = 50
FIRST_NPROBE = 4
# What is kept is a vector's difference from its list's centre: smaller, so that rounding it to 16 bits loses less.
# With all lists read, recall is then 0.9999 instead of 0.9992 (as above).
BY_RESIDUAL = True


def build_flat(source: VectorSource, threads: int | None) -> Any:  # noqa: ANN401 - faiss has no types
    """A ``faiss.IndexFlatIP`` over all vectors of ``source``.

    Raises:
        VectorInputError: a vector is not float32, finite and of unit length.
    """
    index = faiss.IndexFlatIP(source.dimension)
    _add_all(index, source, threads)
    return index


def list_count(count: int) -> int:
    """How many lists an IVF index over ``count`` vectors has."""
    return max(1, min(round(LISTS_PER_ROOT * math.sqrt(count)), count // FEWEST_TRAINING_PER_LIST))


def build_ivf(source: VectorSource, threads: int | None, seed: int) -> Any:  # noqa: ANN401
    """A ``faiss.IndexIVFScalarQuantizer`` with 16-bit floats, trained on a seeded sample of ``source``.

    Raises:
        VectorInputError: a vector is not float32, finite and of unit length.
    """
    nlist = list_count(len(source))
    quantizer = faiss.IndexFlatIP(source.dimension)
    index = faiss.IndexIVFScalarQuantizer(
        quantizer, source.dimension, nlist, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT, BY_RESIDUAL
    )
    index.cp.seed = seed
    size = min(len(source), TRAINING_PER_LIST * nlist)
    chosen = np.random.default_rng(seed).choice(len(source), size=size, replace=False)
    sample = check_vectors(source.take(np.sort(chosen)), source.dimension, unit=True)
    with faiss_threads(threads):
        index.train(sample)
    _add_all(index, source, threads)
    index.make_direct_map()  # 8 bytes a vector, kept in the file: without it a vector cannot be read by its position
    return index


def tune_nprobe(index: FaissIndex, source: VectorSource, truth: Truth, target: float, nlist: int) -> int:
    """The least ``nprobe`` of 4, 8, 16, ... ``nlist`` whose recall reaches ``target``; ``nlist`` when none does."""
    nprobe = FIRST_NPROBE
    while nprobe < nlist and truth.recall(index.with_nprobe(nprobe), source) < target:
        nprobe *= 2
    return min(nprobe, nlist)


def _add_all(index: Any, source: VectorSource, threads: int | None) -> None:  # noqa: ANN401
    with faiss_threads(threads):
        for block in blocks_of(source):
            index.add(block)
