"""`patmatch bench filters`: how long a filtered search takes at each selectivity, and whether it is exact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
import numpy as np

from app.arrays import Floats, Mask
from app.domain import Kind
from app.errors import NotReadyError
from index import PlanKind, Snapshot
from scripts.bench.timing import Milliseconds, milliseconds, percentile
from scripts.console import AT_LEAST_ONE, KIND, Shell, shell_command

_SHARES = (1.0, 0.5, 0.1, 0.01, 0.001)
_FEW = 3
_TIE = 2e-6
_EXACT = (PlanKind.SUBSET, PlanKind.SCAN)


@click.command("filters")
@click.option("--target", type=KIND, default="patents", show_default=True)
@click.option("--queries", "count", default=100, show_default=True, type=AT_LEAST_ONE)
@click.option("-k", default=20, show_default=True)
@shell_command
def filters(shell: Shell, target: str, count: int, k: int) -> int:
    r"""Search the published snapshot among random parts of it, one query at a time, and compare with brute force.

    The peer is what a user would write: numpy over the vectors that pass. Both exact plans are timed beside the one
    that the service chooses. The exit status is 1 when an answer is not the true one.

    \b
    Example:
      patmatch bench filters --queries 100
    """
    with shell.services() as services:
        services.serving.open()
        served = services.serving.indexes[Kind(target)].current()
        if served is None:
            raise NotReadyError(f"No index of {target} is published.", f"尚未发布 {target} 索引。", code="no_index")
        rows, wrong = _measured(served.snapshot, count, k)
    shell.rows(rows)
    shell.line(f"{wrong} answers differ from brute force")
    shell.result({"target": target, "records": len(served.snapshot), "k": k, "rows": rows, "wrong": wrong})
    return 1 if wrong else 0


def _measured(snapshot: Snapshot, count: int, k: int) -> tuple[list[dict[str, Any]], int]:
    generator = np.random.default_rng(0)
    queries = [row[None] for row in snapshot.sample[generator.integers(0, len(snapshot.sample), count)]]
    everything = snapshot.vectors_at(np.arange(len(snapshot), dtype=np.int64))
    nearest = milliseconds(lambda query: snapshot.search(query, k), queries)
    rows: list[dict[str, Any]] = [{"passing": len(snapshot), "plan": "no filter", **_columns(nearest)}]
    wrong = 0
    for size in (*(round(len(snapshot) * share) for share in _SHARES), _FEW):
        mask = np.zeros(len(snapshot), dtype=np.bool_)
        mask[generator.permutation(len(snapshot))[:size]] = True
        chosen, *exact = (milliseconds(_by(snapshot, mask, k, kind), queries) for kind in (None, *_EXACT))
        peer = milliseconds(_brute(everything, mask, k), queries)
        wrong += sum(_differs(snapshot, everything, query, mask, k) for query in queries)
        rows.append(
            {
                "passing": size,
                "plan": snapshot.search(queries[0], k, allowed=mask).plan.kind.value,
                **_columns(chosen),
                **{f"{kind.value} p50": percentile(spent, 50) for kind, spent in zip(_EXACT, exact, strict=True)},
                "numpy p50": percentile(peer, 50),
                "numpy/ours": round(float(np.median(peer) / np.median(chosen)), 2),
            }
        )
    blank = dict.fromkeys(rows[-1], "")
    return [{**blank, **row} for row in rows], wrong


def _columns(spent: Milliseconds) -> dict[str, float]:
    return {"p50 ms": percentile(spent, 50), "p99 ms": percentile(spent, 99)}


def _by(snapshot: Snapshot, mask: Mask, k: int, kind: PlanKind | None) -> Callable[[Floats], object]:
    return lambda query: snapshot.index.search(query, k, allowed=mask, force=kind)


def _brute(everything: Floats, mask: Mask, k: int) -> Callable[[Floats], object]:
    def search(query: Floats) -> object:
        places = np.flatnonzero(mask)
        scores = everything[places] @ query[0]
        best = np.argpartition(-scores, min(k, len(scores) - 1))[:k]
        return places[best[np.argsort(-scores[best])]]

    return search


def _differs(snapshot: Snapshot, everything: Floats, query: Floats, mask: Mask, k: int) -> bool:
    """Whether the scores are not those of brute force, in float64."""
    truth = np.sort(everything[mask].astype(np.float64) @ query[0].astype(np.float64))[::-1][:k]
    found = snapshot.search(query, k, allowed=mask)
    scores = found.scores[0][found.positions[0] >= 0]
    return len(scores) != len(truth) or bool(np.abs(scores - truth).max(initial=0.0) > _TIE)
