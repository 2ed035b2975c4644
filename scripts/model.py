"""`patmatch model prepare`: make the model folder ready."""

from __future__ import annotations

import click

from app.serving.translation import translated
from app.wiring import encoder_spec, load_encoder
from models import ModelSource, prepare
from scripts.console import Shell, shell_command


@click.group(short_help="Make the model ready.")
def command() -> None:
    """Make the model ready."""


@command.command("prepare")
@click.option("--source", help="package, package:base, hub:NAME or dir:PATH; default PATMATCH_MODEL, else package.")
@shell_command
def prepare_model(shell: Shell, source: str | None) -> None:
    r"""Make the model folder ready and check it. A second call does nothing.

    \b
    Example:
      patmatch model prepare
      patmatch model prepare --source dir:/data/models/bge-m3
    """
    settings = shell.settings if source is None else shell.settings.model_copy(update={"model": source})
    with translated():
        prepared = prepare(ModelSource.parse(settings.model), settings.models_dir)
        fingerprint = None
        if prepared.created:
            fingerprint = load_encoder(settings, encoder_spec(settings)).fingerprint
    shell.line(f"{'Prepared' if prepared.created else 'Already there'}: {prepared.folder}")
    if fingerprint:
        shell.line(f"Fingerprint: {fingerprint}")
    if source is not None and source != shell.settings.model:
        shell.line(f"To use it: export PATMATCH_MODEL={source}")
    shell.result({"folder": str(prepared.folder), "created": prepared.created, "fingerprint": fingerprint})
