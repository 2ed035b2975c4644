"""The house plan holds: imports run one way, and only one place reads settings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("app", "models", "index", "scripts")

# Room -> rooms it may import. A room may always import itself.
PLAN = {
    "models": (),
    "index": (),
    "app.domain": (),
    "app.errors": ("app.domain",),
    "app.arrays": (),
    "app.progress": (),
    "app.text": ("app.ingest",),
    "app.outreach": ("app.domain",),
    "app.metrics": (),
    "app.settings": (),
    "app.catalogue": ("app.domain", "app.errors", "app.outreach"),
    "app.ingest": ("app.domain", "app.errors", "app.outreach"),
    "app.ranking": ("app.domain", "app.errors"),
    "app.evaluation": ("app.domain", "app.errors"),
    "app.services": (
        "app.catalogue", "app.ingest", "app.ranking", "app.text", "app.evaluation", "app.domain", "app.errors",
        "app.metrics",
        "app.outreach", "models", "index",
    ),
    "app.api": ("app.services", "app.domain", "app.errors", "app.metrics", "app.outreach"),
    "app.bootstrap": (
        "app.services", "app.catalogue", "app.domain", "app.errors", "app.metrics", "app.outreach", "app.settings",
        "models", "index",
    ),
    "app.web": (),
    "app.main": ("app.api", "app.bootstrap", "app.settings"),
    "scripts": (
        "app.api", "app.bootstrap", "app.services", "app.ingest", "app.evaluation", "app.domain", "app.errors",
        "app.outreach", "app.settings", "models", "index",
    ),
    "scripts.bench": (
        "scripts", "app.bootstrap", "app.services", "app.catalogue", "app.ranking", "app.domain", "app.errors",
        "models", "index",
    ),
}  # fmt: skip


def room_of(module: str) -> str | None:
    """The longest room that the module lies in."""
    rooms = [room for room in PLAN if module == room or module.startswith(f"{room}.")]
    return max(rooms, key=len, default=None)


def imports_of(path: Path) -> Iterator[str]:
    """Every module of ours that a file imports, names taken from packages included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files() -> list[Path]:
    """Every Python file of ours."""
    return sorted(path for top in OURS for path in (ROOT / top).rglob("*.py"))


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_architecture_imports_run_one_way(path: Path) -> None:
    """A file imports only from its own room and from those that the plan allows it."""
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    room = room_of(module)
    if room is None:
        assert module == "app", f"{module} is in no room of the plan"
        return
    allowed = {room, *PLAN[room], "app.arrays", "app.progress"}
    strays = {
        name
        for name in imports_of(path)
        if name.split(".")[0] in OURS and (target := room_of(name)) and target not in allowed
    }
    assert not strays, f"{module} may not import {sorted(strays)}"


def test_architecture_only_the_migrations_and_the_catalogue_know_sqlalchemy() -> None:
    """Every SQL statement of the project is in one room."""
    strays = [
        str(path.relative_to(ROOT))
        for path in files()
        if "catalogue" not in path.parts
        and any(name.split(".")[0] in {"sqlalchemy", "alembic"} for name in imports_of(path))
    ]
    assert strays == []
