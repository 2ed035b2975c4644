"""Several systems on the same judgements: their differences, whether these are luck, and what moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from app.arrays import Doubles
from app.evaluation.collection import QueryRun, Words
from app.evaluation.measures import NDCG_DEPTH, QueryMeasures, judged_order
from app.evaluation.result import MEANS, EvaluationResult
from app.evaluation.statistics import (
    SIGNIFICANT,
    Interval,
    Tally,
    difference_interval,
    holm,
    randomisation_test,
    tally,
)

Verdict = Literal["better", "worse", "unclear"]

VERDICTS: dict[Verdict, Words] = {
    "better": Words("better", "更好"),
    "worse": Words("worse", "更差"),
    "unclear": Words("unclear", "无法判断"),
}

SEPARATOR_ZH = "、"

LEAST_SHOWN = 0.0001
"""P-values below this are shown as below it."""

LEVEL_SCORE = "level_score"
"""The one measure that is not a mean over queries but comes from one: of level errors, weighted by judgements."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A measure less that of the first system.

    Attributes:
        value: positive where the measure is larger than the first system's.
        interval: paired bootstrap 95 % interval; ``None`` where the measure is no mean over two or more queries.
        p_value: of a two-sided paired randomisation test; ``None`` as ``interval``.
        p_holm: ``p_value`` adjusted for all differences that are shown together.
        tally: over how many queries this system did better, the same and worse.
    """

    value: float
    interval: Interval | None = None
    p_value: float | None = None
    p_holm: float | None = None
    tally: Tally | None = None

    @property
    def excludes_zero(self) -> bool | None:
        """Whether other queries like these would show a difference as well; ``None`` without an interval."""
        if self.interval is None:
            return None
        return self.interval.low > 0 or self.interval.high < 0

    @property
    def verdict(self) -> Verdict | None:
        """Better, worse, or unclear; ``None`` where there is no test."""
        if self.p_holm is None:
            return None
        return "unclear" if self.p_holm >= SIGNIFICANT else "better" if self.value > 0 else "worse"

    @property
    def visible_from(self) -> float | None:
        """How small a difference these queries could show: half the width of the interval."""
        return None if self.interval is None else (self.interval.high - self.interval.low) / 2

    def as_json(self) -> dict[str, Any]:
        """The difference as JSON types."""
        return {
            "value": self.value,
            "interval": None if self.interval is None else [self.interval.low, self.interval.high],
            "excludes_zero": self.excludes_zero,
            "p_value": self.p_value,
            "p_holm": self.p_holm,
            **(self.tally._asdict() if self.tally else dict.fromkeys(Tally._fields)),
            "visible_from": self.visible_from,
            "verdict": self.verdict,
        }


Differences = Mapping[str, Difference]
"""Measure -> its difference to the first system."""


def all_differences(results: Sequence[EvaluationResult]) -> list[Differences]:
    """Each system's differences to the first, whose own are empty, for every measure that is one number in both.

    They are paired by query where both have a value; p-values are adjusted for all of them together.
    """
    found = [_differences(results[0], other) if place else {} for place, other in enumerate(results)]
    tests = {
        f"{place} {name}": difference.p_value
        for place, each in enumerate(found)
        for name, difference in each.items()
        if difference.p_value is not None
    }
    adjusted = holm(tests)
    return [
        {name: replace(difference, p_holm=adjusted.get(f"{place} {name}")) for name, difference in each.items()}
        for place, each in enumerate(found)
    ]


def comparison(sources: Sequence[str], results: Sequence[EvaluationResult]) -> list[dict[str, Any]]:
    """One entry for each system, in the order asked for, as JSON types; the first has no differences."""
    return [
        {
            "source": source,
            "name": result.encoder.get("name"),
            "fingerprint": result.encoder.get("fingerprint"),
            "measures": dict(result.measures),
            "slices": result.slices.as_json(),
            "differences": {name: difference.as_json() for name, difference in found.items()},
        }
        for source, result, found in zip(sources, results, all_differences(results), strict=True)
    ]


def paired(
    column: str, first: Sequence[QueryMeasures], other: Sequence[QueryMeasures]
) -> list[tuple[str, float, float]]:
    """A column of both tables over the queries that have it in both: query id, first value, other value."""
    known: Mapping[str, QueryMeasures] = {row.query_id: row for row in first}
    rows = [
        (row.query_id, getattr(known[row.query_id], column), getattr(row, column))
        for row in other
        if row.query_id in known
    ]
    return [row for row in rows if row[1] is not None and row[2] is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One judged document's places in two answers, from 1; ``None`` where an answer lacks it.

    Attributes:
        level: as judged, 1 to 4.
        judged: place among the judged documents alone, before and after.
        corpus: place in the ranked list of the whole corpus, before and after.
    """

    doc_id: str
    level: int
    judged: tuple[int | None, int | None]
    corpus: tuple[int | None, int | None]

    @property
    def gained(self) -> float:
        """How the move changes the discounted gain behind ``judged_ndcg@10``."""
        before, after = (
            1.0 / float(np.log2(place + 1)) if place is not None and place <= NDCG_DEPTH else 0.0
            for place in self.judged
        )
        return (2.0 ** (self.level - 1) - 1.0) * (after - before)


