"""`patmatch feedback`: what came back, from a file and into the files of judgements."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import click

from app.api.filters import filter_of_text
from app.errors import UsageError
from app.evaluation.statistics import Interval
from app.feedback.funnel import By
from app.feedback.judgements import ExportFiles
from app.ingest import FEEDBACK, load_mapping
from app.quality.judging import JudgingRequest
from app.sheets import Lang
from scripts.console import (
    AT_LEAST_ONE,
    INPUT,
    LANG,
    LINK,
    MAPPING,
    OUTPUT,
    REJECTED,
    Shell,
    listed,
    shell_command,
    shell_options,
)
from scripts.loaded import show_load


@click.group(short_help="Record what came back from firms and judges, and use it.")
def command() -> None:
    """Record what came back from firms and judges, and use it."""


@command.command("import", short_help="Record a file of feedback.")
@click.argument("file", type=INPUT)
@MAPPING
@shell_command
def import_file(shell: Shell, file: Path, mapping: Path | None) -> int:
    r"""Record FILE (.xlsx .xls .ods .csv .jsonl .parquet and more: docs/ingest.md): a row is one event or judgement.

    Sheets of `push export` and `feedback sheet` are taken as they come back; rows that nobody filled in are skipped.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Export:
    """The options of `patmatch feedback export`."""

    qrels: Path | None
    sheet: Path | None
    corpus: Path | None
    queries: Path | None
    events: bool
    judged_only: bool
    lang: Lang


@command.command("export", short_help="Write judgements as files for evaluate and train.")
@click.option("--qrels", type=OUTPUT, help="Table to write: query_id, doc_id, level 1 to 4.")
@click.option("--sheet", type=OUTPUT, help="Workbook to write, for people: who judged what. An .xlsx file.")
@click.option("--corpus", type=OUTPUT, help="JSON lines to write: the patents.")
@click.option("--queries", type=OUTPUT, help="JSON lines to write: what was asked with.")
@click.option("--events", is_flag=True, help="Firms' events count, too: signed 4, contacted 3, rejected 1 ...")
@click.option("--judged-only", is_flag=True, help="The corpus has the judged patents alone.")
@LANG
@shell_options(_Export)
def export(shell: Shell, asked: _Export) -> None:
    r"""Write the judgements that stand, as `patmatch evaluate` and `patmatch train` read them, or all for people.

    The newest word of a judge counts, and of two judges the higher level.

    \b
    Example:
      patmatch feedback export --qrels qrels.tsv --corpus corpus.jsonl --queries queries.jsonl
      patmatch evaluate --corpus corpus.jsonl --queries queries.jsonl --qrels qrels.tsv
      patmatch feedback export --sheet judgements.xlsx
    """
    if asked.qrels is None and (asked.sheet is None or asked.corpus is not None or asked.queries is not None):
        raise UsageError("Give --qrels or --sheet.", "请提供 --qrels 或 --sheet。")
    result: dict[str, object] = {}
    with shell.services() as services:
        if asked.qrels is not None:
            files = ExportFiles(asked.qrels, asked.corpus, asked.queries)
            exported = services.judgements.export(files, events=asked.events, judged_only=asked.judged_only)
            result |= exported.as_json()
        if asked.sheet is not None:
            result["sheet_rows"] = services.judgements.sheet(asked.sheet, events=asked.events, lang=asked.lang)
    shell.line(listed(result))
    shell.result(result)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sheet:
    """The options of `patmatch feedback sheet`."""

    out: Path
    needs: Path | None
    need_ids: tuple[str, ...]
    texts: tuple[str, ...]
    k: int
    filter_json: str | None
    by: str | None
    seed: int
    lang: Lang
    link: str | None


@command.command("sheet", short_help="Make a sheet for judges, which import takes back.")
@click.option("--out", type=OUTPUT, required=True, help="The .xlsx file to write.")
@click.option("--needs", type=INPUT, help="A file of needs, as `patmatch ingest needs` takes it.")
@click.option("--need-id", "need_ids", multiple=True, help="A stored need. May be repeated.")
@click.option("--query", "texts", multiple=True, help="A free text. May be repeated.")
@click.option("-k", type=AT_LEAST_ONE, default=20, show_default=True, help="Patents a need.")
@click.option("--filter", "filter_json", help='Only patents that pass: {"status": ["active"]}.')
@click.option("--by", help="Who judges, written into each row.")
@click.option("--seed", default=0, show_default=True, help="Of the order of a need's patents.")
@LANG
@LINK
@shell_options(_Sheet)
def sheet(shell: Shell, asked: _Sheet) -> None:
    r"""Write what the published index finds for needs as a workbook with a list of levels to choose from.

    The patents of a need are in random order and without scores, so that judges are not led. Filled in and saved by
    Excel or WPS, `patmatch feedback import` takes it as it is; rows without a level are skipped.

    \b
    Example:
      patmatch feedback sheet --out judge.xlsx --need-id N001 --need-id N002 --by 王工
      patmatch feedback sheet --out judge.xlsx --needs needs.xlsx -k 10
      patmatch feedback import judge.xlsx
    """
    wanted = JudgingRequest(
        need_ids=asked.need_ids,
        needs=asked.needs,
        texts=asked.texts,
        k=asked.k,
        filter=filter_of_text(asked.filter_json or "{}", shell.settings.max_filter_values),
        by=asked.by,
        seed=asked.seed,
        lang=asked.lang,
        link=asked.link,
    )
    with shell.services() as services, shell.progress("sheet") as advance:
        services.serving.open()
        report = services.judging.write(asked.out, wanted, advance)
    shell.line(f"wrote {report.rows} pairs of {report.needs} needs to {asked.out}")
    if report.nothing_found or report.unusable:
        shell.line(
            f"needs without a patent {report.nothing_found}, rows of the file that are no need {report.unusable}"
        )
    shell.result({"file": str(asked.out), **asdict(report)})


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
