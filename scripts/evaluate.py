"""`patmatch evaluate`: how good the served matches are, on judged queries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from app.errors import JobError, UsageError
from app.evaluation.comparison import comparison, differences
from app.evaluation.report import ReportContents, write_comparison, write_report, write_run_file
from app.evaluation.result import EvaluationResult
from app.services.embedding import Progress
from app.services.evaluation_material import EvaluationFiles
from scripts.console import Shell, shell_command

INPUT = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(short_help="Measure the matches on judged queries.")
@click.option("--corpus", type=INPUT, required=True, help="JSON lines: id, title, text or abstract; may be gzipped.")
@click.option("--queries", type=INPUT, required=True, help="JSON lines like the corpus.")
@click.option(
    "--qrels", type=INPUT, required=True, help="Table with a header: query_id, doc_id, level 1 to 4; or TREC."
)
@click.option("--run-out", type=click.Path(dir_okay=False, path_type=Path), help="Write the answers as a TREC run.")
@click.option("--report", "report_dir", type=click.Path(file_okay=False, path_type=Path), help="Write a report there.")
@click.option(
    "--encoder",
    "encoders",
    multiple=True,
    metavar="SOURCE",
    help="package, hub:NAME, dir:PATH, or served for that of the published index; the configured one when left out. "
    "Given twice or more: each on the same judgements, with the differences to the first.",
)
@shell_command
def command(
    shell: Shell,
    *,
    corpus: Path,
    queries: Path,
    qrels: Path,
    run_out: Path | None,
    report_dir: Path | None,
    encoders: tuple[str, ...],
) -> None:
    r"""Index CORPUS, ask every query as the service would, and measure the answers.

    The published indexes are not touched. Vectors are kept: a second evaluation of the same texts embeds nothing.

    \b
    Example:
      patmatch evaluate --corpus achievements.jsonl --queries needs.jsonl --qrels qrels.tsv --report var/report
      patmatch evaluate --corpus a.jsonl --queries n.jsonl --qrels q.tsv --encoder served --encoder dir:/models/new
    """
    if run_out is not None and len(encoders) > 1:
        raise UsageError(
            "--run-out takes the answers of one encoder; with several, --report writes those of each",
            "--run-out 只能写入一个编码器的结果；多个编码器请使用 --report，分别写入",
        )
    for folder in (report_dir, run_out.parent if run_out else None):
        if folder is not None:
            _make(folder)
    files = EvaluationFiles(corpus=corpus, queries=queries, qrels=qrels)
    contents = _measured(shell, files, encoders)
    if run_out is not None:
        write_run_file(run_out, contents[0].runs)
    if len(contents) > 1:
        _several(shell, encoders, contents, report_dir)
        return
    if report_dir is not None:
        write_report(report_dir, contents[0])
    _print(shell, contents[0], report_dir)
    shell.result(contents[0].result.as_json())


def _measured(shell: Shell, files: EvaluationFiles, encoders: Sequence[str]) -> list[ReportContents]:
    with shell.services() as services, shell.progress("evaluate") as advance:

        def report(progress: Progress) -> None:
            advance(progress.done, progress.total)

        if encoders:
            return services.evaluating.compare(files, encoders, report=report)
        return [services.evaluating.evaluate(files, report=report)]


def _several(
    shell: Shell, encoders: Sequence[str], contents: Sequence[ReportContents], report_dir: Path | None
) -> None:
    """One table and one JSON object of several encoders."""
    results = [each.result for each in contents]
    if report_dir is not None:
        write_comparison(report_dir, encoders, contents)
    places = range(1, len(encoders) + 1)
    headings = [f"{place} {source}" for place, source in zip(places, encoders, strict=True)]
    for place in places[1:]:
        headings += [f"{place} - 1", "95 % interval", "excludes 0"]
    shell.table(("measure", *headings), _compared(results))
    for heading, result in zip(headings, results, strict=False):
        told = {**result.encoder, **result.snapshot, **result.settings}
        shell.line(f"{heading}: " + ", ".join(f"{name} {value}" for name, value in told.items()))
    if report_dir is not None:
        shell.line(f"reports: {report_dir}")
    shell.result(results[0].as_json() | {"comparison": comparison(encoders, results)})


def _compared(results: Sequence[EvaluationResult]) -> list[tuple[object, ...]]:
    """A row for each measure: the encoders' values, then each later encoder's difference to the first."""
    found = [differences(results[0], other) for other in results[1:]]
    rows = []
    for name in _numbers(results[0]):
        row: list[object] = [name, *(_number(result.measures[name]) for result in results)]
        for each in found:
            difference = each.get(name)
            if difference is None:
                row += ["-", "", ""]
                continue
            interval = difference.interval
            row += [
                f"{difference.value:+.4f}",
                f"{interval.low:+.4f} to {interval.high:+.4f}" if interval else "",
                {True: "yes", False: "no", None: ""}[difference.excludes_zero],
            ]
        rows.append(tuple(row))
    return rows


def _make(folder: Path) -> None:
    """Fail before the work, not after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise JobError(
            f"cannot make the folder {folder.name}: {reason}", f"无法创建文件夹 {folder.name}：{reason}"
        ) from error


def _print(shell: Shell, contents: ReportContents, report_dir: Path | None) -> None:
    result = contents.result
    shell.table(("measure", "value", "95 % interval", "queries"), [_row(name, result) for name in _numbers(result)])
    mix = result.measures["language_mix@10"]
    if isinstance(mix, dict):
        for lang, shares in mix.items():
            shown = ", ".join(f"{other} {share:.3f}" for other, share in shares.items())
            shell.line(f"language_mix@10 {lang}: {shown or 'no answers'}")
    shell.line(
        ", ".join(f"{name} {count}" for name, count in result.counts.items() if not name.startswith("queries_in_"))
    )
    shell.line(", ".join(f"{name} {value}" for name, value in (*result.snapshot.items(), *result.settings.items())))
    if report_dir is not None:
        shell.line(f"report: {report_dir / 'report.html'}")


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
