"""`patmatch feedback`: what came back, from a file and into the files of judgements."""

from __future__ import annotations

from pathlib import Path

import click

from app.evaluation.statistics import Interval
from app.feedback.funnel import By
from app.feedback.judgements import ExportFiles
from app.ingest import FEEDBACK, load_mapping
from scripts.console import INPUT, MAPPING, OUTPUT, REJECTED, Shell, listed, shell_command
from scripts.loaded import show_load


@click.group(short_help="Record what came back from firms and judges, and use it.")
def command() -> None:
    """Record what came back from firms and judges, and use it."""


@command.command("import", short_help="Record a file of feedback.")
@click.argument("file", type=INPUT)
@MAPPING
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
        report = services.importing.load(file, FEEDBACK, mapping=headers, progress=lambda done: advance(done, None))
    show_load(shell, report)
    shell.result(report.as_json())
    return REJECTED if report.rejected else 0


@command.command("export", short_help="Write judgements as files for evaluate and train.")
@click.option("--qrels", type=OUTPUT, required=True, help="Table to write: query_id, doc_id, level 1 to 4.")
@click.option("--corpus", type=OUTPUT, help="JSON lines to write: the patents.")
@click.option("--queries", type=OUTPUT, help="JSON lines to write: what was asked with.")
@click.option("--events", is_flag=True, help="Firms' events count, too: signed 4, contacted 3, rejected 1 ...")
@click.option("--judged-only", is_flag=True, help="The corpus has the judged patents alone.")
@shell_command
def export(
    shell: Shell, *, qrels: Path, corpus: Path | None, queries: Path | None, events: bool, judged_only: bool
) -> None:
    r"""Write the judgements that stand, as `patmatch evaluate` and `patmatch train` read them.

    The newest word of a judge counts, and of two judges the higher level.

    \b
    Example:
      patmatch feedback export --qrels qrels.tsv --corpus corpus.jsonl --queries queries.jsonl
      patmatch evaluate --corpus corpus.jsonl --queries queries.jsonl --qrels qrels.tsv
    """
    with shell.services() as services:
        report = services.judgements.export(ExportFiles(qrels, corpus, queries), events=events, judged_only=judged_only)
    shell.line(listed(report.as_json()))
    shell.result(report.as_json())


@command.command("funnel", short_help="Count the way from a push to a contract.")
@click.option("--run", help="Of one push run; else of everything.")
@click.option("--by", type=click.Choice([by.value for by in By]), help="One funnel a group.")
@shell_command
def funnel(shell: Shell, run: str | None, by: str | None) -> None:
    r"""Count pairs of firm and patent at each stage, with 95 % intervals of the shares.

    \b
    Example:
      patmatch feedback funnel --run 2026-11
      patmatch feedback funnel --by holder_type
    """
    with shell.services() as services:
        funnels = services.funnel.funnel(run=run, by=None if by is None else By(by))
    rows = [
        (
            *(() if by is None else (funnel.group,)),
            stage.name,
            stage.pairs,
            stage.not_pushed,
            _share(stage.of_pushed, stage.of_pushed_interval),
            _share(stage.of_before, stage.of_before_interval),
        )
        for funnel in funnels
        for stage in funnel.stages
    ]
    shell.table(
        (*(() if by is None else (by,)), "stage", "pairs", "not pushed", "of pushed", "of the stage before"), rows
    )
    shell.result({"run": run, "by": by, "funnels": [funnel.as_json() for funnel in funnels]})


def _share(share: float | None, interval: Interval | None) -> str:
    if share is None or interval is None:
        return "-"
    return f"{share:.2%} ({interval.low:.2%} to {interval.high:.2%})"
