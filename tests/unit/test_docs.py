"""The documents say what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click
import pytest

from app.settings import Settings
from scripts.cli import COMMANDS, cli
from scripts.settings import as_markdown

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.zh.md")


def leaves(command: click.Command, name: str) -> list[tuple[str, click.Command]]:
    """Every command that can be run, with its words."""
    if not isinstance(command, click.Group):
        return [(name, command)]
    context = click.Context(command)
    found = ((f"{name} {sub}", command.get_command(context, sub)) for sub in command.list_commands(context))
    return [leaf for words, sub in found if sub for leaf in leaves(sub, words)]


def test_docs_settings_page_is_what_the_code_has() -> None:
    """`docs/settings.md` is printed by `patmatch settings --markdown`."""
    assert (ROOT / "docs/settings.md").read_text(encoding="utf8") == as_markdown()
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize("readme", READMES)
def test_docs_readmes_name_every_command(readme: str) -> None:
    """A newcomer finds each command in either language."""
    text = (ROOT / readme).read_text(encoding="utf8")
    assert [name for name in COMMANDS if f"patmatch {name}" not in text] == []


@pytest.mark.parametrize("readme", READMES)
def test_docs_readmes_link_to_files_that_are_there(readme: str) -> None:
    """No dead link inside the repository."""
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / readme).read_text(encoding="utf8"))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("words", [name for name, _ in leaves(cli, "patmatch")])
def test_docs_every_command_has_help_with_an_example(words: str) -> None:
    """`--help` says what it does and shows a call that names the command."""
    command = dict(leaves(cli, "patmatch"))[words]
    assert command.help
    assert "Example:" in command.help
    assert words in command.help


def test_docs_every_dependency_has_its_reason() -> None:
    """`docs/dependencies.md` names each package of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    names = {re.split(r"[\[<>=~! ]", requirement)[0] for requirement in wanted}
    text = (ROOT / "docs/dependencies.md").read_text(encoding="utf8")
    assert sorted(name for name in names if name not in text) == []
