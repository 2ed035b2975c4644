"""`patmatch bench terms`: what an inverted index costs, how long its searches take, and whether they are right."""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import numpy as np

from app.arrays import Floats, Mask
from app.match.scorer import weighed_terms
from app.text.terms import terms_of
from index import TermCounts, TermIndex
from index.bm25 import Postings, best, hash_of, saturated
from index.terms_build import write_terms
from scripts.bench.timing import Milliseconds, json_lines, milliseconds, percentile
from scripts.console import AT_LEAST_ONE, INPUT, Shell, shell_command

_SHARES = (0.5, 0.1, 0.01)
_TOLERANCE = 1e-4
"""Relative: float32 sums of 48 terms in another order."""

Query = Mapping[str, float]


@click.command("terms")
@click.argument("records", nargs=-1, required=True, type=INPUT)
@click.option("--queries", required=True, type=INPUT, help="JSONL with title and text.")
@click.option("-k", default=200, show_default=True, type=AT_LEAST_ONE)
@click.option("--positions", default=300, show_default=True, type=AT_LEAST_ONE, help="Records scored at once.")
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
        files = write_terms(Path(name), map(terms_of, passages), len(passages), 0)
        seconds = perf_counter() - began
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        index = TermIndex.open(Path(name))
        size = sum((Path(name) / file).stat().st_size for file in files)
        peer = _Matrix.of(passages, index)
        asked = [weighed_terms(text_parts, index, titled=True) for text_parts in _text_parts(queries)]
        rows, wrong = _measured(index, peer, asked, k, positions)
    built = {
        "records": len(index),
        "build_seconds": round(seconds, 1),
        "read_seconds": round(counting, 1),
        "build_mb": round(grown / 1024),
        "disk_mb": round(size / 1e6, 1),
    }
    shell.line("; ".join(f"{name.replace('_', ' ')} {value}" for name, value in built.items()))
    shell.rows(rows)
    shell.line(f"{wrong} answers differ from brute force")
    shell.result({**built, "k": k, "queries": len(asked), "rows": rows, "wrong": wrong})
    return 1 if wrong else 0


def _passages(records: Sequence[Path]) -> Iterator[str]:
    for path in records:
        yield from (f"{record['title']}\n{record.get('abstract') or ''}" for record in json_lines(path))


def _text_parts(queries: Path) -> list[tuple[str, ...]]:
    read = ((line["title"], line.get("text") or line.get("description")) for line in json_lines(queries))
    return [tuple(index_state for index_state in text_parts if index_state) for text_parts in read]


@dataclass(frozen=True, slots=True)
class _Matrix:
    """What each term adds to each text, by term: scores are sums of its columns."""

    postings: Postings
    added: Floats
    index: TermIndex

    @classmethod
    def of(cls, passages: Sequence[str], index: TermIndex) -> _Matrix:
        postings = Postings.of([TermCounts.of(terms_of(passage)) for passage in passages])
        lengths = postings.lengths[postings.places]
        return cls(postings, saturated(postings.counts, lengths, index.mean_length).astype(np.float32), index)

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
        ours = milliseconds(_searching(index, k, allowed), queries)
        theirs = milliseconds(_brute(peer, k, allowed), queries)
        wrong += sum(_differs(index, peer, query, k, allowed) for query in queries)
        rows.append(_row(f"{k} best" + ("" if share == 1.0 else f" of {share:.0%}"), ours, theirs))
    chosen = np.sort(generator.permutation(len(index))[:count])
    ours = milliseconds(lambda query: index.scores(query, chosen), queries)
    rows.append(_row(f"{len(chosen)} scored", ours, milliseconds(lambda query: peer.scores(query)[chosen], queries)))
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


def _row(what: str, ours: Milliseconds, theirs: Milliseconds) -> dict[str, Any]:
    figures = {"p50 ms": (ours, 50), "p99 ms": (ours, 99), "numpy p50": (theirs, 50), "numpy p99": (theirs, 99)}
    return {
        "what": what,
        **{name: percentile(spent, percent) for name, (spent, percent) in figures.items()},
        "numpy/ours": round(float(np.median(theirs) / np.median(ours)), 2),
    }
