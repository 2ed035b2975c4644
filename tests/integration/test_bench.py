"""`patmatch bench`: what it prints, over the sample and with the test encoder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hashing_encoder import HashingEncoder
from push_samples import SAMPLE, push_services

import scripts.console
from app.settings import Settings
from app.wiring import Services
from scripts.cli import run as patmatch


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an index of patents."""
    place = tmp_path_factory.mktemp("home")
    push_services(place).close()
    return place


@pytest.fixture(autouse=True)
def _test_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands wire themselves with the test encoder."""

    def wired(settings: Settings) -> Services:
        return Services(settings, encoder=HashingEncoder)

    monkeypatch.setattr(scripts.console, "Services", wired)


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The last line, read."""
    told: dict[str, Any] = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    return told


def test_bench_filters_times_each_selectivity_and_finds_no_wrong_answer(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row without a filter, then one for each part of the index, all with the columns of the last one."""
    assert patmatch(["bench", "filters", "--queries", "5", "--home", str(home), "--json"]) == 0
    told = said(capsys)
    assert told["wrong"] == 0
    assert [row["passing"] for row in told["rows"]][:3] == [200, 200, 100]
    assert told["rows"][0]["plan"] == "no filter"
    assert all(row.keys() == told["rows"][0].keys() for row in told["rows"])


def test_bench_terms_finds_what_brute_force_finds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Needs no home: an index of the file's own terms, beside numpy."""
    call = ["bench", "terms", str(SAMPLE / "patents.jsonl"), "--queries", str(SAMPLE / "needs.jsonl"), "-k", "20"]
    assert patmatch([*call, "--positions", "50", "--home", str(tmp_path), "--json"]) == 0
    told = said(capsys)
    assert (told["records"], told["queries"], told["wrong"]) == (200, 40, 0)
    parts = ["20 best", "20 best of 50%", "20 best of 10%", "20 best of 1%", "50 scored"]
    assert [row["what"] for row in told["rows"]] == parts


def test_bench_explain_asks_with_the_needs_of_the_catalogue(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every match of every query has its reasons timed."""
    assert patmatch(["bench", "explain", "--most", "4", "-k", "3", "--home", str(home), "--json"]) == 0
    told = said(capsys)
    assert (told["queries"], told["matches"]) == (4, 12)
    assert told["explain p99 ms"] >= told["explain p50 ms"] > 0


def test_bench_says_what_is_wrong_with_a_file_of_queries(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Objects without titles are no queries."""
    (tmp_path / "queries.jsonl").write_text('{"name": "x"}\n', encoding="utf8")
    assert patmatch(["bench", "explain", "--queries", str(tmp_path / "queries.jsonl"), "--home", str(home)]) == 1
    assert "queries.jsonl has no titles" in capsys.readouterr().err


def test_bench_push_measures_the_join_and_its_peers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Recall is measured, peers have their ratio, and lists are allocated where they are asked for."""
    call = ["bench", "push", "--firms", "600", "--patents", "3000", "-k", "30", "--places", "10", "--no-ivf"]
    assert patmatch([*call, "--home", str(tmp_path), "--json"]) == 0
    told = said(capsys)
    assert told["recall@20"] >= 0.99
    (peer,) = told["peers"]
    assert peer["join/peer"] > 0
    made = told["allocation"]
    assert made["limited largest"] <= made["cap"]
    assert made["limited coverage"] >= made["plain coverage"]
