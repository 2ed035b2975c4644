"""`patmatch calibrate`: what a score means, fitted to judgements."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from app.domain import Kind
from app.errors import UsageError
from app.evaluation.calibration import CalibrationCheck, Quality
from app.evaluation.report import PAGE, write_calibration_report
from app.quality.calibrate import JudgedRelevance
from app.serving.calibrations import BUILT_IN, Calibration
from scripts.console import FOLDER, INPUT, KIND, Shell, corpus_options, judged, listed, shell_options


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """The options of the command."""

    qrels: Path | None
    corpus: Path | None
    queries: Path | None
    target: str
    dry_run: bool
    allow_worse: bool
    report_dir: Path | None
    rollback: bool
    reset: bool


@click.command(short_help="Fit what a score means to judgements.")
@click.option("--qrels", type=INPUT, help="Table with a header: query_id, doc_id, level 1 to 4; or TREC.")
@corpus_options
@click.option("--target", type=KIND, default=Kind.PATENTS.value, help="Whose scores.")
@click.option("--dry-run", is_flag=True, help="Measure only; publish nothing.")
@click.option("--allow-worse", is_flag=True, help="Publish even what is worse than what is served.")
@click.option("--report", "report_dir", type=FOLDER, help="Write a report there.")
@click.option("--rollback", is_flag=True, help="Go back to the calibration before.")
@click.option("--reset", is_flag=True, help="Go back to the built-in scale.")
@shell_options(_Options)
def command(shell: Shell, options: _Options) -> None:
    r"""Fit the probabilities of levels to judged pairs, check them on needs held out, and serve them.

    Running services take a new calibration up within a second. It holds for the encoder and ranking that it was made
    with, and for no other. With --qrels alone, query ids are needs of the catalogue (patents where the target is needs
    or firms) and document ids records of the target, asked on the published index.

    \b
    Example:
      patmatch calibrate --qrels judged.tsv --report var/calibration
      patmatch calibrate --corpus achievements.jsonl --queries needs.jsonl --qrels qrels.tsv --dry-run
      patmatch calibrate --rollback
    """
    if options.rollback or options.reset:
        _back(shell, options)
        return
    files = judged(options.corpus, options.queries, options.qrels)
    with shell.services() as services:
        with shell.report("calibrate") as report:
            if isinstance(files, Path):
                relevance = services.calibrating.from_catalogue(files, Kind(options.target), report=report)
            else:
                relevance = services.calibrating.from_files(files, Kind(options.target), report=report)
        calibration, check = services.calibrating.fit(relevance)
        _print(shell, calibration, check, relevance)
        result = _result(calibration, check, relevance)
        if options.report_dir is not None:  # also, and above all, where publishing is refused
            write_calibration_report(options.report_dir, check, result)
        if not options.dry_run:
            services.calibrating.publish(calibration, check, allow_worse=options.allow_worse)
            unused = services.calibrating.unused(calibration)
            result |= {
                "published": True,
                "unused": None if unused is None else {"message": unused.en, "message_zh": unused.zh},
            }
            if unused is not None:
                shell.line(f"not applied yet: {unused.en} · 暂未生效：{unused.zh}")
    if options.report_dir is not None:
        write_calibration_report(options.report_dir, check, result)
        shell.line(f"report: {options.report_dir / PAGE}")
    shell.line(f"{calibration.id}: {'published' if result['published'] else 'not published (--dry-run)'}")
    shell.result(result)


def _back(shell: Shell, options: _Options) -> None:
    if (options.rollback and options.reset) or options.qrels is not None:
        raise UsageError(
            "--rollback and --reset stand alone: without each other and without judgements",
            "--rollback 与 --reset 须单独使用，不能同时使用，也不能附带评判文件",
        )
    with shell.services() as services:
        name = None
        if options.rollback:
            name = services.calibrating.rollback(Kind(options.target))
        else:
            services.calibrating.reset(Kind(options.target))
    shell.line(f"{options.target}: scores by {name or BUILT_IN}")
    shell.result({"target": options.target, "calibration": name or BUILT_IN})


def _result(calibration: Calibration, check: CalibrationCheck, relevance: JudgedRelevance) -> dict[str, Any]:
    scale = calibration.scale
    return {
        "calibration": calibration.as_json(),
        "level_bounds": {"weak": scale.weak_from, "fairly_strong": 0.5, "strong": scale.strong_from},
        "measures": check.as_json(),
        "counts": dict(relevance.counts),
        "published": False,
    }


def _print(shell: Shell, calibration: Calibration, check: CalibrationCheck, relevance: JudgedRelevance) -> None:
    rows = (
        ("this calibration, held out", check.held_out),
        ("  spread over folds", check.fold_spread),
        (f"served now ({check.served_by})", check.served),
        ("built-in", check.built_in),
        ("base rate", check.base_rate),
    )
    names = ("", "Brier", "log loss", "calibration error", "level_score")
    commonest = ("most common level", "", "", "", f"{check.commonest.level_score:.4f}")
    shell.table(names, [*((name, *_numbers(one)) for name, one in rows), commonest])
    shell.line(f"Brier skill: {listed({f'against {name}': f'{value:+.3f}' for name, value in check.skill.items()})}")
    scale = calibration.scale
    shell.line(f"levels begin at scores of {scale.weak_from:.3f} (weak), 0.500 and {scale.strong_from:.3f} (strong)")
    ranking = calibration.ranking
    levels = listed({f"level {level}": count for level, count in check.level_counts.items()})
    shell.line(f"{check.needs} needs, {len(check.levels)} pairs: {levels}")
    shell.line(f"ranking {ranking.ranking}, version {ranking.version}, encoder {ranking.fingerprint[:12]}")
    shell.line(listed(relevance.counts))
    for warning in check.warnings():
        shell.line(f"warning: {warning.en} · 注意：{warning.zh}")


def _numbers(one: Quality) -> tuple[str, ...]:
    return tuple(f"{value:.4f}" for value in one.as_json().values())
