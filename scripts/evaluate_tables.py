"""What `patmatch evaluate` prints for people: one system's measures, or several side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.evaluation.collection import Words
from app.evaluation.comparison import VERDICTS, Difference, Differences, all_differences, chance, summary
from app.evaluation.report import numbered
from app.evaluation.result import PAIR_MEASURES, PAIR_SIZES, EvaluationResult
from scripts.console import Shell, listed


def print_one(shell: Shell, result: EvaluationResult, report_dir: Path | None, notes: Sequence[Words]) -> None:
    """One system: its measures with intervals, languages, and what they were computed over."""
    shell.table(("measure", "value", "95 % interval", "queries"), [_row(name, result) for name in _numbers(result)])
    mix = result.measures["language_mix@10"]
    if isinstance(mix, dict):
        for lang, shares in mix.items():
            shown = listed({other: f"{share:.3f}" for other, share in shares.items()})
            shell.line(f"language_mix@10 {lang}: {shown or 'no answers'}")
    _slices(shell, [""], [result])
    shell.line(listed({name: n for name, n in result.counts.items() if not name.startswith("queries_in_")}))
    shell.line(listed({**result.snapshot, **result.settings}))
    for note in notes:
        _say(shell, note)
    if report_dir is not None:
        shell.line(f"report: {report_dir / 'report.html'}")


def print_several(
    shell: Shell,
    sources: Sequence[str],
    results: Sequence[EvaluationResult],
    report_dir: Path | None,
    notes: Sequence[Words],
) -> None:
    """Several systems: measures side by side, the tests of their differences, and the answer in a sentence."""
    headings = numbered(sources)
    found = all_differences(results)
    places = range(2, len(results) + 1)
    columns = ["measure", *headings]
    for place in places:
        columns += [f"{place} - 1", "95 % interval", "excludes 0"]
    shell.table(columns, _side_by_side(results, found))
    columns = ["compared", "measure", "p", "Holm", "better/same/worse", "shows from", "verdict 结论"]
    shell.table(columns, [row for place in places for row in _tests(place, found[place - 1])])
    _slices(shell, headings, results)
    for heading, result in zip(headings, results, strict=True):
        shell.line(f"{heading}: {listed({**result.encoder, **result.snapshot, **result.settings})}")
    for note in notes:
        _say(shell, note)
    for place in places:
        _say(shell, summary(headings[place - 1], headings[0], found[place - 1]))
    if report_dir is not None:
        shell.line(f"reports: {report_dir}")


def _side_by_side(results: Sequence[EvaluationResult], found: Sequence[Differences]) -> list[tuple[object, ...]]:
    """A row for each measure: the systems' values, then each later system's difference to the first."""
    rows = []
    for name in _numbers(results[0]):
        row: list[object] = [name, *(_number(result.measures[name]) for result in results)]
        for each in found[1:]:
            row += _difference(each.get(name))
        rows.append(tuple(row))
    return rows


def _difference(found: Difference | None) -> tuple[str, str, str]:
    if found is None:
        return "-", "", ""
    interval = found.interval
    return (
        f"{found.value:+.4f}",
        f"{interval.low:+.4f} to {interval.high:+.4f}" if interval else "",
        {True: "yes", False: "no", None: ""}[found.excludes_zero],
    )


def _tests(place: int, found: Differences) -> list[tuple[object, ...]]:
    return [
        (
            f"{place} - 1",
            name,
            chance(each.p_value),
            chance(each.p_holm),
            "/".join(map(str, each.tally)) if each.tally else "",
            _number(each.visible_from),
            " ".join(VERDICTS[each.verdict]),
        )
        for name, each in found.items()
        if each.verdict is not None
    ]


def _slices(shell: Shell, headings: Sequence[str], results: Sequence[EvaluationResult]) -> None:
    """The pairs of languages, where there is more than a language and itself."""
    keys = sorted({key for result in results for key in result.slices.languages})
    if all(len(set(key.split("->"))) == 1 for key in keys) and len(keys) < 2:
        return  # one language searched in itself is what the measures say already
    rows = [
        (
            f"{key} {heading}".strip(),
            *(values[size] for size in PAIR_SIZES),
            *(_number(values[name]) for name in PAIR_MEASURES),
        )
        for key in keys
        for heading, result in zip(headings, results, strict=True)
        if (values := result.slices.languages.get(key)) is not None
    ]
    shell.table(("languages", *PAIR_SIZES, *PAIR_MEASURES), rows)


def _say(shell: Shell, words: Words) -> None:
    shell.line(f"{words.en}\n{words.zh}")


def _numbers(result: EvaluationResult) -> list[str]:
    return [name for name, value in result.measures.items() if not isinstance(value, dict)]


def _row(name: str, result: EvaluationResult) -> tuple[object, ...]:
    interval = result.intervals.get(name)
    return (
        name,
        _number(result.measures[name]),
        f"{interval.low:.4f} - {interval.high:.4f}" if interval else "",
        result.counts.get(f"queries_in_{name}"),
    )


def _number(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "-"
