"""`patmatch train`: fine-tune the encoder on judged queries, or with `--pairs` adapt it to patents."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from app.quality.model_card import Fold, Outcome, fold_rows, measure_rows
from app.quality.train import UNJUDGED, TrainingRequest
from models import Precision
from models.training_data import TuningOptions
from scripts import train_pairs
from scripts.console import INPUT, Shell, corpus_options, judged, listed, shell_options

DEFAULTS = TuningOptions()
PAIRS = "--pairs"
TUNING = (
    "epochs", "learning_rate", "negatives", "max_tokens", "freeze_embeddings", "freeze_layers", "blend", "precision",
    "seed",
)  # fmt: skip
"""Options of the command that are passed on by their own names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """The options of the command."""

    qrels: Path
    corpus: Path | None
    queries: Path | None
    out: Path | None
    base: str | None
    holdout: float
    folds: int | None
    unjudged: int
    allow_worse: bool
    epochs: int
    learning_rate: float
    negatives: int
    max_tokens: int
    freeze_embeddings: bool
    freeze_layers: int
    blend: float
    precision: Precision
    threads: int | None
    seed: int

    def request(self, encoder_threads: int | None) -> TrainingRequest:
        """What they ask for."""
        tuning = {name: getattr(self, name) for name in TUNING}
        return TrainingRequest(
            judged=judged(self.corpus, self.queries, self.qrels),
            out=self.out,
            base=self.base,
            tuning=TuningOptions(**tuning | {"threads": self.threads or encoder_threads}),
            holdout=self.holdout,
            folds=self.folds or 0,
            unjudged=self.unjudged,
            allow_worse=self.allow_worse,
        )

    def following(self) -> list[str]:
        """The commands that put the model into service; `patmatch index rollback` goes back."""
        if self.out is None:
            return []
        files = f"--qrels {self.qrels}"
        evaluate = []
        if self.corpus is not None:
            files = f"--corpus {self.corpus} --queries {self.queries} {files}"
            evaluate = [f"patmatch evaluate {files} --encoder served --encoder dir:{self.out}"]
        return [
            f"patmatch model prepare --source dir:{self.out}",
            *evaluate,
            f"patmatch index build all --encoder dir:{self.out} --publish",
            f"export PATMATCH_MODEL=dir:{self.out}",
            f"patmatch calibrate {files}",
        ]


class _Train(click.Command):
    """Two ways with options of their own under one name: on judgements, and with the flag `--pairs` on patents."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,  # noqa: ANN401 - click's own
    ) -> click.Context:
        """The context of the way that is asked for."""
        if PAIRS not in args:
            return super().make_context(info_name, args, parent, **extra)
        rest = [arg for arg in args if arg != PAIRS]
        return train_pairs.command.make_context(f"{info_name} {PAIRS}", rest, parent, **extra)


@click.command(cls=_Train, short_help="Fine-tune the model on judged queries, or adapt it to patents.")
@click.option("--qrels", type=INPUT, required=True, help="Table: query_id, doc_id, level 1 to 4; or TREC.")
@corpus_options
@click.option("--out", type=click.Path(path_type=Path), help="Folder to make; nothing may be there.")
@click.option("--base", metavar="SOURCE", help="The model to begin with, as PATMATCH_MODEL; default the configured.")
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
@shell_options(_Options)
def command(shell: Shell, options: _Options) -> None:
    r"""Fine-tune the encoder on QRELS and write it to OUT, if needs that it never saw find it better as served.

    With --qrels alone, query ids are needs of the catalogue and document ids patents, among published ones. Nothing is
    at OUT unless this ends well. The model is used once it was prepared and an index was built with it.

    Without judgements the encoder can learn from patents alone: see patmatch train --pairs --help.

    \b
    Example:
      patmatch train --qrels judged.tsv --out var/trained
      patmatch train --corpus achievements.jsonl --queries needs.jsonl --qrels qrels.tsv --folds 3
    """
    request = options.request(shell.settings.encoder_threads)
    with shell.services() as services, shell.report("train") as report:
        outcome = services.training.train(request, report=report, on_fold=lambda fold: _fold(shell, fold))
    _print(shell, outcome)
    out, following = options.out, options.following()
    if following:
        shell.line(f"the model is at {out} and not in service yet; next: · 模型位于 {out}，尚未启用；后续步骤：")
    for step in following:
        shell.line(f"  {step}")
    shell.result(outcome.as_json() | {"folder": None if out is None else str(out), "next": following})


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
    shell.line(listed(outcome.counts))
    shell.line(f"steps {outcome.steps}, seconds {outcome.seconds:.0f}, better {'yes' if outcome.better else 'no'}")
