"""The house plan holds: imports run one way, and only one place reads settings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("app", "models", "index", "scripts")

# Every room may import these.
FLOOR = ("app.arrays", "app.domain", "app.errors", "app.progress")

# Room -> rooms it may import beside the floor. A room may always import itself, and a folder inside it is part of it.
PLAN = {
    "models": (),
    "index": (),
    "app.arrays": (),
    "app.domain": (),
    "app.errors": (),
    "app.progress": (),
    "app.made_once": (),
    "app.metrics": (),
    "app.settings": (),
    "app.text": (),
    "app.sheets": ("app.text",),
    "app.ingest": ("app.sheets", "app.text"),
    "app.catalogue": (),
    "app.evaluation": (),
    "app.ranking": ("app.text",),
    "app.serving": ("app.catalogue", "app.ranking", "app.text", "app.metrics", "index", "models"),
    "app.match": ("app.serving", "app.ranking", "app.text", "app.sheets", "app.catalogue", "index", "models"),
    "app.records": ("app.catalogue", "app.ingest", "app.text"),
    "app.webhooks": ("app.catalogue", "app.metrics"),
    "app.builds": ("app.serving", "app.evaluation", "app.ranking", "app.text", "app.catalogue", "index", "models"),
    "app.feedback": ("app.records", "app.ingest", "app.sheets", "app.catalogue", "app.evaluation"),
    "app.push": (
        "app.match", "app.feedback", "app.records", "app.serving", "app.evaluation", "app.ranking", "app.catalogue",
        "app.ingest", "app.sheets", "app.text", "index", "models",
    ),
    "app.alerts": (
        "app.match", "app.feedback", "app.records", "app.webhooks", "app.serving", "app.ranking", "app.text",
        "app.catalogue", "index", "models",
    ),
    "app.quality": (
        "app.match", "app.builds", "app.serving", "app.evaluation", "app.ranking", "app.text", "app.ingest",
        "app.sheets", "app.catalogue", "index", "models",
    ),
    "app.api": (
        "app.match", "app.records", "app.builds", "app.push", "app.feedback", "app.alerts", "app.webhooks",
        "app.serving", "app.wiring", "app.metrics",
    ),
    "app.wiring": (
        "app.match", "app.records", "app.builds", "app.push", "app.feedback", "app.alerts", "app.webhooks",
        "app.quality", "app.serving", "app.ingest", "app.text", "app.catalogue", "app.made_once", "app.metrics",
        "app.settings", "index", "models",
    ),
    "app.web": (),
    "app.main": ("app.api", "app.wiring", "app.settings"),
    "scripts": (
        "scripts.bench", "app.api", "app.wiring", "app.match", "app.records", "app.builds", "app.push",
        "app.feedback", "app.alerts", "app.webhooks", "app.quality", "app.serving", "app.ingest", "app.sheets",
        "app.evaluation", "app.settings", "index", "models",
    ),
    "scripts.bench": (
        "scripts", "app.wiring", "app.match", "app.builds", "app.push", "app.quality", "app.serving", "app.catalogue",
        "app.ranking", "app.text", "app.evaluation", "app.settings", "index", "models",
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
    allowed = {room, *FLOOR, *PLAN[room]}
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


def test_architecture_every_folder_of_app_is_a_room() -> None:
    """No folder stands outside the plan, and no room of the plan is gone."""
    folders = {f"app.{path.name}" for path in (ROOT / "app").iterdir() if any(path.glob("*.*"))}
    assert folders - {"app.__pycache__"} == {room for room in PLAN if (ROOT / room.replace(".", "/")).is_dir()} - {
        "models", "index", "scripts", "scripts.bench",
    }  # fmt: skip


def modules() -> dict[str, set[str]]:
    """Each module of ours with the modules that it imports, wherever in the file."""
    paths = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in files()}
    return {name: {found for found in imports_of(path) if found in paths} for name, path in paths.items()}


def test_architecture_no_import_comes_back_to_where_it_began() -> None:
    """Modules can be read in an order in which each uses only what came before; imports inside functions count too."""
    left = modules()
    # A package and its own modules import each other by design: the package re-exports them.
    left = {name: {other for other in named if not name.startswith(f"{other}.")} for name, named in left.items()}
    while free := [name for name, named in left.items() if not named & left.keys() - {name}]:
        for name in free:
            del left[name]
    while left and (unused := left.keys() - set().union(*left.values())):  # those only lead to what comes back
        for name in unused:
            del left[name]
    assert not left, f"these import each other: {sorted(left)}"
