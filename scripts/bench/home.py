"""`patmatch bench home`: a home of any size to try builds and runs on, made of a real one."""

from __future__ import annotations

from pathlib import Path

import click

from app.errors import InputError
from app.wiring import Services
from scripts.bench.scaling import HomeScaler, Side
from scripts.console import AT_LEAST_ONE, FOLDER, Shell, shell_command


@click.command("home")
@click.argument("out", type=FOLDER)
@click.option("--patents", default=940_000, show_default=True, type=AT_LEAST_ONE)
@click.option("--firms", default=450_000, show_default=True, type=click.IntRange(min=0))
@click.option("--seed", default=0, show_default=True, help="Of every draw.")
@shell_command
def home(shell: Shell, out: Path, *, patents: int, firms: int, seed: int) -> None:
    r"""Fill OUT with records mixed of this home's, and vectors interpolated from theirs; nothing is embedded.

    This home needs an index of patents and a push run, which embed what is mixed. Firms get an industry each, drawn
    as often as patents have it. Full size takes 6 GB of disk.

    \b
    Example:
      patmatch bench home /data/large --patents 940000 --firms 450000
      patmatch index build patents --publish --home /data/large
      patmatch push run --run large --home /data/large
    """
    settings = shell.settings.model_copy(update={"home": out})
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out} is not empty.", f"{out} 不是空目录。", code="not_empty")
    out.mkdir(parents=True, exist_ok=True)
    (out / "models").symlink_to(shell.settings.models_dir.resolve(), target_is_directory=True)
    with shell.services() as real, shell.stages() as report:
        made = Services(settings)
        encoder = real.encoders.get()
        source, target = (Side(one.catalogue, one.serving.store_of(encoder)) for one in (real, made))
        scaler = HomeScaler(source, target, report, seed=seed)
        scaler.patents(patents)
        scaler.firms(firms)
        made.close()
    shell.line(f"{patents} patents and {firms} firms in {out}")
    shell.result({"home": str(out), "patents": patents, "firms": firms})
