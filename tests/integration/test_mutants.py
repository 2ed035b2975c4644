"""The tests notice faults in the lines that matter most: each is made in a copy, where a test must fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mutants import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
FOLDERS = ("app", "index", "models", "scripts", "tests", "sample")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository, with the models of this one."""
    folder = tmp_path_factory.mktemp("copy")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    if (ROOT / "var" / "models").is_dir():
        (folder / "var").mkdir()
        (folder / "var" / "models").symlink_to(ROOT / "var" / "models")
    return folder


def run_in(copy: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """Tests run in the copy. Nothing compiled is kept: a mutant of the same length and second would pass for it."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=copy, env=variables, capture_output=True, text=True, check=False, timeout=600)


@pytest.fixture
def broken(copy: Path, request: pytest.FixtureRequest) -> Iterator[Mutant]:
    """A mutant, which the copy is for as long as a test runs."""
    mutant: Mutant = request.param
    path = copy / mutant.file
    sound = path.read_text(encoding="utf-8")
    path.write_text(sound.replace(mutant.old, mutant.new), encoding="utf-8")
    yield mutant
    path.write_text(sound, encoding="utf-8")


def test_mutants_are_of_lines_that_are_there() -> None:
    """Whoever rewrites such a line says here how it would be broken now."""
    counts = {mutant.name: (ROOT / mutant.file).read_text(encoding="utf-8").count(mutant.old) for mutant in MUTANTS}
    assert {name: count for name, count in counts.items() if count != 1} == {}


@pytest.mark.slow
def test_mutants_are_tested_by_tests_that_pass(copy: Path) -> None:
    """Without a fault all of these tests pass in the copy: what fails there does so for the fault."""
    done = run_in(copy, *dict.fromkeys(mutant.test for mutant in MUTANTS))
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("broken", MUTANTS, ids=[mutant.name.replace(" ", "-") for mutant in MUTANTS], indirect=True)
def test_mutants_are_noticed(copy: Path, broken: Mutant) -> None:
    """A test fails; one that cannot be collected or found, or is stopped, has noticed nothing."""
    done = run_in(copy, broken.test)
    assert done.returncode == 1, done.stdout
