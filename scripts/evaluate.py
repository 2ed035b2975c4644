"""`patmatch evaluate`: how good the served matches are, on judged queries."""

from __future__ import annotations

from pathlib import Path

import click

from app.errors import JobError
from app.evaluation.report import ReportContents, write_report, write_run_file
from app.evaluation.result import EvaluationResult
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
@shell_command
def command(
    shell: Shell, corpus: Path, queries: Path, qrels: Path, run_out: Path | None, report_dir: Path | None
) -> None:
    r"""Index CORPUS, ask every query as the service would, and measure the answers.

    The published indexes are not touched. Vectors are kept: a second evaluation of the same texts embeds nothing.

    \b
    Example:
      patmatch evaluate --corpus achievements.jsonl --queries needs.jsonl --qrels qrels.tsv --report var/report
    """
    for folder in (report_dir, run_out.parent if run_out else None):
        if folder is not None:
            _make(folder)
    files = EvaluationFiles(corpus=corpus, queries=queries, qrels=qrels)
    with shell.services() as services, shell.progress("evaluate") as advance:
        contents = services.evaluating.evaluate(files, report=lambda progress: advance(progress.done, progress.total))
    if run_out is not None:
        write_run_file(run_out, contents.runs)
    if report_dir is not None:
        write_report(report_dir, contents)
    _print(shell, contents, report_dir)
    shell.result(contents.result.as_json())


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
    value, interval = result.measures[name], result.intervals.get(name)
    shown = f"{value:.4f}" if isinstance(value, float) else "-"
    return (
        name,
        shown,
        f"{interval.low:.4f} - {interval.high:.4f}" if interval else "",
        result.counts.get(f"queries_in_{name}"),
    )
