"""Encodings: the verdict on a file, and the rows that do not fit it."""

from __future__ import annotations

import codecs
import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import InputError
from app.ingest.tables.encodings import detect_encoding

CHINESE = "本发明公开了一种锂离子电池电解液及其制备方法，属于电池技术领域。\n"


def _detect(folder: Path, data: bytes) -> tuple[str, bool, bool]:
    path = folder / "数据.csv"
    path.write_bytes(data)
    verdict = detect_encoding(path)
    return verdict.name, verdict.damaged, verdict.mixed


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (CHINESE.encode(), "utf-8"),
        (codecs.BOM_UTF8 + CHINESE.encode(), "utf-8-sig"),
        (CHINESE.encode("gb18030"), "gb18030"),
        (("id,title\n1,a\n" * 1000 + CHINESE).encode("gb18030"), "gb18030"),
        ("本發明公開一種鋰離子電池之電解液，其包括有機溶劑與鋰鹽。\n".encode("gb18030"), "gb18030"),
        ("id,名称\n1,电池\n".encode("gb18030"), "gb18030"),
        (CHINESE.encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_BE + CHINESE.encode("utf-16-be"), "utf-16"),
        (b"id,title\n1,plain\n", "utf-8"),
        ("für Öfen\n".encode(), "utf-8"),
    ],
)
def test_ingest_encodings_of_sound_files(tmp_path: Path, data: bytes, name: str) -> None:
    """UTF-8 with and without its mark, UTF-16 with its mark, GB18030 with its Chinese anywhere."""
    assert _detect(tmp_path, data) == (name, False, False)


def test_ingest_encodings_of_gzipped_files(tmp_path: Path) -> None:
    """The verdict is on the content."""
    assert _detect(tmp_path, gzip.compress(CHINESE.encode("gb18030")))[0] == "gb18030"


def test_ingest_encodings_late_gb18030_is_noticed(tmp_path: Path) -> None:
    """Valid UTF-8 for a megabyte says nothing about the rest."""
    ascii_head = b"id,title,abstract\n" + b"1,pump,a pump\n" * 100_000
    assert len(ascii_head) > 1 << 20
    assert _detect(tmp_path, ascii_head + CHINESE.encode("gb18030") * 10) == ("gb18030", False, False)


def test_ingest_encodings_of_two_joined_files(tmp_path: Path) -> None:
    """The majority decides, and the verdict says that rows of the other kind must be looked for."""
    utf8, gb = CHINESE.encode(), CHINESE.encode("gb18030")
    assert _detect(tmp_path, utf8 * 30_000 + gb * 10) == ("utf-8", True, False)
    assert _detect(tmp_path, utf8 * 10 + gb * 30_000) == ("gb18030", False, True)


def test_ingest_encodings_a_few_damaged_rows_do_not_change_the_verdict(tmp_path: Path) -> None:
    """One broken character in a UTF-8 or GB18030 file costs its row, not the file."""
    assert _detect(tmp_path, CHINESE.encode() * 5 + b"\xe6\x9c,\n" + CHINESE.encode()) == ("utf-8", True, False)
    assert _detect(tmp_path, CHINESE.encode("gb18030") * 5 + b"\xff\xff\n") == ("gb18030", True, False)
    assert _detect(tmp_path, b"id,title\n" * 100 + b"1,\xe9\x9c\n") == ("utf-8", True, False)


@pytest.mark.parametrize(
    "text",
    [
        "Publication Number,Title,Assignee\nEP1234568A1,Dispositif à membrane,Société Générale de Membranes\n",
        "Publication Number,Title\nEP1A1,Dispositif à membrane\n",
        "Veröffentlichungs-Nummer;Titel\nDE102015000001A1;Gerät für Öl\n",
        "id,title\n" * 100 + "FR3000001A1,Procédé à deux étapes – “flux”\n",
    ],
)
def test_ingest_encodings_western_tables_are_read(tmp_path: Path, text: str) -> None:
    """Latin-1 is told by one row, by letters that are words, and in headers; seldom letters are no damage of UTF-8."""
    assert _detect(tmp_path, text.encode("cp1252")) == ("cp1252", False, False)


@pytest.mark.parametrize(
    "data",
    [
        "고니켈 양극 전해액 및 그 제조 방법에 관한 것이다\n".encode("euc-kr") * 20,
        "本発明はカーボンブラシを備える回転電機に関する\n".encode("shift-jis") * 20,
        "本發明公開一種鋰離子電池之電解液，其包括有機溶劑與鋰鹽\n".encode("big5") * 20,
        "Verfahren für große Öfen und Behälter\n".encode("latin-1") * 20,
        CHINESE.encode("utf-16-le") * 20,
        bytes(range(256)) * 40,
    ],
    ids=["euc-kr", "shift-jis", "big5", "latin-1", "utf-16 without mark", "binary"],
)
def test_ingest_encodings_that_cannot_be_told_are_refused(tmp_path: Path, data: bytes) -> None:
    """A file in another encoding must not be loaded as Chinese nonsense."""
    with pytest.raises(InputError) as caught:
        _detect(tmp_path, data)
    assert caught.value.error_code == "unknown_encoding"
    assert "UTF-8" in caught.value.message_zh


@pytest.mark.parametrize("data", [b"", b"\n \r\n\t"])
def test_ingest_encodings_empty_files_are_refused(tmp_path: Path, data: bytes) -> None:
    """Nothing and nothing but white space are both empty."""
    with pytest.raises(InputError) as caught:
        _detect(tmp_path, data)
    assert caught.value.error_code == "empty_file"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1), min_size=1))
def test_ingest_encodings_utf8_is_always_recognised(tmp_path: Path, lines: list[str]) -> None:
    """Whatever valid UTF-8 holds, it is read as UTF-8 and nothing in it is taken for damage."""
    data = ("x" + "\n".join(lines)).encode()
    name, damaged, mixed = _detect(tmp_path, data)
    assert name.startswith("utf-8")
    assert not damaged
    assert not mixed
