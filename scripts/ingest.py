"""`patmatch ingest`: load files into the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from app.domain import Kind
from app.errors import UsageError
from app.ingest import GRADES, INDUSTRIES, load_mapping
from scripts.console import INPUT, MAPPING, REJECTED, Shell, shell_command


@click.command(short_help="Load patents, needs, firms, the mapping of industries or grades from files.")
@click.argument("kind", type=click.Choice([*(kind.value for kind in Kind), INDUSTRIES, GRADES]))
@click.argument("files", nargs=-1, required=True, type=INPUT)
@MAPPING
@shell_command
def command(shell: Shell, kind: str, files: Sequence[Path], mapping: Path | None) -> int:
    r"""Load FILES (.jsonl .csv .tsv .xlsx .parquet, each also .gz) into the catalogue.

    Good rows go in, by id; a row that cannot be used goes to a rejects file that says why and what to do, and the
    exit status is 3. Loading the same file twice changes nothing.

    Industries are a mapping of IPC codes to GB/T 4754 codes: one file replaces the mapping, and every patent without an
    industry of its own gets those of its codes.

    Grades set grade, maturity and agreed of patents that are there, by id; every change is kept with its history.

    \b
    Example:
      patmatch ingest patents patents.xlsx
      patmatch ingest firms firms.csv.gz --mapping headers.json
      patmatch ingest industries ipc-industries.csv
      patmatch ingest grades regraded.xlsx
    """
    headers = load_mapping(mapping) if mapping else None
    if kind == INDUSTRIES and len(files) > 1:
        raise UsageError(
            "The mapping of industries is one file: it replaces the one before.",
            "行业对照表只能是一个文件，它会替换原有对照。",
        )
    reports = []
    with shell.services() as services:
        for path in files:
            with shell.progress(path.name) as advance:
                report = services.importing.load(path, kind, mapping=headers, progress=lambda done: advance(done, None))
            shell.loaded(report)
            reports.append(report)
    rejected = sum(report.rejected for report in reports)
    shell.result({"files": [report.as_json() for report in reports], "rejected": rejected})
    return REJECTED if rejected else 0
