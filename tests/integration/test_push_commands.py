"""`patmatch push` as ops run it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hashing_encoder import HashingEncoder
from push_samples import push_services, request

import scripts.console
from app.settings import Settings
from app.wiring import Services
from scripts.cli import run as patmatch


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one run."""
    place = tmp_path_factory.mktemp("home")
    services = push_services(place)
    services.pushing.run(request("first"))
    services.close()
    return place


@pytest.fixture(autouse=True)
def _test_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands wire themselves with the test encoder."""

    def wired(settings: Settings) -> Services:
        return Services(settings, encoder=HashingEncoder)

    monkeypatch.setattr(scripts.console, "Services", wired)


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """The last line, read."""
    told: dict[str, object] = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    return told


def test_push_commands_run_list_report_and_export(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run by rules of a file, run again, listed, reported as a page and exported."""
    rules = tmp_path / "rules.json"
    rules.write_text('{"k": 3, "candidates": 20, "min_level": "none", "min_score": 0, "cap": 5}', encoding="utf8")
    call = ["push", "run", "--run", "second", "--rules", str(rules), "--home", str(home), "--json"]
    assert patmatch(call) == 0
    assert said(capsys)["already"] is False
    assert patmatch(call) == 0
    assert said(capsys)["already"] is True
    assert patmatch(["push", "list", "--home", str(home), "--json"]) == 0
    assert [run["run"] for run in said(capsys)["runs"]] == ["second", "first"]  # type: ignore[attr-defined]
    page = tmp_path / "report.html"
    assert patmatch(["push", "report", "second", "--html", str(page), "--home", str(home), "--json"]) == 0
    assert said(capsys)["previous"] == "first"
    assert "推送批次报告" in page.read_text(encoding="utf8")
    out = tmp_path / "lists.csv"
    assert patmatch(["push", "export", "second", "--out", str(out), "--home", str(home), "--json"]) == 0
    assert said(capsys)["rows"] == len(out.read_text(encoding="utf8").splitlines()) - 1


def test_push_commands_say_what_is_wrong(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bad rule, another request under a name that is taken, a run that is not there: one line, status 1."""
    rules = tmp_path / "rules.toml"
    rules.write_text("cap = -1", encoding="utf8")
    for call in (
        ["push", "run", "--run", "third", "--rules", str(rules)],
        ["push", "run", "--run", "first"],
        ["push", "report", "nothing"],
    ):
        assert patmatch([*call, "--home", str(home)]) == 1
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
