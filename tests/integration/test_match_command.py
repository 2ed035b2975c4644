"""`patmatch match` says what a reader has to know before the list."""

from __future__ import annotations

from pathlib import Path

import pytest
from hashing_encoder import HashingEncoder
from push_samples import push_services

from scripts.cli import run


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the sample."""
    place = tmp_path_factory.mktemp("home")
    push_services(place).close()
    return place


@pytest.fixture(autouse=True)
def _test_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands wire themselves with the test encoder."""
    monkeypatch.setattr("app.wiring.load_encoder", lambda _settings, _spec: HashingEncoder())


def test_match_command_says_that_nothing_fits(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In both languages with the probability, above a list that is as long as ever."""
    assert run(["match", "qqqq zzzz", "--home", str(home), "-k", "4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("The bank has nothing for this query (probability ")
    assert "· 库中没有适合的记录（概率 " in lines[1]
    assert [line.split()[0] for line in lines[2:7]] == ["rank", "1", "2", "3", "4"]


def test_match_command_says_nothing_of_it_where_something_fits(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A patent's own title brings it, without the sentence."""
    title = "一种适配高镍三元正极的锂离子电池电解液及其制备方法"
    assert run(["match", title, "--home", str(home), "-k", "1"]) == 0
    out = capsys.readouterr().out
    assert "CN900000101B" in out
    assert "The bank has nothing" not in out


@pytest.mark.parametrize("named", ["陇原理工大学", "H01M10/0567"])
def test_match_command_does_not_weigh_what_is_only_named(
    home: Path, capsys: pytest.CaptureFixture[str], named: str
) -> None:
    """A holder or class that the bank has is what was asked for, whatever the meaning of its name."""
    assert run(["match", named, "--home", str(home), "-k", "1"]) == 0
    assert "The bank has nothing" not in capsys.readouterr().out


def test_match_command_says_what_the_text_excludes(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As it was read."""
    assert run(["match", "不使用永磁体的电机", "--home", str(home), "-k", "1"]) == 0
    assert "excluded by the text · 已排除: 永磁体" in capsys.readouterr().out
