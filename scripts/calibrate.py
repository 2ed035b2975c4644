"""`patmatch calibrate`: what a score means, fitted to judgements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from app.bootstrap import Services
from app.domain import Kind
from app.errors import UsageError
from app.evaluation.calibration_check import CalibrationCheck
from app.evaluation.calibration_page import PAGE, write_calibration_report
from app.evaluation.reliability import Quality
from app.progress import Progress
from app.services.calibrating import JudgedRelevance
from app.services.calibrations import BUILT_IN, Calibration
from app.services.evaluation_material import EvaluationFiles
from scripts.console import Shell, shell_command

INPUT = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(short_help="Fit what a score means to judgements.")
@click.option("--qrels", type=INPUT, help="Table with a header: query_id, doc_id, level 1 to 4; or TREC.")
@click.option("--corpus", type=INPUT, help="JSON lines as evaluate takes them; without, ids are the catalogue's.")
@click.option("--queries", type=INPUT, help="JSON lines like the corpus.")
@click.option(
    "--target", type=click.Choice([kind.value for kind in Kind]), default=Kind.PATENTS.value, help="Whose scores."
)
@click.option("--dry-run", is_flag=True, help="Measure only; publish nothing.")
@click.option("--allow-worse", is_flag=True, help="Publish even what is worse than what is served.")
@click.option("--report", "report_dir", type=click.Path(file_okay=False, path_type=Path), help="Write a report there.")
@click.option("--rollback", is_flag=True, help="Go back to the calibration before.")
@click.option("--reset", is_flag=True, help="Go back to the built-in scale.")
@shell_command
def command(shell: Shell, *, target: str, rollback: bool, reset: bool, **options: Any) -> None:  # noqa: ANN401
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
    kind = Kind(target)
    if rollback or reset:
        _back(shell, kind, rollback=rollback, reset=reset, given=options["qrels"] is not None)
        return
    if options["qrels"] is None or (options["corpus"] is None) != (options["queries"] is None):
        raise UsageError(
            "give --qrels alone, or --qrels with both --corpus and --queries",
            "请仅提供 --qrels，或同时提供 --qrels、--corpus 和 --queries",
        )
    with shell.services() as services:
        judged = _judged(shell, services, kind, options)
        calibration, check = services.calibrating.fit(judged)
        _print(shell, calibration, check, judged)
        told = _told(calibration, check, judged, published=False)
        if options["report_dir"] is not None:  # also, and above all, where publishing is refused
            write_calibration_report(options["report_dir"], check, told)
        if not options["dry_run"]:
            services.calibrating.publish(calibration, check, allow_worse=options["allow_worse"])
            told["published"] = True
            unused = services.calibrating.unused(calibration)
            told["unused"] = None if unused is None else {"message": unused.text, "message_zh": unused.text_zh}
            if unused is not None:
                shell.line(f"not applied yet: {unused.text} · 暂未生效：{unused.text_zh}")
    if options["report_dir"] is not None:
        write_calibration_report(options["report_dir"], check, told)
        shell.line(f"report: {options['report_dir'] / PAGE}")
    shell.line(f"{calibration.id}: {'published' if told['published'] else 'not published (--dry-run)'}")
    shell.result(told)


def _back(shell: Shell, target: Kind, *, rollback: bool, reset: bool, given: bool) -> None:
    if (rollback and reset) or given:
        raise UsageError(
            "--rollback and --reset stand alone: without each other and without judgements",
            "--rollback 与 --reset 须单独使用，不能同时使用，也不能附带评判文件",
        )
    with shell.services() as services:
        name = None
        if rollback:
            name = services.calibrating.rollback(target)
        else:
            services.calibrating.reset(target)
    shell.line(f"{target}: scores by {name or BUILT_IN}")
    shell.result({"target": target.value, "calibration": name or BUILT_IN})


def _judged(shell: Shell, services: Services, target: Kind, options: dict[str, Any]) -> JudgedRelevance:
    with shell.progress("calibrate") as advance:

        def report(progress: Progress) -> None:
            advance(progress.done, progress.total)

        if options["corpus"] is None:
            return services.calibrating.from_catalogue(options["qrels"], target, report=report)
        files = EvaluationFiles(corpus=options["corpus"], queries=options["queries"], qrels=options["qrels"])
        return services.calibrating.from_files(files, target, report=report)


def _told(
    calibration: Calibration, check: CalibrationCheck, judged: JudgedRelevance, *, published: bool
) -> dict[str, Any]:
    return {
        "calibration": calibration.as_json(),
        "level_bounds": {
            "weak": calibration.scale.weak_from,
            "fairly_strong": 0.5,
            "strong": calibration.scale.strong_from,
        },
        "measures": check.as_json(),
        "counts": dict(judged.counts),
        "published": published,
    }


def _print(shell: Shell, calibration: Calibration, check: CalibrationCheck, judged: JudgedRelevance) -> None:
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
    shell.line("Brier skill: " + ", ".join(f"against {name} {value:+.3f}" for name, value in check.skill.items()))
    scale = calibration.scale
    shell.line(f"levels begin at scores of {scale.weak_from:.3f} (weak), 0.500 and {scale.strong_from:.3f} (strong)")
    ranking = calibration.ranking
    levels = ", ".join(f"level {level} {count}" for level, count in check.level_counts.items())
    shell.line(f"{check.needs} needs, {len(check.levels)} pairs: {levels}")
    shell.line(f"ranking {ranking.ranking}, version {ranking.version}, encoder {ranking.fingerprint[:12]}")
    shell.line(", ".join(f"{name} {count}" for name, count in judged.counts.items()))
    for warning in check.warnings():
        shell.line(f"warning: {warning.text} · 注意：{warning.text_zh}")


def _numbers(one: Quality) -> tuple[str, ...]:
    return tuple(f"{value:.4f}" for value in one.as_json().values())
