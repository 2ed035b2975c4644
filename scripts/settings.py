"""`patmatch settings`: every setting, its value in force and what it is for; `--markdown` writes docs/settings.md."""

from __future__ import annotations

from typing import get_args

import click

from app.settings import Settings
from scripts.console import Shell, shell_command


@click.command(short_help="Show every setting and its value.")
@click.option("--markdown", is_flag=True, help="Print the table of docs/settings.md, with defaults.")
@shell_command
def command(shell: Shell, markdown: bool) -> None:
    r"""Show every setting, its value in force and what it is for.

    \b
    Example:
      patmatch settings
    """
    if markdown:
        click.echo(as_markdown(), nl=False)
        return
    values = {f"PATMATCH_{name.upper()}": getattr(shell.settings, name) for name in Settings.model_fields}
    described = [field.description for field in Settings.model_fields.values()]
    shell.table(
        ("variable", "value", "what"), [(*pair, text) for pair, text in zip(values.items(), described, strict=True)]
    )
    # A database URL may hold a password: programs have no need of it here.
    shell.result({"settings": {name: str(value) for name, value in values.items() if name != "PATMATCH_DATABASE_URL"}})


def as_markdown() -> str:
    """The page docs/settings.md, from the fields of `Settings`."""
    lines = [
        "# Settings",
        "",
        "Environment variables, read at start. This page is printed by `patmatch settings --markdown`.",
        "",
        "| variable | default | what |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = "unset" if field.default is None else f"`{field.default}`"
        choices = [f"`{value}`" for value in get_args(field.annotation) if isinstance(value, str)]
        text = f"{field.description} One of {', '.join(choices)}." if choices else field.description
        lines.append(f"| `PATMATCH_{name.upper()}` | {default} | {text} |")
    return "\n".join(lines) + "\n"
