"""What the commands share."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from app.errors import UsageError
from app.quality.material import EvaluationFiles
from scripts.console import Shell, judged, listed, shell_options


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Those of the command below."""

    name: str
    often: int


@click.command()
@click.argument("name")
@click.option("--often", default=2)
@shell_options(Options)
def greet(shell: Shell, options: Options) -> None:
    r"""Greet.

    \b
    Example:
      greet Ada
    """
    shell.rows([{"name": options.name, "often": options.often}])
    shell.result({"name": options.name, "often": options.often})


def test_console_hands_a_command_its_options_as_one_object(tmp_path: Path) -> None:
    """By name, `--home` and `--json` beside them, with the command's own help."""
    answer = CliRunner().invoke(greet, ["Ada", "--often", "3", "--home", str(tmp_path), "--json"])
    assert json.loads(answer.output) == {"name": "Ada", "often": 3}
    assert CliRunner().invoke(greet, ["Ada"]).output.split() == ["name", "often", "Ada", "2"]
    assert "Example:\n    greet Ada" in CliRunner().invoke(greet, ["--help"]).output


def test_console_lists_names_with_values() -> None:
    """Nothing is an empty line."""
    assert listed({"rows": 3, "added": 2}) == "rows 3, added 2"
    assert listed({}) == ""


def test_console_judgements_come_alone_or_with_both_files() -> None:
    """Otherwise the call is refused."""
    one, two, three = Path("corpus"), Path("queries"), Path("qrels")
    assert judged(None, None, three) == three
    assert judged(one, two, three) == EvaluationFiles(corpus=one, queries=two, qrels=three)
    for given in ((one, None, three), (None, two, three), (one, two, None), (None, None, None)):
        with pytest.raises(UsageError, match="--qrels alone"):
            judged(*given)
