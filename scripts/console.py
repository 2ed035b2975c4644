"""What the commands share: types of options, `--home` and `--json`, tables, progress, and their settings."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click
from pydantic import ValidationError
from rich.console import Console as RichConsole
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from app.domain import Kind
from app.errors import UsageError
from app.progress import Progress, Report
from app.quality.material import EvaluationFiles
from app.settings import Settings
from app.wiring import Services

R = TypeVar("R")
T = TypeVar("T")
K = TypeVar("K", bound=str)

INPUT = click.Path(exists=True, dir_okay=False, path_type=Path)
OUTPUT = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
KIND = click.Choice([kind.value for kind in Kind])
MAPPING = click.option("--mapping", type=INPUT, help='JSON or TOML: {"their header": "our field"}.')
LANG = click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", show_default=True, help="Of a workbook.")
LINK = click.option(
    "--link-base", "link", metavar="URL", help="Address of a record's page, with {id} or the id at its end; of .xlsx."
)
AT_LEAST_ONE = click.IntRange(min=1)

REJECTED = 3
"""Exit status of a command that is done, but for some rows."""


def listed(counts: Mapping[K, object]) -> str:
    """Names and values in one line: ``rows 3, added 2``."""
    return ", ".join(f"{name} {value}" for name, value in counts.items())


class Advance(Protocol):
    """Called with how many are done, how many there are if that is known, and a word on how it goes."""

    def __call__(self, done: int, total: int | None, note: str = "", /) -> None:
        """Show it."""


_WHOLE_RATE = 10
"""From so many a second on the digits behind the point say nothing."""

_PIPED_WIDTH = 160
"""Columns of a table that is not on a terminal; wide enough that a title is not wrapped into the next column."""


def corpus_options(function: Callable[..., R]) -> Callable[..., R]:
    """Give a command `--corpus` and `--queries`, which `judged` takes."""
    queries = click.option("--queries", type=INPUT, help="JSON lines like the corpus.")
    corpus = click.option(
        "--corpus", type=INPUT, help="JSON lines as evaluate takes them; without, ids are the catalogue's."
    )
    return corpus(queries(function))


def judged(corpus: Path | None, queries: Path | None, qrels: Path | None) -> EvaluationFiles | Path:
    """The judgements alone, of records of the catalogue, or with the files that they are about.

    Raises:
        UsageError: there are none, or one of two files is missing.
    """
    if qrels is None or (corpus is None) != (queries is None):
        raise UsageError(
            "give --qrels alone, or --qrels with both --corpus and --queries",
            "请仅提供 --qrels，或同时提供 --qrels、--corpus 和 --queries",
        )
    return qrels if corpus is None or queries is None else EvaluationFiles(corpus=corpus, queries=queries, qrels=qrels)


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

    def rows(self, rows: Sequence[Mapping[str, object]]) -> None:
        """A table for people of rows that all have the columns of the first one."""
        self.table(tuple(rows[0]), [tuple(row.values()) for row in rows])

    def result(self, value: dict[str, Any]) -> None:
        """The machine-readable result, in one line, if it was asked for."""
        if self.as_json:
            click.echo(json.dumps(value, ensure_ascii=False, default=str))

    @contextmanager
    def services(self) -> Iterator[Services]:
        """The services over this home, closed at the end."""
        self.settings.home.mkdir(parents=True, exist_ok=True)
        services = Services(self.settings)
        try:
            yield services
        finally:
            services.close()

    @contextmanager
    def progress(self, what: str) -> Iterator[Advance]:
        """A bar on a terminal, nothing when piped: call it with how many are done and how many there are, if known."""
        if not sys.stderr.isatty():
            yield lambda _done, _total, _note="": None
            return
        bar = Bar(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=RichConsole(stderr=True),
        )
        with bar:
            task = bar.add_task(what, total=None, rate="", note="")
            before: list[int] = []

            def advance(done: int, total: int | None, note: str = "") -> None:
                before.append(done)  # of a job that goes on, what an earlier one did is no part of the rate
                del before[1:]
                shown = rate(done - before[0], bar.tasks[0].elapsed or 0.0)
                bar.update(task, completed=done, total=total, rate=shown, note=note)

            yield advance

    @contextmanager
    def report(self, what: str) -> Iterator[Report]:
        """The same for jobs that report their `Progress`; one bar, whatever the stage."""
        with self.progress(what) as advance:
            yield lambda progress: advance(progress.done, progress.total, progress.note)

    @contextmanager
    def stages(self) -> Iterator[Report]:
        """A bar for each stage of a job, with its rate and the time left."""
        with ExitStack() as open_bars:
            bars: dict[str, Advance] = {}

            def report(progress: Progress) -> None:
                if progress.stage not in bars:
                    open_bars.close()
                    bars[progress.stage] = open_bars.enter_context(self.progress(progress.stage))
                bars[progress.stage](progress.done, progress.total, progress.note)

            yield report


def rate(done: int, seconds: float) -> str:
    """How fast something goes, in whole numbers where they say enough; nothing before it is known."""
    if done <= 0 or seconds <= 0:
        return ""
    each = done / seconds
    return f"{each:,.0f}/s" if each >= _WHOLE_RATE else f"{each:.2f}/s"


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

    @click.option("--home", type=FOLDER, help="Data folder; PATMATCH_HOME, else ./var.")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line.")
    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> R:  # noqa: ANN401 - whatever the command's own options are
        shell = Shell(settings_of(kwargs.pop("home")), as_json=kwargs.pop("as_json"))
        return function(shell, *args, **kwargs)

    # Raw docstrings hold the two characters; click keeps the lines of an example at the control character.
    wrapped.__doc__ = (function.__doc__ or "").replace(r"\b", "\b")
    return wrapped


def shell_options(options: Callable[..., T]) -> Callable[[Callable[[Shell, T], R]], Callable[..., R]]:
    """As `shell_command`, for a command of many options: they come as one dataclass that has their names."""

    def decorated(function: Callable[[Shell, T], R]) -> Callable[..., R]:
        @wraps(function)
        def gathered(shell: Shell, **given: Any) -> R:  # noqa: ANN401 - the dataclass types them
            return function(shell, options(**given))

        return shell_command(gathered)

    return decorated
