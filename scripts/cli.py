"""The `patmatch` command. Each subcommand is a file beside this one and is imported only when it is run."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence

import click

from app.errors import PatmatchError, UsageError

COMMANDS = (
    "model",
    "ingest",
    "index",
    "match",
    "push",
    "serve",
    "feedback",
    "firm",
    "pool",
    "webhook",
    "evaluate",
    "calibrate",
    "train",
    "doctor",
    "settings",
    "bench",
)


class _Group(click.Group):
    """Subcommands by file, so that `patmatch --help` does not load a model's libraries."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which a newcomer runs them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The object `command` of the file of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"scripts.{cmd_name}").command
        return command


@click.command(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="patmatch")
def cli() -> None:
    r"""Match transferable patents with what enterprises need.

    \b
    Exit status: 0 done; 1 the job failed; 2 wrong usage; 3 done, but some rows were rejected.
    """


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status."""
    sys.exit(run(argv))


def run(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0 done; 1 the job failed; 2 wrong usage; 3 done, but some rows were rejected; 130 interrupted.
    """
    try:
        status = cli.main(args=None if argv is None else list(argv), prog_name="patmatch", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; run the same command again to continue · 已中断，重新运行同一命令即可继续", err=True)
        return 130
    except PatmatchError as error:
        click.echo(f"error: {_one_line(error.message)} · 错误：{_one_line(error.message_zh)}", err=True)
        return 2 if isinstance(error, UsageError) else 1
    except Exception as error:
        if os.environ.get("PATMATCH_LOG_LEVEL") == "debug":
            traceback.print_exc()
        click.echo(
            f"error: {type(error).__name__}: {_one_line(str(error))} (PATMATCH_LOG_LEVEL=debug shows where)", err=True
        )
        return 1
    return int(status or 0)


def _one_line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    main()
