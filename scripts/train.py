"""`patmatch train`: fine-tune the encoder on judged queries."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import click

from app.errors import UsageError
from app.progress import Progress
from app.services.evaluation_material import EvaluationFiles
from app.services.training import UNJUDGED, TrainingRequest
from app.services.training_card import Fold, Outcome, fold_rows, measure_rows
from models import Precision
from models.training_data import TuningOptions
from scripts.console import Shell, shell_command

INPUT = click.Path(exists=True, dir_okay=False, path_type=Path)
DEFAULTS = TuningOptions()
TUNING = ("epochs", "learning_rate", "negatives", "max_tokens", "freeze_embeddings", "freeze_layers", "blend", "seed")
"""Options of the command that are handed on by their own names."""


@click.command(short_help="Fine-tune the model on judged queries.")
@click.option("--qrels", type=INPUT, required=True, help="Table: query_id, doc_id, level 1 to 4; or TREC.")
@click.option("--corpus", type=INPUT, help="JSON lines as evaluate takes them; without, ids are the catalogue's.")
@click.option("--queries", type=INPUT, help="JSON lines like the corpus.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder to make; nothing may be there.")
@click.option("--base", metavar="SOURCE", help="package, hub:NAME or dir:PATH to begin with; default the configured.")
@click.option("--epochs", type=click.IntRange(1), default=DEFAULTS.epochs, show_default=True, help="At most.")
@click.option(
    "--holdout", type=click.FloatRange(0.05, 0.5), default=0.2, show_default=True, help="Share of needs to judge by."
)
@click.option(
    "--folds", type=click.IntRange(2),
    help="Judge by cross-validation instead, and train on all; without --out only measure. Takes so many times.",
)  # fmt: skip
@click.option(
    "--unjudged", type=click.IntRange(0), default=UNJUDGED, show_default=True,
    help="Passages nobody judged that needs are asked among, at most.",
)  # fmt: skip
@click.option(
    "--learning-rate", type=click.FloatRange(0, 1, min_open=True), default=DEFAULTS.learning_rate, show_default=True
)
@click.option(
    "--negatives", type=click.IntRange(0), default=DEFAULTS.negatives, show_default=True,
    help="Unjudged near passages a step and need.",
)  # fmt: skip
@click.option(
    "--max-tokens", type=click.IntRange(8), default=DEFAULTS.max_tokens, show_default=True, help="Read of a text."
)
@click.option(
    "--freeze-embeddings/--train-embeddings", default=DEFAULTS.freeze_embeddings, show_default=True,
    help="Leave the word embeddings as they are.",
)  # fmt: skip
@click.option(
    "--freeze-layers", type=click.IntRange(0), default=DEFAULTS.freeze_layers, show_default=True,
    help="Lowest layers to leave as they are: faster.",
)  # fmt: skip
@click.option(
    "--blend", type=click.FloatRange(0, 1, min_open=True), default=DEFAULTS.blend, show_default=True,
    help="How far from the base's weights to the trained ones.",
)  # fmt: skip
@click.option("--precision", type=click.Choice(["bfloat16", "float32"]), default=DEFAULTS.precision, show_default=True)
@click.option("--threads", type=click.IntRange(1), help="Of the CPU; default PATMATCH_ENCODER_THREADS.")
@click.option("--seed", type=click.IntRange(0), default=DEFAULTS.seed, show_default=True)
@click.option("--allow-worse", is_flag=True, help="Write the model even where held-out needs find it no better.")
@shell_command
def command(
    shell: Shell,
    *,
    qrels: Path,
    corpus: Path | None,
    queries: Path | None,
    out: Path | None,
    base: str | None,
    holdout: float,
    folds: int | None,
    unjudged: int,
    precision: str,
    threads: int | None,
    allow_worse: bool,
    **tuning: Any,  # noqa: ANN401 - those of TUNING
) -> None:
    r"""Fine-tune the encoder on QRELS and write it to OUT, if needs that it never saw find it better as served.

    With --qrels alone, query ids are needs of the catalogue and document ids patents, among published ones. Nothing is
    at OUT unless this ends well. The model is used once it was prepared and an index was built with it.

    \b
    Example:
      patmatch train --qrels judged.tsv --out var/trained
      patmatch train --corpus achievements.jsonl --queries needs.jsonl --qrels qrels.tsv --folds 3
    """
    request = TrainingRequest(
        judged=_judged(corpus, queries, qrels),
        out=out,
        base=base,
        tuning=TuningOptions(
            **{name: tuning[name] for name in TUNING},
            precision=cast(Precision, precision),
            threads=threads or shell.settings.encoder_threads,
        ),
        holdout=holdout,
        folds=folds or 0,
        unjudged=unjudged,
        allow_worse=allow_worse,
    )
    with shell.services() as services, shell.progress("train") as advance:

        def report(progress: Progress) -> None:
            advance(progress.done, progress.total)

        outcome = services.training.train(request, report=report, told=lambda fold: _fold(shell, fold))
    _print(shell, outcome)
    following = [] if out is None else _next(out, corpus, queries, qrels)
    if following:
        shell.line(f"the model is at {out} and not in service yet; next: · 模型位于 {out}，尚未启用；后续步骤：")
    for step in following:
        shell.line(f"  {step}")
    shell.result(outcome.as_json() | {"folder": None if out is None else str(out), "next": following})


def _judged(corpus: Path | None, queries: Path | None, qrels: Path) -> EvaluationFiles | Path:
    if corpus is None and queries is None:
        return qrels
    if corpus is None or queries is None:
        raise UsageError(
            "give --qrels alone, or --qrels with both --corpus and --queries",
            "请仅提供 --qrels，或同时提供 --qrels、--corpus 和 --queries",
        )
    return EvaluationFiles(corpus=corpus, queries=queries, qrels=qrels)


def _fold(shell: Shell, fold: Fold) -> None:
    measures = ", ".join(f"{name} {before:.4f} to {fold.after[name]:.4f}" for name, before in fold.before.items())
    shell.line(f"fold of {fold.needs} needs, as served: {measures}")


def _print(shell: Shell, outcome: Outcome) -> None:
    for what, compared in (("as served", outcome.served), ("vectors alone", outcome.vectors)):
        columns = (f"held out, {what}", "base", "trained", "difference", "95 % interval")
        shell.table(columns, measure_rows(compared))
    before, after = outcome.level_scores
    if before is not None and after is not None:
        shell.line(f"level_score as served, cross-validated: {before:.4f} to {after:.4f}")
    if outcome.folds:
        rows = fold_rows(outcome.folds, outcome.spread)
        shell.table(("fold", "needs", *outcome.folds[0].before), rows, title="as served, base to trained")
    shell.line(", ".join(f"{name} {count}" for name, count in outcome.counts.items()))
    shell.line(f"steps {outcome.steps}, seconds {outcome.seconds:.0f}, better {'yes' if outcome.better else 'no'}")


def _next(out: Path, corpus: Path | None, queries: Path | None, qrels: Path) -> list[str]:
    """The commands that put the model into service; `patmatch index rollback` goes back."""
    files = f"--qrels {qrels}" if corpus is None else f"--corpus {corpus} --queries {queries} --qrels {qrels}"
    evaluate = [] if corpus is None else [f"patmatch evaluate {files} --encoder served --encoder dir:{out}"]
    return [
        f"patmatch model prepare --source dir:{out}",
        *evaluate,
        f"patmatch index build all --encoder dir:{out} --publish",
        f"export PATMATCH_MODEL=dir:{out}",
        f"patmatch calibrate {files}",
    ]
