"""A comparison in plain words, English and Chinese."""

from __future__ import annotations

from typing import NamedTuple

from app.evaluation.comparison import Difference, Differences, Verdict
from app.evaluation.significance import SIGNIFICANT


class Words(NamedTuple):
    """One sentence in both languages."""

    en: str
    zh: str


VERDICTS: dict[Verdict, Words] = {
    "better": Words("better", "更好"),
    "worse": Words("worse", "更差"),
    "unclear": Words("cannot be told", "无法判断"),
}

SEPARATOR_ZH = "、"

LEAST_SHOWN = 0.0001
"""P-values below this are shown as below it."""


def summary(name: str, reference: str, found: Differences) -> Words:
    """Whether a system is better than the reference, on what, and what could not have been seen anyway.

    Args:
        name: what to call the system.
        reference: what to call the one that it is compared with.
        found: its differences to the reference.
    """
    told = {measure: difference for measure, difference in found.items() if difference.verdict is not None}
    if not told:
        return Words(
            f"{name} and {reference} have no measure in common over two or more queries: nothing can be told.",
            f"{name} 与 {reference} 没有可在两个以上查询上比较的共同指标，无法判断。",
        )
    parts = [_verdict(name, reference, told), _alone(told), _unseen(told)]
    return Words(" ".join(part.en for part in parts if part), "".join(part.zh for part in parts if part))


def _verdict(name: str, reference: str, told: Differences) -> Words:
    better = {measure: found for measure, found in told.items() if found.verdict == "better"}
    worse = {measure: found for measure, found in told.items() if found.verdict == "worse"}
    if not better and not worse:
        return Words(
            f"It cannot be told whether {name} is better or worse than {reference}: every difference could be luck.",
            f"无法判断 {name} 比 {reference} 更好还是更差：所有差异都可能出于偶然。",
        )
    if better and worse:
        return Words(
            f"{name} is better than {reference} on {_listed(better)} and worse on {_listed(worse)}.",
            f"{name} 在 {_listed(better, SEPARATOR_ZH)} 上优于 {reference}，在 {_listed(worse, SEPARATOR_ZH)} 上更差。",
        )
    if better:
        return Words(
            f"{name} is better than {reference} on {_listed(better)}, and worse on nothing that can be told.",
            f"{name} 在 {_listed(better, SEPARATOR_ZH)} 上优于 {reference}，没有可以断定变差的指标。",
        )
    return Words(
        f"{name} is worse than {reference} on {_listed(worse)}, and better on nothing that can be told.",
        f"{name} 在 {_listed(worse, SEPARATOR_ZH)} 上差于 {reference}，没有可以断定变好的指标。",
    )


def _alone(told: Differences) -> Words | None:
    """Differences that only the number of those looked at makes doubtful."""
    doubtful = {measure: found for measure, found in told.items() if _only_alone(found)}
    if not doubtful:
        return None
    return Words(
        f"Looked at alone, {_listed(doubtful)} would count as a difference; among all that are tested here it may be "
        "luck. Choose one measure before measuring, or judge more queries.",
        f"若单独检验，{_listed(doubtful, SEPARATOR_ZH)} 可算作差异；但在此处的全部检验中可能出于偶然。"
        "请在评测前选定一个指标，或评判更多查询。",
    )


def _unseen(told: Differences) -> Words | None:
    """What these queries are too few for."""
    unclear = {
        measure: found
        for measure, found in told.items()
        if found.verdict == "unclear" and found.visible_from and found.tally and not _only_alone(found)
    }
    if not unclear:
        return None
    seen = [f"{measure} {found.visible_from:.4f} ({_queries(found)} queries)" for measure, found in unclear.items()]
    seen_zh = [f"{measure} {found.visible_from:.4f}（{_queries(found)} 个查询）" for measure, found in unclear.items()]
    return Words(
        f"With these queries a difference would show from about: {', '.join(seen)}.",
        f"以现有查询数，差异约达到以下数值才能看出：{SEPARATOR_ZH.join(seen_zh)}。",
    )


def _only_alone(found: Difference) -> bool:
    return found.verdict == "unclear" and found.p_value is not None and found.p_value < SIGNIFICANT


def _queries(found: Difference) -> int:
    return sum(found.tally) if found.tally else 0


def _listed(found: Differences, separator: str = ", ") -> str:
    return separator.join(f"{measure} ({_signed(difference)})" for measure, difference in found.items())


def _signed(difference: Difference) -> str:
    return f"{difference.value:+.4f}"


def chance(p_value: float | None) -> str:
    """A p-value as text; a random test cannot tell how far below 0.0001 it is."""
    if p_value is None:
        return "-"
    return "<0.0001" if p_value < LEAST_SHOWN else f"{p_value:.4f}"
