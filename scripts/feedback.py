"""`patmatch feedback`: what came back, from a file and into the files of judgements."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from app.ingest import load_mapping
from app.services.feedback import FeedbackReport
from scripts.console import Shell, shell_command

_REJECTED = 3
INPUT = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(short_help="Record what came back from firms and judges, and use it.")
def command() -> None:
    """Record what came back from firms and judges, and use it."""


@command.command("import", short_help="Record a file of feedback.")
@click.argument("file", type=INPUT)
@click.option("--mapping", type=INPUT, help='JSON or TOML: {"their header": "our field"}.')
@shell_command
def import_file(shell: Shell, file: Path, mapping: Path | None) -> int:
    r"""Record FILE (.jsonl .csv .tsv .xlsx .parquet, each also .gz): one row is one event or one judgement.

    A row that cannot be used goes to a rejects file that says why and what to do, and the exit status is 3. Loading the
    same file twice records nothing twice.

    \b
    Example:
      patmatch feedback import contacts.xlsx
      patmatch feedback import judgements.csv --mapping headers.json
    """
    headers = load_mapping(mapping) if mapping else None
    with shell.services() as services, shell.progress(file.name) as advance:
        report = services.feedback.load(file, mapping=headers, progress=partial(advance, total=None))
    _print(shell, report)
    shell.result(report.as_json())
    return _REJECTED if report.rejected else 0


def _print(shell: Shell, report: FeedbackReport) -> None:
    shell.table(
        ("file", "rows", "recorded", "known", "needs", "rejected", "seconds"),
        [
            (
                report.file,
                report.rows,
                report.recorded,
                report.known,
                report.needs,
                report.rejected,
                f"{report.seconds:.1f}",
            )
        ],
    )
    if report.reasons:
        shell.line("rejected: " + ", ".join(f"{code} {count}" for code, count in report.reasons.most_common()))
    if report.rejects:
        shell.line(f"rejects and warnings: {report.rejects}")