def moved(before: QueryRun, after: QueryRun, levels: Mapping[str, int]) -> list[Moved]:
    """The judged documents that moved, those first whose move changes ``judged_ndcg@10`` most.

    Args:
        before: one answer to the query.
        after: another answer to the same query.
        levels: document id -> level, 1 to 4.
    """
    judged, corpus = (
        [{doc_id: place for place, doc_id in enumerate(order, start=1)} for order in orders]
        for orders in (
            [[doc_id for doc_id in judged_order(run, levels) if doc_id in run.served] for run in (before, after)],
            [[match.doc_id for match in run.ranked] for run in (before, after)],
        )
    )
    everything = [
        Moved(
            doc_id=doc_id,
            level=level,
            judged=(judged[0].get(doc_id), judged[1].get(doc_id)),
            corpus=(corpus[0].get(doc_id), corpus[1].get(doc_id)),
        )
        for doc_id, level in levels.items()
    ]
    changed = [each for each in everything if each.judged[0] != each.judged[1] or each.corpus[0] != each.corpus[1]]
    return sorted(changed, key=lambda each: (-abs(each.gained), -each.level, each.doc_id))


def _differences(first: EvaluationResult, other: EvaluationResult) -> dict[str, Difference]:
    found = {}
    for name, value in other.measures.items():
        base = first.measures.get(name)
        if isinstance(base, float) and isinstance(value, float):
            found[name] = _difference(name, value - base, first.per_query, other.per_query)
    return found


def _difference(name: str, value: float, first: Sequence[QueryMeasures], other: Sequence[QueryMeasures]) -> Difference:
    if name == LEVEL_SCORE:
        before, after, judged = _values("level_error", first, other)
        # Fewer errors are better. The score falls with the weighted mean error of either side, and swaps do not change
        # the sum of both, so the score's difference orders swaps exactly as the errors' difference does.
        change = (before - after) * judged
        interval = difference_interval(before, after, judged, of_mean=lambda errors: 1.0 / (1.0 + errors))
    elif name in MEANS:
        before, after, _ = _values(MEANS[name], first, other)
        change, interval = after - before, difference_interval(before, after)
    else:
        return Difference(value)
    return Difference(value, interval, p_value=randomisation_test(change), tally=tally(change))


def _values(
    column: str, first: Sequence[QueryMeasures], other: Sequence[QueryMeasures]
) -> tuple[Doubles, Doubles, Doubles]:
    """The first's values, the other's and the judgements of each query that has both, each float64 ``[n]``."""
    judged = {row.query_id: row.judged for row in other}
    rows = [(before, after, judged[query_id]) for query_id, before, after in paired(column, first, other)]
    columns = np.array(rows, dtype=np.float64).reshape(len(rows), 3).T
    return columns[0], columns[1], columns[2]


