"""`patmatch firm`: whether a firm wants push lists."""

from __future__ import annotations

import click

from scripts.console import Shell, shell_command


@click.group(short_help="Opt a firm out of push lists, or in again.")
def command() -> None:
    """Opt a firm out of push lists, or in again."""


@command.command("opt-out", short_help="Push nothing to a firm.")
@click.argument("firm_id", metavar="ID")
@click.option("--undo", is_flag=True, help="Push to it again.")
@click.option("--reason", help="Why, in the firm's words.")
@click.option("--by", help="Who says so.")
@shell_command
def opt_out(shell: Shell, firm_id: str, undo: bool, reason: str | None, by: str | None) -> None:
    r"""Push nothing to the firm ID from now on; its time and reason are kept.

    \b
    Example:
      patmatch firm opt-out 91620000MA71XXXX0X --reason 不再需要
      patmatch firm opt-out 91620000MA71XXXX0X --undo
    """
    with shell.services() as services:
        if undo:
            services.outreach.undo_opt_out(firm_id)
            shell.line(f"{firm_id}: push lists again")
            shell.result({"firm_id": firm_id, "opted_out": False})
            return
        found, new = services.outreach.opt_out(firm_id, reason=reason, by=by)
    shell.line(f"{firm_id}: no push lists since {found.at:%Y-%m-%d %H:%M} UTC" + ("" if new else " (already)"))
    shell.result(
        {"firm_id": firm_id, "opted_out": True, "new": new, "at": found.at.isoformat(), "reason": found.reason}
    )
