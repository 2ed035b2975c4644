"""`patmatch bench explain`: how long it takes to say why ten records match."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import numpy as np

from app.bootstrap import Services, match_limits
from app.domain import Kind, MatchAnswer, MatchRequest, Query, Why
from app.errors import InputError
from app.services.matching import MatchService
from scripts.console import Shell, shell_command

_WARM_UP = 3
"""Requests before the clock starts: a snapshot's table of terms is read once."""


@click.command("explain")
@click.option("--target", type=click.Choice([kind.value for kind in Kind]), default="patents", show_default=True)
@click.option(
    "--queries",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSONL; its titles are asked. Without it, the needs of the catalogue by their titles.",
)
@click.option("--most", default=200, show_default=True, type=click.IntRange(min=1), help="Queries at most.")
@click.option("-k", default=10, show_default=True, type=click.IntRange(min=1), help="Matches of a query.")
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
        texts = _titles(queries, most) if queries else _needs(services, most)
        row = _measured(services, Kind(target), texts, k)
    shell.table(tuple(row), [tuple(row.values())])
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


def _titles(path: Path, most: int) -> list[str]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf8").splitlines() if line.strip()]
    texts = [text for row in rows if (text := str(row.get("title") or row.get("text") or ""))]
    if not texts:
        raise InputError(f"{path.name} has no titles or texts.", f"{path.name} 中没有标题或文本。")
    return texts[:most]


def _measured(services: Services, target: Kind, texts: list[str], k: int) -> dict[str, Any]:
    stages: dict[str, list[float]] = {}
    service = MatchService(
        indexes=services.serving.indexes,
        catalogue=services.catalogue,
        limits=match_limits(services.settings),
        observe=lambda stage, seconds: stages.setdefault(stage, []).append(seconds * 1000),
    )
    plain = [MatchRequest(queries=(Query(id="q1", text=text),), target=target, k=k) for text in texts]
    for request in plain[:_WARM_UP]:
        service.match(replace(request, explain=True))
    stages.clear()
    without, answers = [], list[MatchAnswer]()
    for request in plain:
        began = perf_counter()
        service.match(request)
        without.append((perf_counter() - began) * 1000)
        answers.append(service.match(replace(request, explain=True)))
    whys = [match.why for answer in answers for match in answer.results[0].matches if match.why]
    added = np.array(stages.get("explain", [0.0]))
    return {
        "queries": len(texts),
        "matches": len(whys),
        "explain p50 ms": round(float(np.percentile(added, 50)), 1),
        "explain p99 ms": round(float(np.percentile(added, 99)), 1),
        "match p50 ms": round(float(np.percentile(without, 50)), 1),
        "with terms": _share(whys, "terms"),
        "with meanings": _share(whys, "meanings"),
    }


def _share(whys: list[Why], name: str) -> float:
    return round(sum(bool(getattr(why, name)) for why in whys) / max(1, len(whys)), 3)