def summary(name: str, reference: str, found: Differences) -> Words:
    """Whether a system is better than the reference, on what, and what could not have been seen anyway.

    Args:
        name: what to call the system.
        reference: what to call the one that it is compared with.
        found: its differences to the reference.
    """
    tested = {measure: difference for measure, difference in found.items() if difference.verdict is not None}
    if not tested:
        return Words(
            f"{name} and {reference} have no measure in common over two or more queries, so nothing can be compared.",
            f"{name} 与 {reference} 没有可在两个以上查询上比较的共同指标，无法判断。",
        )
    parts = [_verdict(name, reference, tested), _doubtful(tested), _unseen(tested)]
    return Words(" ".join(part.en for part in parts if part), "".join(part.zh for part in parts if part))


def chance(p_value: float | None) -> str:
    """A p-value as text; 20,000 random swaps say nothing about how far below 0.0001 it is."""
    if p_value is None:
        return "-"
    return "<0.0001" if p_value < LEAST_SHOWN else f"{p_value:.4f}"


def _verdict(name: str, reference: str, tested: Differences) -> Words:
    better = {measure: found for measure, found in tested.items() if found.verdict == "better"}
    worse = {measure: found for measure, found in tested.items() if found.verdict == "worse"}
    if not better and not worse:
        return Words(
            f"It is unclear whether {name} is better or worse than {reference}: every difference could be luck.",
            f"无法判断 {name} 比 {reference} 更好还是更差：所有差异都可能出于偶然。",
        )
    if better and worse:
        return Words(
            f"{name} is better than {reference} on {_listed(better)} and worse on {_listed(worse)}.",
            f"{name} 在 {_listed(better, SEPARATOR_ZH)} 上优于 {reference}，在 {_listed(worse, SEPARATOR_ZH)} 上更差。",
        )
    if better:
        return Words(
            f"{name} is better than {reference} on {_listed(better)}, and not clearly worse on any measure.",
            f"{name} 在 {_listed(better, SEPARATOR_ZH)} 上优于 {reference}，没有可以断定变差的指标。",
        )
    return Words(
        f"{name} is worse than {reference} on {_listed(worse)}, and not clearly better on any measure.",
        f"{name} 在 {_listed(worse, SEPARATOR_ZH)} 上差于 {reference}，没有可以断定变好的指标。",
    )


def _doubtful(tested: Differences) -> Words | None:
    """Differences that would count if they were the only ones tested."""
    doubtful = {measure: found for measure, found in tested.items() if _only_alone(found)}
    if not doubtful:
        return None
    return Words(
        f"Tested alone, {_listed(doubtful)} would count as a difference; among all that are tested here it may be "
        "luck. Choose one measure before measuring, or judge more queries.",
        f"若单独检验，{_listed(doubtful, SEPARATOR_ZH)} 可算作差异；但在此处的全部检验中可能出于偶然。"
        "请在评测前选定一个指标，或评判更多查询。",
    )


def _unseen(tested: Differences) -> Words | None:
    """Differences that these queries are too few to show."""
    unclear = [
        (measure, found.visible_from, sum(found.tally))
        for measure, found in tested.items()
        if found.verdict == "unclear" and found.visible_from and found.tally and not _only_alone(found)
    ]
    if not unclear:
        return None
    english = ", ".join(f"{measure} {least:.4f} ({queries} queries)" for measure, least, queries in unclear)
    chinese = SEPARATOR_ZH.join(f"{measure} {least:.4f}（{queries} 个查询）" for measure, least, queries in unclear)
    return Words(
        f"With these queries a difference would show from about: {english}.",
        f"以现有查询数，差异约达到以下数值才能看出：{chinese}。",
    )


def _only_alone(found: Difference) -> bool:
    return found.verdict == "unclear" and found.p_value is not None and found.p_value < SIGNIFICANT


def _listed(found: Differences, separator: str = ", ") -> str:
    return separator.join(f"{measure} ({difference.value:+.4f})" for measure, difference in found.items())
