"""`patmatch ingest`: load files into the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from app.domain import Kind
from app.ingest import load_mapping
from app.services.importing import ImportReport
from scripts.console import Shell, shell_command

_REJECTED = 3


@click.command(short_help="Load patents, needs or firms from files.")
@click.argument("kind", type=click.Choice([kind.value for kind in Kind]))
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='JSON or TOML: {"their header": "our field"}.',
)
@shell_command
def command(shell: Shell, kind: str, files: Sequence[Path], mapping: Path | None) -> int:
    r"""Load FILES (.jsonl .csv .tsv .xlsx .parquet, each also .gz) into the catalogue.

    Good rows go in, by id; a row that cannot be used goes to a rejects file that says why and what to do, and the
    exit status is 3. Loading the same file twice changes nothing.

    \b
    Example:
      patmatch ingest patents patents.xlsx
      patmatch ingest firms firms.csv.gz --mapping headers.json
    """
    headers = load_mapping(mapping) if mapping else None
    reports = []
    with shell.services() as services:
        for path in files:
            with shell.progress(path.name) as advance:
                report = services.importing.load(
                    path, Kind(kind), mapping=headers, progress=partial(advance, total=None)
                )
            _print(shell, report)
            reports.append(report)
    rejected = sum(report.rejected for report in reports)
    shell.result({"files": [report.as_json() for report in reports], "rejected": rejected})
    return _REJECTED if rejected else 0


def _print(shell: Shell, report: ImportReport) -> None:
    shell.table(
        ("file", "rows", "added", "changed", "unchanged", "repeated", "rejected", "seconds", "rows/s"),
        [
            (
                report.file,
                report.rows,
                report.added,
                report.changed,
                report.unchanged,
                report.repeated,
                report.rejected,
                f"{report.seconds:.1f}",
                f"{report.rows / report.seconds:,.0f}" if report.seconds else "",
            )
        ],
    )
    for title, counts in (("rejected", report.reasons), ("warnings", report.warnings)):
        if counts:
            shell.line(f"{title}: " + ", ".join(f"{code} {count}" for code, count in counts.most_common()))
    if report.ignored:
        shell.line("kept as extra columns: " + ", ".join(report.ignored))
    if report.rejects:
        shell.line(f"rejects and warnings: {report.rejects}")
