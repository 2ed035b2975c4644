"""The root of the repository holds what belongs there, so that what a test or a command leaves behind is seen."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]

BELONGS = {
    ".ci", ".dockerignore", ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "Dockerfile", "LICENSE", "Makefile",
    "README.md", "README.zh.md", "app", "constraints.txt", "docs", "index", "models", "pyproject.toml", "sample",
    "scripts", "tests",
}  # fmt: skip


def test_root_holds_only_names_that_belong_there() -> None:
    """Git tracks no other name, and finds none that it does not ignore."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    found = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert {name.split("/")[0] for name in found.split("\0") if name} <= BELONGS
