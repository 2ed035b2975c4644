"""`patmatch train --pairs`: adapt the encoder to patents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from app.ingest import load_mapping
from app.quality.adapt import AdaptationOutcome, AdaptationRequest
from models import Precision
from models.folders import ADAPTATION
from models.pairs import PairOptions
from scripts.console import INPUT, MAPPING, OUTPUT, REJECTED, Shell, listed, shell_options

DEFAULTS = PairOptions()
LEARNING = (
    "steps", "batch", "learning_rate", "temperature", "max_tokens", "freeze_layers", "blend", "precision", "seed",
    "device",
)  # fmt: skip
"""Options of the command that are passed on by their own names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """The options of the command."""

    files: Sequence[Path]
    mapping: Path | None
    measure: Path | None
    out: Path
    state: Path | None
    base: str | None
    steps: int
    batch: int
    learning_rate: float
    temperature: float
    max_tokens: int
    freeze_layers: int
    blend: float
    precision: Precision
    seed: int
    threads: int | None
    device: str

    def request(self, encoder_threads: int | None) -> AdaptationRequest:
        """What they ask for."""
        learning = {name: getattr(self, name) for name in LEARNING}
        return AdaptationRequest(
            files=tuple(self.files),
            mapping=load_mapping(self.mapping) if self.mapping else None,
            measure=self.measure,
            out=self.out,
            state=self.state or self.out.with_name(f"{self.out.name}.state"),
            base=self.base,
            options=PairOptions(**learning | {"threads": self.threads or encoder_threads}),
        )


@click.command("train --pairs", short_help="Adapt the model to patents.")
@click.argument("files", nargs=-1, type=INPUT)
@MAPPING
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to make; nothing may be there.")
@click.option("--state", type=OUTPUT, help="Where the training is kept, to go on from; default OUT.state.")
@click.option("--base", metavar="SOURCE", help="The model to begin with, as PATMATCH_MODEL; default the configured.")
@click.option("--measure", type=INPUT, help="Patents whose titles are asked before and after; learned ones left out.")
@click.option("--steps", type=click.IntRange(1), default=DEFAULTS.steps, show_default=True)
@click.option("--batch", type=click.IntRange(2), default=DEFAULTS.batch, show_default=True, help="Pairs of a step.")
@click.option(
    "--learning-rate", type=click.FloatRange(0, 1, min_open=True), default=DEFAULTS.learning_rate, show_default=True
)
@click.option(
    "--temperature", type=click.FloatRange(0, 1, min_open=True), default=DEFAULTS.temperature, show_default=True,
    help="What a cosine is divided by.",
)  # fmt: skip
@click.option(
    "--max-tokens", type=click.IntRange(8), default=DEFAULTS.max_tokens, show_default=True, help="Read of a text."
)
@click.option(
    "--freeze-layers", type=click.IntRange(0), default=DEFAULTS.freeze_layers, show_default=True,
    help="Lowest layers to leave as they are.",
)  # fmt: skip
@click.option(
    "--blend", type=click.FloatRange(0, 1, min_open=True), default=DEFAULTS.blend, show_default=True,
    help="How far from the base's weights to the trained ones; another one needs no new training.",
)  # fmt: skip
@click.option("--precision", type=click.Choice(["bfloat16", "float32"]), default=DEFAULTS.precision, show_default=True)
@click.option("--threads", type=click.IntRange(1), help="Of the CPU; default PATMATCH_ENCODER_THREADS.")
@click.option("--device", default=DEFAULTS.device, show_default=True, help="auto, cpu, cuda, cuda:1, mps, ...")
@click.option("--seed", type=click.IntRange(0), default=DEFAULTS.seed, show_default=True)
@shell_options(_Options)
def command(shell: Shell, options: _Options) -> int:
    r"""Adapt the encoder to the patents of FILES, as `ingest patents` reads them; without, to those of the catalogue.

    It learns without judgements, from pairs: a title and its abstract, two halves of an abstract, titles in two
    languages (columns title_en, title_zh ...). A call that was stopped goes on when it is made again, and one that is
    done makes the folder anew, with another --blend too. The folder holds the model and, as adaptation.safetensors,
    its differences from the base.

    \b
    Example:
      patmatch train --pairs patents.jsonl.gz more.xlsx --out var/adapted --base package:base
      patmatch train --pairs --out var/adapted --measure other.jsonl
    """
    request = options.request(shell.settings.encoder_threads)
    with shell.services() as services, shell.stages() as report:
        outcome = services.adapting.adapt(request, report=report)
    file = request.out / ADAPTATION
    following = [
        f"patmatch model prepare --source dir:{request.out}",
        f"patmatch index build all --encoder dir:{request.out} --publish",
        f"export PATMATCH_MODEL=dir:{request.out}",
    ]
    _print(shell, outcome, file)
    shell.line(
        f"the model is at {request.out} and not in service yet; next: · 模型位于 {request.out}，尚未启用；后续步骤："
    )
    for step in following:
        shell.line(f"  {step}")
    shell.line(
        f"the training stays at {request.state}, to go on from or for another blend · "
        "训练状态已保存，可继续训练或更换 blend"
    )
    paths = {"folder": str(request.out), "adaptation": str(file), "state": str(request.state)}
    shell.result(outcome.as_json() | paths | {"bytes": file.stat().st_size, "next": following})
    return REJECTED if outcome.rejected else 0


def _print(shell: Shell, outcome: AdaptationOutcome, file: Path) -> None:
    shell.line(listed(outcome.counts))
    if outcome.rejected:
        shell.line(f"rows that could not be used {outcome.rejected}: {listed(outcome.reasons)}")
    loss = "" if outcome.loss is None else f", loss {outcome.loss:.3f}"
    shell.line(f"steps {outcome.steps}, of them now {outcome.taken}{loss}, seconds {outcome.seconds:.0f}")
    if outcome.before:
        rows = [(name, f"{value:.3f}", f"{outcome.after[name]:.3f}") for name, value in outcome.before.items()]
        shell.table(("titles among abstracts not learned from", "base", "adapted"), rows)
    shell.line(f"{file.name}: {file.stat().st_size:,} bytes; rounding moves a cosine by {outcome.rounding:.5f} at most")
