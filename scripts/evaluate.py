"""`patmatch evaluate`: how good the served matches are, on judged queries, and whether that is better than before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from app.errors import JobError, UsageError
from app.evaluation.comparison import comparison
from app.evaluation.report import write_comparison, write_qrels_file, write_report, write_run_file
from app.progress import Progress
from app.services.evaluation_material import EvaluationFiles, EvaluationMaterial
from app.services.evaluation_systems import Bench, Compared, System, SystemsWanted, side_by_side
from scripts.console import Shell, shell_command
from scripts.evaluate_tables import print_one, print_several

INPUT = click.Path(exists=True, dir_okay=False, path_type=Path)
OUTPUT = click.Path(dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outputs:
    """What is written besides what is printed."""

    run: Path | None
    qrels: Path | None
    report: Path | None

    def make_folders(self) -> None:
        """Fail before the work, not after it."""
        for folder in (self.report, *(file.parent for file in (self.run, self.qrels) if file)):
            if folder is not None:
                _make(folder)


@click.command(short_help="Measure the matches on judged queries, and compare.")
@click.option("--corpus", type=INPUT, required=True, help="JSON lines: id, title, text or abstract; may be gzipped.")
@click.option("--queries", type=INPUT, required=True, help="JSON lines like the corpus.")
@click.option(
    "--qrels", type=INPUT, required=True, help="Table with a header: query_id, doc_id, level 1 to 4; or TREC."
)
@click.option("--run-out", type=OUTPUT, help="Write the answers as a TREC run.")
@click.option("--qrels-out", type=OUTPUT, help="Write the judgements as TREC qrels, relevance 0 to 3.")
@click.option("--report", "report_dir", type=click.Path(file_okay=False, path_type=Path), help="Write a report there.")
@click.option(
    "--encoder",
    "encoders",
    multiple=True,
    metavar="SOURCE",
    help="package, hub:NAME, dir:PATH, or served for that of the published index; the configured one when left out. "
    "Given twice or more: each on the same judgements, with the differences to the first.",
)
@click.option(
    "--baseline",
    "baselines",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Compare with what --report wrote there earlier; nothing of it is embedded again.",
)
@click.option(
    "--run", "run_files", multiple=True, type=INPUT, help="Compare with a TREC run of any system; may be repeated."
)
@click.option("--no-served", is_flag=True, help="Only --run and --baseline: load no model and embed nothing.")
@shell_command
def command(
    shell: Shell,
    *,
    corpus: Path,
    queries: Path,
    qrels: Path,
    encoders: tuple[str, ...],
    baselines: tuple[Path, ...],
    run_files: tuple[Path, ...],
    no_served: bool,
    **outputs: Path | None,
) -> None:
    r"""Index CORPUS, ask every query as the service would, and measure the answers.

    The published indexes are not touched. Vectors are kept: a second evaluation of the same texts embeds nothing.
    Of several systems the first one is what the others are compared with: earlier reports come first, then encoders,
    then run files.

    \b
    Example:
      patmatch evaluate --corpus achievements.jsonl --queries needs.jsonl --qrels qrels.tsv --report var/report
      patmatch evaluate --corpus a.jsonl --queries n.jsonl --qrels q.tsv --baseline var/report --report var/new
      patmatch evaluate --corpus a.jsonl --queries n.jsonl --qrels q.tsv --encoder served --encoder dir:/models/new
      patmatch evaluate --corpus a.jsonl --queries n.jsonl --qrels q.tsv --no-served --run old.trec --run new.trec
    """
    wanted = SystemsWanted(baselines=baselines, run_files=run_files, served=not no_served)
    out = _Outputs(run=outputs["run_out"], qrels=outputs["qrels_out"], report=outputs["report_dir"])
    _check(wanted, encoders, out)
    out.make_folders()
    bench = Bench(EvaluationMaterial.read(EvaluationFiles(corpus=corpus, queries=queries, qrels=qrels)))
    if out.qrels is not None:
        write_qrels_file(out.qrels, bench.material.known.qrels)
    compared = side_by_side(bench, wanted, lambda: _served(shell, bench, encoders, out.run))
    _tell(shell, compared, wanted, out)


def _check(wanted: SystemsWanted, encoders: Sequence[str], out: _Outputs) -> None:
    if not wanted.served and encoders:
        raise UsageError(
            "--no-served loads no encoder; leave out --encoder or --no-served",
            "--no-served 不加载任何编码器；请去掉 --encoder 或 --no-served",
        )
    if not wanted.served and not (wanted.run_files or wanted.baselines):
        raise UsageError(
            "--no-served leaves nothing to measure; give --run or --baseline",
            "使用 --no-served 时没有可评测的对象；请给出 --run 或 --baseline",
        )
    if out.report is not None and out.report.resolve() in {folder.resolve() for folder in wanted.baselines}:
        raise UsageError(
            "--report would write over the --baseline; choose another folder",
            "--report 会覆盖 --baseline；请换一个文件夹",
        )
    if out.run is not None and (len(encoders) > 1 or not wanted.served):
        raise UsageError(
            "--run-out takes the answers of one encoder; with several or none, --report writes those of each system",
            "--run-out 只能写入一个编码器的结果；多个编码器或 --no-served 时请使用 --report，分别写入",
        )


def _served(shell: Shell, bench: Bench, encoders: Sequence[str], run_out: Path | None) -> list[System]:
    """What the service answers; as a run it is written with every query, also those that cannot be compared."""
    with shell.services() as services, shell.progress("evaluate") as advance:

        def report(progress: Progress) -> None:
            advance(progress.done, progress.total)

        systems = services.evaluating.systems(bench, encoders, report=report)
    if run_out is not None:
        write_run_file(run_out, systems[0].contents.runs)
    return systems


def _tell(shell: Shell, compared: Compared, wanted: SystemsWanted, out: _Outputs) -> None:
    """Write the files that were asked for, then print a table, or one object whose top is what was measured now."""
    sources, contents = compared.sources, compared.contents
    results = [each.result for each in contents]
    # What was measured earlier is there to be compared with: the measures of this command are those of the next one.
    now = min(len(wanted.baselines), len(contents) - 1)
    notes = [note._asdict() for note in compared.notes]
    if len(contents) == 1:
        if out.report is not None:
            write_report(out.report, contents[0])
        print_one(shell, results[0], out.report, compared.notes)
        shell.result(results[0].as_json() | ({"notes": notes} if notes else {}))
        return
    if out.report is not None:
        write_comparison(out.report, sources, contents, compared.notes, now=now)
    print_several(shell, sources, results, out.report, compared.notes)
    shell.result(results[now].as_json() | {"comparison": comparison(sources, results), "notes": notes})


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise JobError(
            f"cannot make the folder {folder.name}: {reason}", f"无法创建文件夹 {folder.name}：{reason}"
        ) from error
