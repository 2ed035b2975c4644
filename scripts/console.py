"""What the commands share: the options `--home` and `--json`, tables, progress, and their settings."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click
from pydantic import ValidationError
from rich.console import Console as RichConsole
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from app.bootstrap import Services, build_services
from app.errors import UsageError
from app.settings import Settings

R = TypeVar("R")


class Advance(Protocol):
    """Told how many are done, and how many there are if that is known."""

    def __call__(self, done: int, total: int | None) -> None:
        """Show it."""
        ...


_PIPED_WIDTH = 160
"""Columns of a table that is not on a terminal; wide enough that a title is not wrapped into the next column."""


class Shell:
    """One command's surroundings.

    Attributes:
        settings: in force, `--home` included.
        as_json: whether one JSON object is wanted as the last line.
    """

    def __init__(self, settings: Settings, *, as_json: bool) -> None:
        self.settings = settings
        self.as_json = as_json
        self._out = RichConsole(width=None if sys.stdout.isatty() else _PIPED_WIDTH, highlight=False, markup=False)

    def line(self, text: str) -> None:
        """A sentence for people."""
        if not self.as_json:
            self._out.print(text, soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None) -> None:
        """A table for people; columns of double-width characters line up."""
        if self.as_json:
            return
        table = Table(*columns, title=title, title_justify="left", box=None, pad_edge=False, show_edge=False)
        for row in rows:
            table.add_row(*("" if cell is None else str(cell) for cell in row))
        self._out.print(table)

    def result(self, value: dict[str, Any]) -> None:
        """The machine-readable result, in one line, if it was asked for."""
        if self.as_json:
            click.echo(json.dumps(value, ensure_ascii=False, default=str))

    @contextmanager
    def services(self) -> Iterator[Services]:
        """The services over this home, closed at the end."""
        self.settings.home.mkdir(parents=True, exist_ok=True)
        services = build_services(self.settings)
        try:
            yield services
        finally:
            services.close()

    @contextmanager
    def progress(self, what: str) -> Iterator[Advance]:
        """A bar on a terminal, nothing when piped: call it with how many are done and how many there are, if known."""
        if not sys.stderr.isatty():
            yield _silent
            return
        bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=RichConsole(stderr=True),
        )
        with bar:
            task = bar.add_task(what, total=None, rate="")

            def advance(done: int, total: int | None) -> None:
                elapsed = bar.tasks[0].elapsed or 0.0
                bar.update(task, completed=done, total=total, rate=f"{done / elapsed:,.0f}/s" if elapsed > 0 else "")

            yield advance


def _silent(done: int, total: int | None) -> None:
    del done, total


def settings_of(home: Path | None) -> Settings:
    """The settings from the environment, `home` in place of theirs.

    Raises:
        UsageError: a variable has a value that cannot be used.
    """
    try:
        return Settings() if home is None else Settings(home=home)
    except ValidationError as error:
        bad = "; ".join(f"PATMATCH_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise UsageError(f"A setting cannot be used: {bad}", f"设置有误：{bad}") from error


def shell_command(function: Callable[..., R]) -> Callable[..., R]:
    """Give a command `--home` and `--json` and hand it its `Shell` first."""

    @click.option(
        "--home", type=click.Path(file_okay=False, path_type=Path), help="Data folder; PATMATCH_HOME, else ./var."
    )
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line.")
    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> R:  # noqa: ANN401 - whatever the command's own options are
        shell = Shell(settings_of(kwargs.pop("home")), as_json=kwargs.pop("as_json"))
        return function(shell, *args, **kwargs)

    # Raw docstrings hold the two characters; click keeps the lines of an example at the control character.
    wrapped.__doc__ = (function.__doc__ or "").replace(r"\b", "\b")
    return wrapped
