"""`patmatch bench explain`: how long it takes to say why ten records match."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import click

from app.domain import Kind, MatchAnswer, MatchRequest, Query, Why
from app.errors import InputError
from app.match.service import MatchService
from app.wiring import Services
from scripts.bench.timing import milliseconds, percentile, titles
from scripts.console import AT_LEAST_ONE, INPUT, KIND, Shell, shell_command

_WARM_UP = 3
"""Requests before the clock starts: a snapshot's table of terms is read once."""


@click.command("explain")
@click.option("--target", type=KIND, default="patents", show_default=True)
@click.option(
    "--queries",
    type=INPUT,
    help="JSONL; its titles are asked. Without it, the needs of the catalogue by their titles.",
)
@click.option("--most", default=200, show_default=True, type=AT_LEAST_ONE, help="Queries at most.")
@click.option("-k", default=10, show_default=True, type=AT_LEAST_ONE, help="Matches of a query.")
@shell_command
def explain(shell: Shell, target: str, queries: Path | None, most: int, k: int) -> int:
    r"""Ask the published index with and without reasons, in turn, and print what the reasons add.

    What is timed is the service's own stage, so it is no difference of two noisy figures. A query whose terms no table
    has is timed as it comes: its terms are embedded the first time.

    \b
    Example:
      patmatch bench explain --most 100
    """
    with shell.services() as services:
        services.serving.open()
        texts = titles(queries)[:most] if queries else _needs(services, most)
        requests = [MatchRequest(queries=(Query(id="q1", text=text),), target=Kind(target), k=k) for text in texts]
        row = _measured(services, requests)
    shell.rows([row])
    shell.result({"target": target, "k": k, **row})
    return 0


def _needs(services: Services, most: int) -> list[str]:
    pages = services.catalogue.iterate(Kind.NEEDS, batch_size=most)
    texts = [need.heading for need in islice(chain.from_iterable(pages), most)]
    if not texts:
        raise InputError(
            "The catalogue has no needs; give --queries FILE.", "目录中没有需求，请用 --queries 指定文件。"
        )
    return texts


class _Milliseconds:
    """Takes the seconds of a stage of matches."""

    def __init__(self, found: list[float]) -> None:
        self._found = found

    def observe(self, amount: float) -> None:
        """Keep them as milliseconds."""
        self._found.append(amount * 1000)


def _measured(services: Services, requests: list[MatchRequest]) -> dict[str, Any]:
    stages: dict[str, list[float]] = {}
    service = MatchService(
        indexes=services.serving.indexes,
        catalogue=services.catalogue,
        limits=services.match_limits,
        stages=lambda name: _Milliseconds(stages.setdefault(name, [])),
    )

    def explained(request: MatchRequest) -> MatchAnswer:
        return service.match(replace(request, explain=True))

    for request in requests[:_WARM_UP]:
        explained(request)
    stages.clear()
    without, answers = list[float](), list[MatchAnswer]()
    for request in requests:
        without += milliseconds(service.match, [request], warm=False).tolist()
        answers.append(explained(request))
    whys = [match.why for answer in answers for match in answer.results[0].matches if match.why]
    added = stages.get("explain", [])
    return {
        "queries": len(requests),
        "matches": len(whys),
        "explain p50 ms": percentile(added, 50, 1),
        "explain p99 ms": percentile(added, 99, 1),
        "match p50 ms": percentile(without, 50, 1),
        "with terms": _share(whys, "terms"),
        "with meanings": _share(whys, "meanings"),
    }


def _share(whys: list[Why], name: str) -> float:
    return round(sum(bool(getattr(why, name)) for why in whys) / max(1, len(whys)), 3)
