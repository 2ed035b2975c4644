"""`patmatch ingest`: load files into the catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import click

from app.bootstrap import Services
from app.domain import Kind
from app.errors import UsageError
from app.ingest import load_mapping
from app.services.grading import GradingReport
from app.services.importing import ImportReport
from app.services.industries import IndustryReport
from scripts.console import Shell, shell_command

_REJECTED = 3
INDUSTRIES = "industries"
GRADES = "grades"
Report = ImportReport | IndustryReport | GradingReport


@click.command(short_help="Load patents, needs, firms, the mapping of industries or grades from files.")
@click.argument("kind", type=click.Choice([*(kind.value for kind in Kind), INDUSTRIES, GRADES]))
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
    reports: list[Report] = []
    with shell.services() as services:
        for path in files:
            with shell.progress(path.name) as advance:
                report = _load(services, kind, path, headers, partial(advance, total=None))
            _print(shell, report)
            reports.append(report)
    rejected = sum(report.rejected for report in reports)
    shell.result({"files": [report.as_json() for report in reports], "rejected": rejected})
    return _REJECTED if rejected else 0


def _load(
    services: Services, kind: str, path: Path, headers: Mapping[str, str] | None, progress: partial[None]
) -> Report:
    if kind == GRADES:
        return services.grading.load(path, mapping=headers, progress=progress)
    if kind == INDUSTRIES:
        return services.industries.load(path, mapping=headers, progress=progress)
    return services.importing.load(path, Kind(kind), mapping=headers, progress=progress)


def _print(shell: Shell, report: Report) -> None:
    if isinstance(report, GradingReport):
        _print_grades(shell, report)
    elif isinstance(report, IndustryReport):
        _print_industries(shell, report)
    else:
        _print_records(shell, report)
    if report.rejects:
        shell.line(f"rejects and warnings: {report.rejects}")


def _print_grades(shell: Shell, report: GradingReport) -> None:
    shell.table(
        ("file", "rows", "changed", "unchanged", "rejected", "seconds"),
        [(report.file, report.rows, report.changed, report.unchanged, report.rejected, f"{report.seconds:.1f}")],
    )
    if report.reasons:
        shell.line("rejected: " + ", ".join(f"{code} {count}" for code, count in report.reasons.most_common()))


def _print_industries(shell: Shell, report: IndustryReport) -> None:
    shell.table(
        ("file", "rows", "pairs", "rejected", "patents looked at", "changed", "seconds"),
        [
            (
                report.file,
                report.rows,
                report.pairs,
                report.rejected,
                report.patents,
                report.changed,
                f"{report.seconds:.1f}",
            )
        ],
    )
    if not report.replaced:
        shell.line("no row could be used: the mapping stays as it was")
    if report.reasons:
        shell.line("rejected: " + ", ".join(f"{code} {count}" for code, count in report.reasons.most_common()))


def _print_records(shell: Shell, report: ImportReport) -> None:
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
