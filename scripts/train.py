"""`patmatch train`: fine-tune the encoder on judged queries."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import click

from app.services.embedding import Progress
from app.services.evaluation_material import EvaluationFiles
from app.services.training import TrainingRequest
from app.services.training_card import Outcome
from models import Precision
from models.training_data import TuningOptions
from scripts.console import Shell, shell_command

INPUT = click.Path(exists=True, dir_okay=False, path_type=Path)
DEFAULTS = TuningOptions()
TUNING = ("epochs", "learning_rate", "negatives", "max_tokens", "freeze_embeddings", "freeze_layers", "blend", "seed")
"""Options of the command that are handed on by their own names."""


@click.command(short_help="Fine-tune the model on judged queries.")
@click.option("--corpus", type=INPUT, required=True, help="JSON lines as for `patmatch evaluate`.")
@click.option("--queries", type=INPUT, required=True, help="JSON lines like the corpus.")
@click.option("--qrels", type=INPUT, required=True, help="Table: query_id, doc_id, level 1 to 4; or TREC.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to make; nothing may be there.")
@click.option("--base", metavar="SOURCE", help="package, hub:NAME or dir:PATH to begin with; default the configured.")
@click.option("--epochs", type=click.IntRange(1), default=DEFAULTS.epochs, show_default=True, help="At most.")
@click.option(
    "--holdout", type=click.FloatRange(0.05, 0.5), default=0.2, show_default=True, help="Share of needs to judge by."
)
@click.option(
    "--folds", type=click.IntRange(2), help="Judge by cross-validation instead, and train on all: takes so many times."
)
@click.option(
    "--learning-rate", type=click.FloatRange(0, 1, min_open=True), default=DEFAULTS.learning_rate, show_default=True
)
@click.option(
    "--negatives", type=click.IntRange(0), default=DEFAULTS.negatives, show_default=True,
    help="Unjudged near passages a step and need; 0 embeds no corpus.",
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
@click.option("--seed", type=click.IntRange(0), default=DEFAULTS.seed, show_default=True)
@click.option("--allow-worse", is_flag=True, help="Write the model even where held-out needs find it no better.")
@shell_command
def command(
    shell: Shell,
    *,
    corpus: Path,
    queries: Path,
    qrels: Path,
    out: Path,
    base: str | None,
    holdout: float,
    folds: int | None,
    precision: str,
    allow_worse: bool,
    **tuning: Any,  # noqa: ANN401 - those of TUNING
) -> None:
    r"""Fine-tune the encoder on QRELS and write it to OUT, if needs that it never saw find it better than its base.

    Nothing is at OUT unless this ends well. The model is used once `patmatch model prepare` has taken it.

    \b
    Example:
      patmatch train --corpus achievements.jsonl --queries needs.jsonl --qrels qrels.tsv --out var/trained
      patmatch model prepare --source dir:var/trained
      patmatch evaluate --corpus a.jsonl --queries n.jsonl --qrels q.tsv --encoder package --encoder dir:var/trained
    """
    request = TrainingRequest(
        files=EvaluationFiles(corpus=corpus, queries=queries, qrels=qrels),
        out=out,
        base=base,
        tuning=TuningOptions(
            **{name: tuning[name] for name in TUNING},
            precision=cast(Precision, precision),
            threads=shell.settings.encoder_threads,
        ),
        holdout=holdout,
        folds=folds or 0,
        allow_worse=allow_worse,
    )
    with shell.services() as services, shell.progress("train") as advance:

        def report(progress: Progress) -> None:
            advance(progress.done, progress.total)

        outcome = services.training.train(request, report=report)
    _print(shell, outcome, out)
    shell.result(outcome.as_json() | {"folder": str(out)})


def _print(shell: Shell, outcome: Outcome, out: Path) -> None:
    rows = []
    for name, before in outcome.before.items():
        difference = outcome.differences.get(name)
        interval = difference.interval if difference else None
        rows.append(
            (
                name,
                f"{before:.4f}",
                f"{outcome.after[name]:.4f}",
                f"{difference.value:+.4f}" if difference else "-",
                f"{interval.low:+.4f} to {interval.high:+.4f}" if interval else "",
            )
        )
    shell.table(("held-out measure", "base", "trained", "difference", "95 % interval"), rows)
    shell.line(", ".join(f"{name} {count}" for name, count in outcome.counts.items()))
    shell.line(f"steps {outcome.steps}, seconds {outcome.seconds:.0f}, better {'yes' if outcome.better else 'no'}")
    shell.line(f"model: {out}; to use it: patmatch model prepare --source dir:{out}")
