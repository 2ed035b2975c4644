"""The commands' promises that need no model: exit status, one line on stderr, one JSON object as the last line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.cli import run

SAMPLE = Path(__file__).parents[2] / "sample"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new home, and no setting from outside."""
    monkeypatch.delenv("PATMATCH_HOME", raising=False)
    return str(tmp_path / "home")


def last_json(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """The last line of stdout, which must be one JSON object."""
    value = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert isinstance(value, dict)
    return value


def test_commands_ingest_says_what_went_in_and_is_idempotent(home: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The first load adds, the second changes nothing, both exit with 0."""
    file = str(SAMPLE / "patents.jsonl")
    assert run(["ingest", "patents", file, "--home", home, "--json"]) == 0
    first = last_json(capsys)["files"][0]
    assert (first["rows"], first["added"], first["rejected"]) == (200, 200, 0)
    assert run(["ingest", "patents", file, "--home", home, "--json"]) == 0
    again = last_json(capsys)["files"][0]
    assert (again["added"], again["changed"], again["unchanged"]) == (0, 0, 200)


def test_commands_ingest_of_awkward_rows_exits_with_3_and_lists_them(
    home: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Good rows go in; the rejects file names row, reason and remedy in both languages."""
    assert run(["ingest", "patents", str(SAMPLE / "awkward.jsonl"), "--home", home, "--json"]) == 3
    report = last_json(capsys)["files"][0]
    assert report["added"] > 0
    assert report["rejected"] > 0
    outcomes = ("added", "changed", "unchanged", "repeated", "rejected")
    assert report["rows"] == sum(report[outcome] for outcome in outcomes)
    text = Path(report["rejects_file"]).read_text(encoding="utf-8-sig")
    assert text.splitlines()[0].split(",")[:7] == ["severity", "file", "sheet", "row", "field", "value", "code"]
    assert text.count("rejected,awkward.jsonl,") >= report["rejected"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["ingest", "patents", "no-such-file.csv"],
        ["ingest", "cars", "x.csv"],
        ["match"],
        ["match", "电池", "--need-id", "N1"],
        ["match", "电池", "--filter", "{"],
        ["match", "电池", "--filter", '{"colour": ["red"]}'],
        ["index", "build"],
        ["nonsense"],
        ["serve", "--port", "0"],
    ],
    ids=lambda arguments: " ".join(arguments),
)
def test_commands_wrong_usage_exits_with_2(home: str, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """And says so on stderr, without a stack."""
    words = arguments if arguments == ["nonsense"] else [*arguments, "--home", home]
    assert run(words) == 2
    error = capsys.readouterr().err
    assert error.strip()
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["match", "电池"], "model"),
        (["index", "build", "patents"], "no patents to index"),
        (["index", "publish", "patents-20260101T000000Z-00000000"], "snapshot"),
        (["index", "publish", "rubbish"], "snapshot"),
        (["index", "rollback", "patents"], "nothing"),
        (["index", "verify", "patents-20260101T000000Z-00000000"], "snapshot"),
        (["model", "prepare", "--source", "dir:/no/such/folder"], "folder"),
        (["model", "prepare", "--source", "rubbish"], "rubbish"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_commands_a_failed_job_exits_with_1_and_one_line(
    home: str, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason is one line on stderr, in English and Chinese."""
    assert run([*arguments, "--home", home]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert said in lines[0]
    assert "错误" in lines[0]


def test_commands_a_bad_setting_is_named(
    home: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The variable and what is wrong with it."""
    monkeypatch.setenv("PATMATCH_MAX_K", "many")
    assert run(["settings", "--home", home]) == 2
    assert "PATMATCH_MAX_K" in capsys.readouterr().err


def test_commands_doctor_finds_what_is_missing(home: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a model it exits with 1 and says what to run."""
    assert run(["doctor", "--home", home, "--json"]) == 1
    findings = last_json(capsys)["findings"]
    assert {finding["part"] for finding in findings} >= {"disk", "catalogue", "model", "index.patents"}
    model = next(finding for finding in findings if finding["part"] == "model")
    assert model["severity"] == "error"
    assert "patmatch model prepare" in model["advice"]
