"""`patmatch bench terms`: what an inverted index costs, how long its searches take, and whether they are right."""

from __future__ import annotations

import gzip
import json
import resource
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import numpy as np
import numpy.typing as npt

from app.services.candidates import asked_terms, counted_terms
from index import TermCounts, TermIndex
from index.bm25 import Postings, best, hash_of, saturated
from index.terms_build import write_terms
from scripts.console import Shell, shell_command

_SHARES = (0.5, 0.1, 0.01)
_TOLERANCE = 1e-4
"""Relative: float32 sums of 48 terms in another order."""
_PATH = click.Path(exists=True, dir_okay=False, path_type=Path)

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Query = Mapping[str, float]


@click.command("terms")
@click.argument("records", nargs=-1, required=True, type=_PATH)
@click.option("--queries", required=True, type=_PATH, help="JSONL with title and text.")
@click.option("-k", default=200, show_default=True, type=click.IntRange(min=1))
@click.option("--positions", default=300, show_default=True, type=click.IntRange(min=1), help="Records scored at once.")
@shell_command
def terms(shell: Shell, records: tuple[Path, ...], queries: Path, k: int, positions: int) -> int:
    r"""Index the title and abstract of JSONL records, plain or gzipped, and search them, one query at a time.

    The peer is what a user would write: numpy over a matrix of BM25 in memory, stored by term. The exit status is 1
    when a search misses a record that the peer scores better.

    \b
    Example:
      patmatch bench terms patents.jsonl.gz --queries needs.jsonl
    """
    with tempfile.TemporaryDirectory() as name:
        began = perf_counter()
        passages = list(_passages(records))
        counting = perf_counter() - began
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = perf_counter()
        files = write_terms(Path(name), map(counted_terms, passages), len(passages), 0)
        seconds = perf_counter() - began
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        index = TermIndex.open(Path(name))
        size = sum((Path(name) / file).stat().st_size for file in files)
        peer = _Matrix.of(passages, index)
        asked = [asked_terms(views, index, titled=True) for views in _views(queries)]
        rows, wrong = _measured(index, peer, asked, k, positions)
    built = {
        "records": len(index),
        "build_seconds": round(seconds, 1),
        "read_seconds": round(counting, 1),
        "build_mb": round(grown / 1024),
        "disk_mb": round(size / 1e6, 1),
    }
    shell.line("; ".join(f"{name.replace('_', ' ')} {value}" for name, value in built.items()))
    shell.table(tuple(rows[0]), [tuple(row.values()) for row in rows])
    shell.line(f"{wrong} answers differ from brute force")
    shell.result({**built, "k": k, "queries": len(asked), "rows": rows, "wrong": wrong})
    return 1 if wrong else 0


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        yield from (json.loads(line) for line in file)


def _passages(records: Sequence[Path]) -> Iterator[str]:
    for path in records:
        yield from (f"{record['title']}\n{record.get('abstract') or ''}" for record in _lines(path))


def _views(queries: Path) -> list[tuple[str, ...]]:
    read = ((line["title"], line.get("text") or line.get("description")) for line in _lines(queries))
    return [tuple(view for view in views if view) for views in read]


@dataclass(frozen=True, slots=True)
class _Matrix:
    """What each term adds to each text, by term: scores are sums of its columns."""

    postings: Postings
    added: Floats
    index: TermIndex

    @classmethod
    def of(cls, passages: Sequence[str], index: TermIndex) -> _Matrix:
        postings = Postings.of([TermCounts.of(counted_terms(passage)) for passage in passages])
        lengths = postings.lengths[postings.places]
        return cls(postings, saturated(postings.counts, lengths, index.mean_length), index)

    def scores(self, query: Query) -> Floats:
        """BM25 of every text, float32 ``[n]``."""
        scores = np.zeros(len(self.postings.lengths), dtype=np.float32)
        for term, weight in query.items():
            low, high = np.searchsorted(self.postings.hashes, ((wanted := hash_of(term)), wanted + 1))
            scores[self.postings.places[low:high]] += (
                np.float32(weight * self.index.weight(term)) * self.added[low:high]
            )
        return scores


def _measured(
    index: TermIndex, peer: _Matrix, queries: Sequence[Query], k: int, count: int
) -> tuple[list[dict[str, Any]], int]:
    generator = np.random.default_rng(0)
    rows, wrong = [], 0
    for share in (1.0, *_SHARES):
        allowed = None if share == 1.0 else generator.random(len(index)) < share
        ours = _milliseconds(_searching(index, k, allowed), queries)
        theirs = _milliseconds(_brute(peer, k, allowed), queries)
        wrong += sum(_differs(index, peer, query, k, allowed) for query in queries)
        rows.append(_row(f"{k} best" + ("" if share == 1.0 else f" of {share:.0%}"), ours, theirs))
    chosen = np.sort(generator.permutation(len(index))[:count])
    ours = _milliseconds(lambda query: index.scores(query, chosen), queries)
    rows.append(_row(f"{len(chosen)} scored", ours, _milliseconds(lambda query: peer.scores(query)[chosen], queries)))
    wrong += sum(
        not np.allclose(index.scores(query, chosen), peer.scores(query)[chosen], rtol=_TOLERANCE) for query in queries
    )
    return rows, wrong


def _searching(index: TermIndex, k: int, allowed: Mask | None) -> Callable[[Query], object]:
    return lambda query: index.search(query, k, allowed=allowed)


def _brute(peer: _Matrix, k: int, allowed: Mask | None) -> Callable[[Query], object]:
    return lambda query: best(_masked(peer.scores(query), allowed), k)


def _masked(scores: Floats, allowed: Mask | None) -> Floats:
    return scores if allowed is None else np.where(allowed, scores, np.float32(0))


def _differs(index: TermIndex, peer: _Matrix, query: Query, k: int, allowed: Mask | None) -> bool:
    """Whether the scores of the best are not those of brute force."""
    scores = _masked(peer.scores(query), allowed)
    truth, found = scores[best(scores, k)], index.search(query, k, allowed=allowed).scores
    return len(truth) != len(found) or not np.allclose(found, truth, rtol=_TOLERANCE)


def _milliseconds(call: Callable[[Query], object], queries: Sequence[Query]) -> npt.NDArray[np.float64]:
    call(queries[0])
    spent = []
    for query in queries:
        began = perf_counter()
        call(query)
        spent.append((perf_counter() - began) * 1000)
    return np.array(spent)


def _row(what: str, ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64]) -> dict[str, Any]:
    return {
        "what": what,
        "p50 ms": round(float(np.median(ours)), 2),
        "p99 ms": round(float(np.percentile(ours, 99)), 2),
        "numpy p50": round(float(np.median(theirs)), 2),
        "numpy p99": round(float(np.percentile(theirs, 99)), 2),
        "numpy/ours": round(float(np.median(theirs) / np.median(ours)), 2),
    }
