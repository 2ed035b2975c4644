"""A comparison in plain words, English and Chinese."""

from __future__ import annotations

from typing import NamedTuple

from app.evaluation.comparison import Difference, Differences, Verdict


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
    parts = [_verdict(name, reference, told), _unseen(told)]
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


def _unseen(told: Differences) -> Words | None:
    """What these queries are too few for."""
    unclear = {measure: found for measure, found in told.items() if found.verdict == "unclear"}
    seen = [
        f"{measure} {found.visible_from:.4f} ({sum(found.tally)} queries)"
        for measure, found in unclear.items()
        if found.visible_from and found.tally
    ]
    seen_zh = [
        f"{measure} {found.visible_from:.4f}（{sum(found.tally)} 个查询）"
        for measure, found in unclear.items()
        if found.visible_from and found.tally
    ]
    if not seen:
        return None
    return Words(
        f"What cannot be told would show from a difference of about: {', '.join(seen)}.",
        f"无法判断的指标，差异约达到以下数值时才能看出：{SEPARATOR_ZH.join(seen_zh)}。",
    )


def _listed(found: Differences, separator: str = ", ") -> str:
    return separator.join(f"{measure} ({_signed(difference)})" for measure, difference in found.items())


def _signed(difference: Difference) -> str:
    return f"{difference.value:+.4f}"
