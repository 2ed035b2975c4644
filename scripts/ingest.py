"""`patmatch ingest`: load files into the catalogue, list loads and take one back."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from app.builds.jobs import requester
from app.domain import Kind
from app.errors import UsageError
from app.ingest import GRADES, INDUSTRIES, load_mapping
from app.records.imports import LoadOptions
from app.records.loads import LoadState
from app.records.report import LoadReport
from app.wiring import Services
from scripts.console import AT_LEAST_ONE, INPUT, MAPPING, REJECTED, Shell, listed, shell_command, shell_options
from scripts.loaded import show_load

FILES = click.argument("files", nargs=-1, required=True, type=INPUT)

LOAD = click.option("--load", type=AT_LEAST_ONE, hidden=True)
"""The number of a load that a server has begun for the file."""

_VALUED = ("--mapping", "--profile", "--home", "--load")
"""Options that the next word belongs to."""


class _Words(click.Group):
    """Its words may stand behind options: ``patmatch ingest --json patents FILE``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the word first."""
        for place, word in enumerate(args):
            if word in self.commands and (place == 0 or args[place - 1] not in _VALUED):
                args = [word, *args[:place], *args[place + 1 :]]
                break
        return super().parse_args(ctx, args)


@click.group(
    cls=_Words,
    short_help="Load patents, needs, firms, the mapping of industries or grades; list loads, undo one.",
    help="""Load files (.xlsx .xls .ods .csv .jsonl .parquet and more: docs/ingest.md) into the catalogue.

    Good rows go in, by id; a row that cannot be used goes to a rejects file that says why and what to do, and the
    exit status is 3. Loading the same file twice changes nothing. A row changes the fields that it has values for;
    with --replace it is the whole record. Each load says how its file was read, and can be taken back.

    \b
    Example:
      patmatch ingest patents patents.xlsx
      patmatch ingest firms firms.csv.gz --mapping headers.json
      patmatch ingest industries ipc-industries.csv
      patmatch ingest grades regraded.xlsx
      patmatch ingest loads
      patmatch ingest undo load-12
    """,
)
def command() -> None:
    """Files into the catalogue, and back."""


@dataclass(frozen=True, slots=True)
class _Given:
    files: tuple[Path, ...]
    mapping: Path | None
    profile: str | None
    replace: bool
    yes: bool
    dry_run: bool
    load: int | None


_HELP = r"""Load FILES of KIND (.xlsx .xls .ods .csv .jsonl .parquet and more: docs/ingest.md).

    A row changes the fields that it has values for; what it leaves out stays. With --replace a row is the whole record:
    it says first how many stored values that empties, and asks.

    \b
    Example:
      patmatch ingest KIND KIND.xlsx
      patmatch ingest KIND KIND.xlsx --dry-run
      patmatch ingest KIND all.csv --replace
    """


def _record_command(kind: Kind) -> None:
    """The command that loads files of one kind of records."""

    def load(shell: Shell, given: _Given) -> int:
        mapping = load_mapping(given.mapping) if given.mapping else None
        with shell.services() as services:
            if given.replace and not given.yes and not given.dry_run:
                _ask(shell, services, kind, given, mapping)
            options = LoadOptions(
                profile=given.profile,
                replace=given.replace,
                dry_run=given.dry_run,
                by=requester(),
                load=given.load,
            )
            reports = [_loaded(shell, services, path, kind, mapping, options) for path in given.files]
        return _result(shell, reports)

    load.__doc__ = _HELP.replace("KIND", kind.value)
    made = shell_options(_Given)(load)
    for option in (
        LOAD,
        click.option("--dry-run", is_flag=True, help="Say how files are read and what would change; write nothing."),
        click.option("--yes", is_flag=True, help="With --replace: do not ask."),
        click.option("--replace", is_flag=True, help="A row is the whole record; what it leaves out is emptied."),
        click.option(
            "--profile", metavar="NAME", help="Read the files as this known export: docs/ingest.md lists them."
        ),
        MAPPING,
        FILES,
    ):
        made = option(made)
    command.command(kind.value, short_help=f"Load {kind.value}.")(made)


for _kind in Kind:
    _record_command(_kind)


def _ask(shell: Shell, services: Services, kind: Kind, given: _Given, mapping: dict[str, str] | None) -> None:
    """Say how many stored values whole rows would empty, and ask whether to go on.

    Raises:
        UsageError: nobody is there to be asked.
    """
    options = LoadOptions(profile=given.profile, replace=True, dry_run=True)
    found = []
    for path in given.files:
        with shell.progress(path.name) as advance:
            report = services.importing.load(
                path, kind, mapping=mapping, options=options, progress=lambda done: advance(done, None)
            )
        if report.emptied:
            found.append(f"{report.file}: {listed(dict(report.emptied.most_common()))}")
    if not found:
        return
    counts = "; ".join(found)
    if not sys.stdin.isatty():
        raise UsageError(
            f"values that are stored would be emptied by --replace ({counts}); add --yes to go on",
            f"--replace 将清空已有的值（{counts}）；确认后请加 --yes",
        )
    click.echo(f"stored values that will be emptied · 将被清空的已有值: {counts}", err=True)
    click.confirm("go on? · 是否继续？", abort=True, err=True)


def _loaded(
    shell: Shell, services: Services, path: Path, kind: str, mapping: dict[str, str] | None, options: LoadOptions
) -> LoadReport:
    with shell.progress(path.name) as advance:
        report = services.importing.load(
            path, kind, mapping=mapping, options=options, progress=lambda done: advance(done, None)
        )
    show_load(shell, report)
    return report


def _result(shell: Shell, reports: Sequence[LoadReport]) -> int:
    rejected = sum(report.rejected for report in reports)
    shell.result({"files": [report.as_json() for report in reports], "rejected": rejected})
    return REJECTED if rejected else 0


@command.command(INDUSTRIES, short_help="Replace the mapping of IPC codes to industries.")
@FILES
@MAPPING
@LOAD
@shell_command
def industries(shell: Shell, files: Sequence[Path], mapping: Path | None, load: int | None) -> int:
    r"""Load the mapping of IPC codes to GB/T 4754 codes from one file, which replaces the one before.

    Every patent without an industry of its own gets those of its codes.

    \b
    Example:
      patmatch ingest industries ipc-industries.csv
    """
    if len(files) > 1:
        raise UsageError(
            "The mapping of industries is one file: it replaces the one before.",
            "行业对照表只能是一个文件，它会替换原有对照。",
        )
    return _others(shell, files, INDUSTRIES, mapping, load)


@command.command(GRADES, short_help="Grade patents that are there.")
@FILES
@MAPPING
@LOAD
@shell_command
def grades(shell: Shell, files: Sequence[Path], mapping: Path | None, load: int | None) -> int:
    r"""Set grade, maturity and agreed of patents that are there, by id; every change is kept with its history.

    \b
    Example:
      patmatch ingest grades regraded.xlsx
    """
    return _others(shell, files, GRADES, mapping, load)


def _others(shell: Shell, files: Sequence[Path], kind: str, mapping: Path | None, load: int | None) -> int:
    headers, options = load_mapping(mapping) if mapping else None, LoadOptions(by=requester(), load=load)
    with shell.services() as services:
        reports = [_loaded(shell, services, path, kind, headers, options) for path in files]
    return _result(shell, reports)


@command.command("loads", short_help="List loads, the latest first.")
@click.option("--limit", type=AT_LEAST_ONE, default=20, show_default=True, help="How many.")
@shell_command
def loads(shell: Shell, limit: int) -> None:
    r"""List what was loaded: when, by whom, what became of it. `patmatch ingest undo` takes one back.

    A load whose process was killed is `interrupted`: run the same command again, and it goes on.

    \b
    Example:
      patmatch ingest loads
      patmatch ingest loads --limit 100 --json
    """
    with shell.services() as services:
        found = services.load_history.latest(limit)
    if found:
        shell.rows([_row(standing) for standing in found])
    else:
        shell.line("nothing was loaded yet · 尚无加载记录")
    shell.result({"loads": [standing.as_json() for standing in found]})


def _row(standing: LoadState) -> dict[str, object]:
    load, counts = standing.load, standing.load.report or {}
    return {
        "load · 加载": standing.name,
        "kind · 类型": load.kind,
        "file · 文件": load.file,
        "state · 状态": standing.state,
        "began · 开始": load.started_at.isoformat(timespec="seconds"),
        "by · 操作者": load.by,
        "rows · 行": load.rows,
        "added · 新增": counts.get("added", ""),
        "changed · 更新": counts.get("changed", ""),
        "rejected · 退回": counts.get("rejected", ""),
    }


@command.command("undo", short_help="Take a load back.")
@click.argument("load")
@click.option("--started", is_flag=True, hidden=True)
@shell_command
def undo(shell: Shell, load: str, *, started: bool) -> None:
    r"""Take LOAD back: what it changed stands as before, what it added is deleted.

    Records that were changed since, by whatever way, stay as they are and are named. Stopped on the way, the same
    command goes on. Mappings of industries, grades and feedback are not taken back this way; the message says how.

    \b
    Example:
      patmatch ingest undo load-12
    """
    with shell.services() as services, shell.progress(load) as advance:
        standing = services.load_history.undo(load, lambda done: advance(done, None), started=started)
    undone = standing.load.undone or {}
    shell.line(
        f"{standing.name}: restored · 恢复 {undone.get('restored', 0)}, deleted · 删除 {undone.get('deleted', 0)}, "
        f"changed since and left · 之后另有改动、未撤销 {undone.get('changed_since', 0)}"
    )
    left = undone.get("changed_since_ids") or {}
    if left:
        shell.line(listed({kind: " ".join(ids) for kind, ids in left.items()}))
    shell.result(standing.as_json())
