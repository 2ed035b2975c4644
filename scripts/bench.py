"""`patmatch bench`: measure a running service."""

from __future__ import annotations

import asyncio
import json
import platform
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import httpx
import numpy as np

from app.errors import InputError
from scripts.bench_explain import explain
from scripts.bench_filters import filters
from scripts.bench_home import home
from scripts.bench_push import push
from scripts.bench_terms import terms
from scripts.console import Shell, shell_command

_TIMEOUT_SECONDS = 60.0
_SHORT_NEED = "高镍三元动力电解液的开发"


@dataclass(slots=True)
class _Tally:
    """What a run of requests saw.

    Attributes:
        seconds: wall time of each answered request.
        failures: status or kind of error of each failed one.
        snapshots: answers of each snapshot.
        answers: the ids answered to a query by a snapshot, and how often another list came for the same pair.
    """

    seconds: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    snapshots: Counter[str] = field(default_factory=Counter)
    answers: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    inconsistent: int = 0

    def take(self, text: str, answer: dict[str, Any]) -> None:
        """Note one answer."""
        # The same state of the index: the snapshot, and the changes up to a revision.
        snapshot = f"{answer['snapshot']['id']}@{answer['snapshot']['revision']}"
        ids = tuple(match["id"] for match in answer["results"][0]["matches"])
        self.snapshots[snapshot] += 1
        self.inconsistent += self.answers.setdefault((text, snapshot), ids) != ids


@click.group(short_help="Measure the running service.")
def command() -> None:
    """Measure the running service, the published index and the push run."""


command.add_command(filters)
command.add_command(home)
command.add_command(push)
command.add_command(explain)
command.add_command(terms)


@command.command("serve")
@click.option("--url", default="http://127.0.0.1:8000", show_default=True)
@click.option("--requests", default=500, show_default=True, type=click.IntRange(min=1), help="Requests in all.")
@click.option("--seconds", type=float, help="Send for so long instead of counting.")
@click.option("--clients", default=1, show_default=True, type=click.IntRange(min=1), help="Clients at once.")
@click.option("-k", default=10, show_default=True)
@click.option(
    "--queries",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSONL; its titles are asked in turn.",
)
@shell_command
def serve(
    shell: Shell, url: str, requests: int, seconds: float | None, clients: int, k: int, queries: Path | None
) -> int:
    r"""Send match requests without pause and print latency, throughput and what failed.

    An answer that differs from an earlier one to the same query by the same snapshot counts as inconsistent. The
    exit status is 1 when anything failed or was inconsistent.

    \b
    Example:
      patmatch bench serve --requests 500
      patmatch bench serve --clients 16 --queries needs.jsonl
    """
    texts = _titles(queries) if queries else [_SHORT_NEED]
    plan = _Plan(url, k, texts, requests, seconds)
    began = perf_counter()
    tally = asyncio.run(_run(plan, clients))
    result = _summary(tally, perf_counter() - began, clients)
    shell.table(tuple(result), [tuple(result.values())])
    shell.result(result)
    return 1 if tally.failures or tally.inconsistent else 0


@dataclass(frozen=True, slots=True)
class _Plan:
    url: str
    k: int
    texts: Sequence[str]
    requests: int
    seconds: float | None

    def turns(self) -> Iterator[str]:
        """The text of each request, shared by all clients, until enough were sent or the time is over."""
        end = perf_counter() + self.seconds if self.seconds else None
        for n in count():
            if perf_counter() >= end if end is not None else n >= self.requests:
                return
            yield self.texts[n % len(self.texts)]


async def _run(plan: _Plan, clients: int) -> _Tally:
    tally, turns = _Tally(), plan.turns()
    async with httpx.AsyncClient(base_url=plan.url, timeout=_TIMEOUT_SECONDS) as client:
        # One request first: a connection and a warm model are not what is measured.
        await client.post("/v1/match", json=_body(plan.texts[0], plan.k))
        await asyncio.gather(*(_client(client, turns, plan.k, tally) for _ in range(clients)))
    return tally


async def _client(client: httpx.AsyncClient, turns: Iterator[str], k: int, tally: _Tally) -> None:
    for text in turns:
        began = perf_counter()
        try:
            response = await client.post("/v1/match", json=_body(text, k))
        except httpx.HTTPError as error:
            tally.failures[type(error).__name__] += 1
            continue
        if response.status_code != 200:
            tally.failures[str(response.status_code)] += 1
            continue
        tally.seconds.append(perf_counter() - began)
        tally.take(text, response.json())


def _body(text: str, k: int) -> dict[str, Any]:
    return {"queries": [{"text": text}], "k": k}


def _titles(path: Path) -> list[str]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf8").splitlines() if line.strip()]
    titles = [text for row in rows if (text := str(row.get("title") or row.get("text") or ""))]
    if not titles:
        raise InputError(f"{path.name} has no titles or texts.", f"{path.name} 中没有标题或文本。")
    return titles


def _summary(tally: _Tally, seconds: float, clients: int) -> dict[str, Any]:
    spent = np.asarray(tally.seconds or [0.0]) * 1000
    return {
        "clients": clients,
        "answered": len(tally.seconds),
        "failed": sum(tally.failures.values()),
        "failures": dict(tally.failures),
        "inconsistent": tally.inconsistent,
        "snapshots": dict(tally.snapshots),
        "requests_per_second": round(len(tally.seconds) / seconds, 1),
        "p50_ms": round(float(np.percentile(spent, 50)), 1),
        "p90_ms": round(float(np.percentile(spent, 90)), 1),
        "p99_ms": round(float(np.percentile(spent, 99)), 1),
        "machine": f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}",
    }
