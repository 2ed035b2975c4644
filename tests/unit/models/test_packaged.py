"""What patmatch ships beside the weights of the package."""

from __future__ import annotations

import tomllib
from pathlib import Path

from models.adaptation import read_adaptation
from models.packaged import ADAPTATION_FILE, NAME

ROOT = Path(__file__).parents[3]
LARGEST = 15_000_000
"""Bytes that may be added to the package."""


def test_packaged_adaptation_is_whole_small_and_says_how_it_was_made() -> None:
    """Its own checksum holds; base, recipe, data and versions are named."""
    said = read_adaptation(ADAPTATION_FILE).description
    assert said["base"]["name"] == NAME
    assert {"steps", "batch", "learning_rate", "temperature", "blend", "seed"} <= said["recipe"].keys()
    assert {"pairs", "files", "versions"} <= said.keys()
    assert ADAPTATION_FILE.stat().st_size < LARGEST


def test_packaged_adaptation_goes_into_the_wheel() -> None:
    """Where the package looks for it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))
    patterns = project["tool"]["setuptools"]["package-data"]["models"]
    folder = ROOT / "models"
    assert ADAPTATION_FILE in {path for pattern in patterns for path in folder.glob(pattern)}
