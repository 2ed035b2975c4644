"""`patmatch bench quality`: every way to rank that was tried, on judged queries, as the table of docs/quality.md."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import click

from app.evaluation.experiment_page import markdown, written_into
from app.evaluation.experiments import COMPARED, Figure, Row
from app.progress import Progress
from app.services.evaluation_material import EvaluationFiles
from scripts.console import Shell, shell_command

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("quality")
@click.option("--corpus", type=_FILE, required=True, help="JSON lines: id, title, text or abstract; may be gzipped.")
@click.option("--queries", type=_FILE, required=True, help="JSON lines like the corpus.")
@click.option(
    "--qrels", type=_FILE, required=True, help="Table with a header: query_id, doc_id, level 1 to 4; or TREC."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Markdown file; the tables go between its two marker lines, the rest stays.",
)
@shell_command
def quality(shell: Shell, corpus: Path, queries: Path, qrels: Path, out: Path | None) -> None:
    r"""Measure every experiment that vectors and terms allow, and what the service itself answers, in one table.

    Each text is embedded once and its vector kept. Every figure is over all queries, with mean and standard deviation
    over five folds by title; differences are to what is served, with paired 95 % bootstrap intervals over titles.

    \b
    Example:
      patmatch bench quality --corpus achievements.jsonl --queries needs.jsonl --qrels qrels.tsv --out docs/quality.md
    """
    files = EvaluationFiles(corpus=corpus, queries=queries, qrels=qrels)
    with shell.services() as services, shell.progress("quality") as advance:

        def report(progress: Progress) -> None:
            advance(progress.done, progress.total)

        found = services.experiments.run(files, report=report)
    for group, rows in groupby(found.rows, key=lambda row: row.group):
        shell.table(_COLUMNS, [_cells(row) for row in rows], title=f"\n{group}")
    shell.line("\nvalue ±deviation over folds, difference to what is served; * its 95 % interval leaves out 0")
    if out is not None:
        written_into(out, markdown(found.rows, found.facts))
    shell.result(found.as_json() | ({"out": out.name} if out is not None else {}))


_COLUMNS = ("what", "ndcg", "spearman", "recall@100", "ndcg, all", "hub share", "reach")


def _cells(row: Row) -> list[str]:
    figures = [row.figures.get(name) for name in COMPARED]
    return [
        row.name,
        *("-" if one is None else _cell(one) for one in figures),
        f"{row.hub_share:.3f}",
        f"{row.reach:.3f}",
    ]


def _cell(figure: Figure) -> str:
    return f"{figure.value:.3f} ±{figure.deviation:.3f} {figure.difference:+.3f}{'*' if figure.told else ''}"
