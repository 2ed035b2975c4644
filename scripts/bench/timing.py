"""What the measurements share: the clock, percentiles, and the queries of a file."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from app.errors import InputError

Milliseconds = npt.NDArray[np.float64]
Q = TypeVar("Q")


def milliseconds(call: Callable[[Q], object], queries: Sequence[Q], *, warm: bool = True) -> Milliseconds:
    """The wall time of each call, float64 ``[n]``; with ``warm``, a call that is not timed comes first."""
    if warm:
        call(queries[0])
    spent = []
    for query in queries:
        began = perf_counter()
        call(query)
        spent.append((perf_counter() - began) * 1000)
    return np.array(spent)


def percentile(spent: Sequence[float] | Milliseconds, percent: float, digits: int = 2) -> float:
    """A percentile, rounded; 0 of nothing."""
    return round(float(np.percentile(spent, percent)), digits) if len(spent) else 0.0


def json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSONL file, which may be gzipped."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        yield from (json.loads(line) for line in file if line.strip())


def titles(path: Path) -> list[str]:
    """The title of each object of a JSONL file, or its text.

    Raises:
        InputError: there is none.
    """
    found = [text for row in json_lines(path) if (text := str(row.get("title") or row.get("text") or ""))]
    if not found:
        raise InputError(f"{path.name} has no titles or texts.", f"{path.name} 中没有标题或文本。")
    return found
