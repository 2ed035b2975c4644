"""`patmatch pool`: named selections of patents, with counts."""

from __future__ import annotations

import json
from datetime import date, datetime

import click

from app.api.filters import filter_of_text
from app.domain import Pool
from app.feedback.pools import CountedPool, pool_json
from scripts.console import Shell, shell_command

DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.group(short_help="Save, list and count pools of patents.")
def command() -> None:
    """Save, list and count pools of patents."""


@command.command("set", short_help="Save a filter under a name.")
@click.argument("name")
@click.option("--filter", "filter_json", default="{}", help='As in the HTTP interface: {"ipc": ["H01M"]}.')
@click.option("--since", type=DAY, help="Only what was added or changed on this day (UTC) or later.")
@click.option("--note", help="What it is for.")
@shell_command
def save(shell: Shell, name: str, filter_json: str, since: datetime | None, note: str | None) -> None:
    r"""Save a filter as the pool NAME, in place of the one that has the name.

    \b
    Example:
      patmatch pool set batteries --filter '{"ipc": ["H01M"], "dormant": true, "maturity_min": 4}'
    """
    chosen = filter_of_text(filter_json, shell.settings.max_filter_values)
    with shell.services() as services:
        services.pools.put(Pool(name=name, filter=chosen, changed_from=_day(since), note=note))
        counted = services.pools.show(name)
    _print(shell, [counted])
    shell.result(pool_json(counted))


@command.command("list", short_help="Every pool with its count.")
@shell_command
def list_pools(shell: Shell) -> None:
    r"""List the built-in pools and the saved ones with how many patents are in each now.

    \b
    Example:
      patmatch pool list
    """
    with shell.services() as services:
        pools = services.pools.all()
    _print(shell, pools)
    shell.result({"pools": [pool_json(counted) for counted in pools]})


@command.command("show", short_help="One pool by age and maturity.")
@click.argument("name")
@click.option("--since", type=DAY, help="Only what was added or changed on this day (UTC) or later.")
@shell_command
def show(shell: Shell, name: str, since: datetime | None) -> None:
    r"""Show the pool NAME and its patents by year of filing and maturity.

    \b
    Example:
      patmatch pool show dormant
      patmatch pool show new --since 2026-11-01
    """
    with shell.services() as services:
        counted = services.pools.show(name, since=_day(since))
    _print(shell, [counted])
    shell.table(
        ("filed", "maturity", "patents"),
        [(band.filed_year or "-", band.maturity or "-", band.patents) for band in counted.bands],
    )
    shell.result(pool_json(counted))


@command.command("delete", short_help="Forget a pool.")
@click.argument("name")
@shell_command
def delete(shell: Shell, name: str) -> None:
    r"""Forget the pool NAME; patents stay as they are.

    \b
    Example:
      patmatch pool delete batteries
    """
    with shell.services() as services:
        services.pools.delete(name)
    shell.line(f"{name}: forgotten")
    shell.result({"name": name, "deleted": True})


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()


def _print(shell: Shell, pools: list[CountedPool]) -> None:
    rows = []
    for counted in pools:
        shown = pool_json(counted)
        chosen = json.dumps(shown["filter"], ensure_ascii=False)
        rows.append((shown["name"], chosen, shown["changed_from"] or "", shown["patents"], shown["note"] or ""))
    shell.table(("name", "filter", "since", "patents", "note"), rows)
