"""`patmatch need`: how needs are watched, and the new patents that fit them."""

from __future__ import annotations

import click

from app.alerts.service import WatchState
from app.domain import WatchLevel
from scripts.console import Shell, shell_command

_LEVELS = click.Choice([level.value for level in WatchLevel])


@click.group(short_help="Watch needs; show the new patents that fit them.")
def command() -> None:
    """Watch needs, and show the new patents that fit them."""


@command.command("watch", short_help="Set or show the level that a need is alerted from.")
@click.argument("need_id", metavar="ID")
@click.option("--level", type=_LEVELS, help="From here on the need is alerted; off for never.")
@click.option("--default", "forget", is_flag=True, help="Let PATMATCH_ALERT_LEVEL hold again.")
@shell_command
def watch(shell: Shell, need_id: str, level: str | None, forget: bool) -> None:
    r"""Set the level from which the need ID is alerted of new patents; without options, show it.

    \b
    Example:
      patmatch need watch N0007 --level strong
      patmatch need watch N0007 --default
    """
    if level is not None and forget:
        raise click.UsageError("--level and --default say two things; leave one out")
    with shell.services() as services:
        if forget:
            services.alerts.forget_watch(need_id)
        stands = (
            services.alerts.watch_of(need_id) if level is None else services.alerts.watch(need_id, WatchLevel(level))
        )
    shell.line(_sentence(stands))
    shell.result(
        {"need_id": need_id, "level": stands.level.value, "own": stands.own, "at": stands.at, "watched": stands.watched}
    )


@command.command("alerts", short_help="New patents that fit a need.")
@click.argument("need_id", metavar="ID")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 200), help="Alerts looked at.")
@click.option("--cursor", help="That of the call before: what came since.")
@shell_command
def alerts(shell: Shell, need_id: str, limit: int, cursor: str | None) -> None:
    r"""New patents that fit the need ID, the newest last. A running service finds them.

    \b
    Example:
      patmatch need alerts N0007
      patmatch need alerts N0007 --cursor 120 --json
    """
    with shell.services() as services:
        page = services.alerts.of_need(need_id, cursor=cursor, limit=limit)
    rows = [
        (
            f"{shown.alert.at:%Y-%m-%d %H:%M:%S}",
            shown.alert.patent_id,
            f"{shown.alert.score:.2f}",
            shown.alert.level,
            shown.record.title,
            shown.alert.reason,
        )
        for shown in page.alerts
    ]
    shell.table(("found (UTC)", "patent", "score", "level", "title", "shared terms"), rows)
    end = "; the firm opted out" if page.opted_out else "; there is more" if page.more else ""
    shell.line(f"{len(rows)} alerts; cursor {page.cursor}{end}")
    shell.result(
        {
            "need_id": need_id,
            "alerts": [
                {
                    "id": shown.alert.patent_id,
                    "at": shown.alert.at.isoformat(),
                    "score": round(shown.alert.score, 4),
                    "level": shown.alert.level.value,
                    "title": shown.record.title,
                    "reason": shown.alert.reason.split(),
                }
                for shown in page.alerts
            ],
            "cursor": page.cursor,
            "more": page.more,
            "opted_out": page.opted_out,
        }
    )


def _sentence(stands: WatchState) -> str:
    whose = "its own level" if stands.own else "the service's level"
    if stands.level is WatchLevel.OFF:
        return f"{stands.need_id}: not watched ({whose})"
    closed = "" if stands.watched else "; not now, since it is not open"
    return f"{stands.need_id}: alerted from {stands.level} on ({whose}){closed}"
