"""Commands that are run by tests, and what they recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hashing_encoder import HashingEncoder

from app.domain import FeedbackFilter
from app.settings import Settings
from app.wiring import Services
from scripts.cli import run


def ran(home: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    """The exit status and the last line of a command."""
    status = run([*words, "--home", str(home), "--json"])
    value = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert isinstance(value, dict)
    return status, value


def log(home: Path) -> list[Any]:
    """What was recorded."""
    services = Services(Settings(home=home), encoder=HashingEncoder)
    items = services.catalogue.feedback.page(FeedbackFilter(), after=0, size=1000)
    services.close()
    return [item for _, item in items]
