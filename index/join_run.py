"""A join of many queries as work that can be stopped anywhere: each block of queries is a file, whole or not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from time import perf_counter

import numpy as np

from index.arrays import Positions, VectorSource, read_bundle, write_bundle
from index.durable import failpoint, make_directory, sync_directory
from index.engine import NO_POSITION, exact_search
from index.faiss_build import SCORE_TOLERANCE
from index.join import JoinCorpus, JoinPart, Neighbours, merge_neighbours

QUERIES_A_FILE = 8192
"""Queries between two files: seconds of work, which is all that a kill loses."""
RECALL_AT = 20
_BLOCK = 65_536  # vectors held at once by an exact search: 100 MB at 384 dimensions


@dataclass(frozen=True, slots=True)
class JoinTask:
    """Queries that are joined with the same part of a corpus.

    Attributes:
        name: of its files; letters, digits and hyphens.
        queries: int64 ``[q]``, which.
        corpus: int64 ``[m]``, ascending, with which; all when ``None``.
    """

    name: str
    queries: Positions
    corpus: Positions | None = None


@dataclass(frozen=True, slots=True)
class JoinProgress:
    """How far a join is, in pairs of a query and a vector; ``scored`` of them in ``seconds`` by this process."""

    done: int
    total: int
    scored: int
    seconds: float


def run_join(
    corpus: JoinCorpus,
    queries: VectorSource,
    tasks: Sequence[JoinTask],
    directory: Path,
    report: Callable[[JoinProgress], None] = lambda _progress: None,
) -> None:
    """Do what is left of ``tasks``; what has a file in ``directory`` is not done again.

    The files belong to the tasks, corpus and options that they were made with: a caller keeps a directory for each.

    Raises:
        VectorInputError: vectors are not what they must be.
    """
    make_directory(directory)
    sizes = {task.name: len(corpus.rows) if task.corpus is None else len(task.corpus) for task in tasks}
    total = sum(sizes[task.name] * len(task.queries) for task in tasks)
    done = scored = 0
    began = perf_counter()
    for task in tasks:
        part: JoinPart | None = None
        for path, wanted in _files_of(task, directory):
            pairs = sizes[task.name] * len(wanted)
            if not path.exists():
                part = part or corpus.part(task.corpus)
                _write(path, wanted, part.search(queries.take(wanted)))
                scored += pairs
            done += pairs
            report(JoinProgress(done, total, scored, perf_counter() - began))


def read_join(tasks: Sequence[JoinTask], directory: Path, count: int, k: int) -> Neighbours:
    """What ``run_join`` found, for all ``count`` queries; one that is in several tasks has the best of all.

    Returns:
        12 bytes a place: 350 MB for 450,000 queries with 64 neighbours. A query in no task has none, and is certified.
    """
    scores = np.full((count, k), -np.inf, dtype=np.float32)
    positions = np.full((count, k), NO_POSITION, dtype=np.int64)
    certified = np.ones(count, dtype=np.bool_)
    for task in tasks:
        for path, wanted in _files_of(task, directory):
            arrays = read_bundle(path)
            found = Neighbours(arrays["scores"], arrays["positions"].astype(np.int64), arrays["certified"])
            before = Neighbours(scores[wanted], positions[wanted], certified[wanted])
            after = merge_neighbours([before, found], k)
            scores[wanted], positions[wanted], certified[wanted] = after.scores, after.positions, after.certified
    return Neighbours(scores, positions, certified)


def sampled_recall(
    corpus: JoinCorpus, queries: VectorSource, tasks: Sequence[JoinTask], found: Neighbours, sample: Positions
) -> float:
    """Mean recall@20 of ``found`` at the queries of ``sample`` int64 ``[m]`` against exact search in float32.

    A place counts as found where its score reaches that of the last true neighbour; 1 where there is nothing to find.
    """
    truth = Neighbours(
        np.full((len(sample), RECALL_AT), -np.inf, dtype=np.float32),
        np.full((len(sample), RECALL_AT), NO_POSITION, dtype=np.int64),
        np.ones(len(sample), dtype=np.bool_),
    )
    for task in tasks:
        mine = np.flatnonzero(np.isin(sample, task.queries))
        if len(mine):
            before = Neighbours(truth.scores[mine], truth.positions[mine], truth.certified[mine])
            wanted = np.arange(len(corpus.rows), dtype=np.int64) if task.corpus is None else task.corpus
            blocks = (corpus.rows[wanted[start : start + _BLOCK]] for start in range(0, len(wanted), _BLOCK))
            hits = exact_search(blocks, queries.take(sample[mine]), min(RECALL_AT, len(wanted)))
            exact = Neighbours(hits.scores, wanted[hits.positions], np.ones(len(mine), dtype=np.bool_))
            after = merge_neighbours([before, exact], RECALL_AT)
            truth.scores[mine], truth.positions[mine] = after.scores, after.positions
    there = np.isfinite(truth.scores).sum(1)
    last = np.where(np.isfinite(truth.scores), truth.scores, np.inf).min(1)
    served = found.scores[sample, :RECALL_AT]
    hits = (served >= last[:, None] - SCORE_TOLERANCE).sum(1)
    some = there > 0
    return float(np.mean(np.minimum(hits, there)[some] / there[some])) if some.any() else 1.0


def _files_of(task: JoinTask, directory: Path) -> Iterator[tuple[Path, Positions]]:
    for start in range(0, len(task.queries), QUERIES_A_FILE):
        yield directory / f"{task.name}-{start:09}.npz", task.queries[start : start + QUERIES_A_FILE]


def _write(path: Path, queries: Positions, found: Neighbours) -> None:
    """Under its own name only once all of it is on the disk."""
    beside = path.with_name(f".{path.name}.{token_hex(4)}")
    write_bundle(
        beside,
        {
            "queries": queries,
            "scores": found.scores,
            "positions": found.positions.astype(np.int32),
            "certified": found.certified,
        },
    )
    beside.replace(path)
    sync_directory(path.parent)
    failpoint("join.block")
