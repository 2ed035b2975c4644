"""`patmatch bench serve`: latency and throughput of a running service, and whether its answers hold together."""

from __future__ import annotations

import asyncio
import platform
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import httpx

from scripts.bench.timing import percentile, titles
from scripts.console import AT_LEAST_ONE, INPUT, Shell, shell_options

_TIMEOUT_SECONDS = 60.0
_SHORT_NEED = "高镍三元动力电解液的开发"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What is sent; the options of the command."""

    url: str
    requests: int
    seconds: float | None
    clients: int
    k: int
    queries: Path | None

    def turns(self) -> Iterator[dict[str, Any]]:
        """The body of each request, shared by all clients, until enough were sent or the time is over."""
        texts = titles(self.queries) if self.queries else [_SHORT_NEED]
        end = perf_counter() + self.seconds if self.seconds else None
        for n in count():
            if perf_counter() >= end if end is not None else n >= self.requests:
                return
            yield {"queries": [{"text": texts[n % len(texts)]}], "k": self.k}


@dataclass(slots=True)
class _Tally:
    """What a run of requests saw.

    Attributes:
        milliseconds: wall time of each answered request.
        failures: status or kind of error of each failed one.
        snapshots: answers of each snapshot.
        answers: the ids answered to a query by a snapshot, and how often another list came for the same pair.
    """

    milliseconds: list[float] = field(default_factory=list)
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

    def summary(self, seconds: float, clients: int) -> dict[str, Any]:
        """As it is printed."""
        return {
            "clients": clients,
            "answered": len(self.milliseconds),
            "failed": sum(self.failures.values()),
            "failures": dict(self.failures),
            "inconsistent": self.inconsistent,
            "snapshots": dict(self.snapshots),
            "requests_per_second": round(len(self.milliseconds) / seconds, 1),
            **{f"p{percent}_ms": percentile(self.milliseconds, percent, 1) for percent in (50, 90, 99)},
            "machine": f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}",
        }


@click.command("serve")
@click.option("--url", default="http://127.0.0.1:8000", show_default=True)
@click.option("--requests", default=500, show_default=True, type=AT_LEAST_ONE, help="Requests in all.")
@click.option("--seconds", type=float, help="Send for so long instead of counting.")
@click.option("--clients", default=1, show_default=True, type=AT_LEAST_ONE, help="Clients at once.")
@click.option("-k", default=10, show_default=True)
@click.option("--queries", type=INPUT, help="JSONL; its titles are asked in turn.")
@shell_options(_Plan)
def serve(shell: Shell, plan: _Plan) -> int:
    r"""Send match requests without pause and print latency, throughput and what failed.

    An answer that differs from an earlier one to the same query by the same snapshot counts as inconsistent. The
    exit status is 1 when anything failed or was inconsistent.

    \b
    Example:
      patmatch bench serve --requests 500
      patmatch bench serve --clients 16 --queries needs.jsonl
    """
    turns, tally = plan.turns(), _Tally()
    began = perf_counter()
    asyncio.run(_run(plan, turns, tally))
    result = tally.summary(perf_counter() - began, plan.clients)
    shell.rows([result])
    shell.result(result)
    return 1 if tally.failures or tally.inconsistent else 0


async def _run(plan: _Plan, turns: Iterator[dict[str, Any]], tally: _Tally) -> None:
    async with httpx.AsyncClient(base_url=plan.url, timeout=_TIMEOUT_SECONDS) as client:
        # One request first: a connection and a warm model are not what is measured.
        await client.post("/v1/match", json=next(plan.turns()))
        await asyncio.gather(*(_client(client, turns, tally) for _ in range(plan.clients)))


async def _client(client: httpx.AsyncClient, turns: Iterator[dict[str, Any]], tally: _Tally) -> None:
    for body in turns:
        began = perf_counter()
        try:
            response = await client.post("/v1/match", json=body)
        except httpx.HTTPError as error:
            tally.failures[type(error).__name__] += 1
            continue
        if response.status_code != 200:
            tally.failures[str(response.status_code)] += 1
            continue
        tally.milliseconds.append((perf_counter() - began) * 1000)
        tally.take(body["queries"][0]["text"], response.json())
