"""`patmatch evaluate`: how good the served matches are, on judged queries, and whether that is better than before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from app.errors import JobError, UsageError
from app.evaluation.collection import Words
from app.evaluation.comparison import VERDICTS, Difference, Differences, all_differences, chance, comparison, summary
from app.evaluation.report import numbered, write_comparison, write_report
from app.evaluation.result import EvaluationResult
from app.evaluation.slices import PAIR_MEASURES, PAIR_SIZES, SCORE_SHIFT, SLICE_MEASURES
from app.evaluation.trec import write_qrels, write_run
from app.quality.material import EvaluationFiles, EvaluationMaterial
from app.quality.systems import Bench, System, side_by_side
from scripts.console import FOLDER, INPUT, OUTPUT, Shell, listed, shell_options

_ALL_WAYS = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """The options of the command."""

    corpus: Path
    queries: Path
    qrels: Path
    run_out: Path | None
    qrels_out: Path | None
    report_dir: Path | None
    encoders: tuple[str, ...]
    baselines: tuple[Path, ...]
    run_files: tuple[Path, ...]
    no_served: bool
    asked: str

    def make_folders(self) -> None:
        """Fail before the work, not after it."""
        for folder in (self.report_dir, *(file.parent for file in (self.run_out, self.qrels_out) if file)):
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
@click.option("--report", "report_dir", type=FOLDER, help="Write a report there.")
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
@click.option(
    "--asked",
    type=click.Choice([_ALL_WAYS, "as-given"]),
    default=_ALL_WAYS,
    show_default=True,
    help="all: queries with title and text are asked by their text alone and by their title alone, too.",
)
@shell_options(_Options)
def command(shell: Shell, options: _Options) -> None:
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
    _check(options)
    options.make_folders()
    files = EvaluationFiles(corpus=options.corpus, queries=options.queries, qrels=options.qrels)
    bench = Bench(EvaluationMaterial.read(files))
    if options.qrels_out is not None:
        write_qrels(options.qrels_out, bench.material.known.qrels)
    systems, notes = side_by_side(bench, options.baselines, lambda: _served(shell, bench, options), options.run_files)
    _tell(shell, systems, notes, options)


def _check(options: _Options) -> None:
    if options.no_served and options.encoders:
        raise UsageError(
            "--no-served loads no encoder; leave out --encoder or --no-served",
            "--no-served 不加载任何编码器；请去掉 --encoder 或 --no-served",
        )
    if options.no_served and not (options.run_files or options.baselines):
        raise UsageError(
            "--no-served leaves nothing to measure; give --run or --baseline",
            "使用 --no-served 时没有可评测的对象；请给出 --run 或 --baseline",
        )
    report = options.report_dir
    if report is not None and report.resolve() in {folder.resolve() for folder in options.baselines}:
        raise UsageError(
            "--report would write over the --baseline; choose another folder",
            "--report 会覆盖 --baseline；请换一个文件夹",
        )
    if options.run_out is not None and (len(options.encoders) > 1 or options.no_served):
        raise UsageError(
            "--run-out takes the answers of one encoder; with several or none, --report writes those of each system",
            "--run-out 只能写入一个编码器的结果；多个编码器或 --no-served 时请使用 --report，分别写入",
        )


def _served(shell: Shell, bench: Bench, options: _Options) -> list[System]:
    """What the service answers; as a run it is written with every query, also those that cannot be compared."""
    if options.no_served:
        return []
    with shell.services() as services, shell.report("evaluate") as report:
        all_ways = options.asked == _ALL_WAYS
        systems = services.evaluating.systems(bench, options.encoders, all_ways=all_ways, report=report)
    if options.run_out is not None:
        write_run(options.run_out, systems[0].contents.runs)
    return systems


def _tell(shell: Shell, systems: Sequence[System], notes: Sequence[Words], options: _Options) -> None:
    """Write the requested files, then print a table, or one object whose top is what was measured now."""
    sources, contents = [each.source for each in systems], [each.contents for each in systems]
    folder = options.report_dir
    results = [each.result for each in contents]
    # What was measured earlier is there to be compared with: the measures of this command are those of the next one.
    now = min(len(options.baselines), len(contents) - 1)
    shown = [note._asdict() for note in notes]
    if len(contents) == 1:
        if folder is not None:
            write_report(folder, contents[0])
        _print_one(shell, results[0], folder, notes)
        shell.result(results[0].as_json() | ({"notes": shown} if shown else {}))
        return
    if folder is not None:
        write_comparison(folder, sources, contents, notes, now=now)
    _print_several(shell, sources, results, folder, notes)
    shell.result(results[now].as_json() | {"comparison": comparison(sources, results), "notes": shown})


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise JobError(
            f"cannot make the folder {folder.name}: {reason}", f"无法创建文件夹 {folder.name}：{reason}"
        ) from error


def _print_one(shell: Shell, result: EvaluationResult, report_dir: Path | None, notes: Sequence[Words]) -> None:
    """One system: its measures with intervals, languages, and what they were computed over."""
    shell.table(("measure", "value", "95 % interval", "queries"), [_row(name, result) for name in _numbers(result)])
    mix = result.measures["language_mix@10"]
    if isinstance(mix, dict):
        for lang, shares in mix.items():
            shown = listed({other: f"{share:.3f}" for other, share in shares.items()})
            shell.line(f"language_mix@10 {lang}: {shown or 'no answers'}")
    _slices(shell, [""], [result])
    shell.line(listed({name: n for name, n in result.counts.items() if not name.startswith("queries_in_")}))
    shell.line(listed({**result.snapshot, **result.settings}))
    for note in notes:
        _say(shell, note)
    if report_dir is not None:
        shell.line(f"report: {report_dir / 'report.html'}")


def _print_several(
    shell: Shell,
    sources: Sequence[str],
    results: Sequence[EvaluationResult],
    report_dir: Path | None,
    notes: Sequence[Words],
) -> None:
    """Several systems: measures side by side, the tests of their differences, and the answer in a sentence."""
    headings = numbered(sources)
    found = all_differences(results)
    places = range(2, len(results) + 1)
    columns = ["measure", *headings]
    for place in places:
        columns += [f"{place} - 1", "95 % interval", "excludes 0"]
    shell.table(columns, _side_by_side(results, found))
    columns = ["compared", "measure", "p", "Holm", "better/same/worse", "shows from", "verdict 结论"]
    shell.table(columns, [row for place in places for row in _tests(place, found[place - 1])])
    _slices(shell, headings, results)
    for heading, result in zip(headings, results, strict=True):
        shell.line(f"{heading}: {listed({**result.encoder, **result.snapshot, **result.settings})}")
    for note in notes:
        _say(shell, note)
    for place in places:
        _say(shell, summary(headings[place - 1], headings[0], found[place - 1]))
    if report_dir is not None:
        shell.line(f"reports: {report_dir}")


def _side_by_side(results: Sequence[EvaluationResult], found: Sequence[Differences]) -> list[tuple[object, ...]]:
    """A row for each measure: the systems' values, then each later system's difference to the first."""
    rows = []
    for name in _numbers(results[0]):
        row: list[object] = [name, *(_number(result.measures[name]) for result in results)]
        for each in found[1:]:
            row += _difference(each.get(name))
        rows.append(tuple(row))
    return rows


def _difference(found: Difference | None) -> tuple[str, str, str]:
    if found is None:
        return "-", "", ""
    interval = found.interval
    return (
        f"{found.value:+.4f}",
        f"{interval.low:+.4f} to {interval.high:+.4f}" if interval else "",
        {True: "yes", False: "no", None: ""}[found.excludes_zero],
    )


def _tests(place: int, found: Differences) -> list[tuple[object, ...]]:
    return [
        (
            f"{place} - 1",
            name,
            chance(each.p_value),
            chance(each.p_holm),
            "/".join(map(str, each.tally)) if each.tally else "",
            _number(each.visible_from),
            " ".join(VERDICTS[each.verdict]),
        )
        for name, each in found.items()
        if each.verdict is not None
    ]


def _slices(shell: Shell, headings: Sequence[str], results: Sequence[EvaluationResult]) -> None:
    """By how it was asked and how long it was; then the pairs of languages."""
    columns = (*SLICE_MEASURES, SCORE_SHIFT)
    rows = [each.slices.rows() for each in results]
    names = list(dict.fromkeys(name for each in rows for name in each))
    asked = [
        (f"{name} {heading}".strip(), each[name]["queries"], *(_number(each[name].get(one)) for one in columns))
        for name in names
        for heading, each in zip(headings, rows, strict=True)
        if name in each
    ]
    if asked:
        shell.table(("slice", "queries", *columns), asked)
    _languages(shell, headings, results)


def _languages(shell: Shell, headings: Sequence[str], results: Sequence[EvaluationResult]) -> None:
    keys = sorted({key for result in results for key in result.slices.languages})
    if all(len(set(key.split("->"))) == 1 for key in keys) and len(keys) < 2:
        return  # one language searched in itself is what the measures say already
    rows = [
        (
            f"{key} {heading}".strip(),
            *(values[size] for size in PAIR_SIZES),
            *(_number(values[name]) for name in PAIR_MEASURES),
        )
        for key in keys
        for heading, result in zip(headings, results, strict=True)
        if (values := result.slices.languages.get(key)) is not None
    ]
    shell.table(("languages", *PAIR_SIZES, *PAIR_MEASURES), rows)


def _say(shell: Shell, words: Words) -> None:
    shell.line(f"{words.en}\n{words.zh}")


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
