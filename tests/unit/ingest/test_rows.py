"""Rows of delimited text and JSON Lines: numbers, quotes, damage, and that no good row is lost with a bad one."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain import Kind
from app.errors import InputError
from app.ingest import IngestOptions, RowOutcome, read_records
from app.ingest.tables.streams import LineFeed, LineTooLongError
from app.ingest.tables.wrapping import unwrapped


def _read(folder: Path, name: str, content: str | bytes, options: IngestOptions | None = None) -> list[RowOutcome]:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_records(path, Kind.PATENTS, options=options))


def _summary(outcomes: Sequence[RowOutcome]) -> list[tuple[int, str]]:
    return [(o.row, o.record.id if o.record else o.rejected[0].code) for o in outcomes]


def test_ingest_rows_are_numbered_as_a_spreadsheet_shows_them(tmp_path: Path) -> None:
    """The header is row 1, blank rows count, and a cell with line breaks is one row."""
    content = 'id,title\nA,甲\n\n,\nB,"乙\n丙"\nC,丁\n'
    assert _summary(_read(tmp_path, "a.csv", content)) == [(2, "A"), (5, "B"), (6, "C")]


def test_ingest_rows_below_a_title(tmp_path: Path) -> None:
    """Rows above the header are passed over and counted."""
    content = "可转让专利清单,,\n,,\n公开号,名称,摘要\nA,甲,乙\n"
    outcomes = _read(tmp_path, "a.csv", content)
    assert _summary(outcomes) == [(4, "A")]
    assert outcomes[0].raw == {"公开号": "A", "名称": "甲", "摘要": "乙"}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_ingest_rows_separator_is_sniffed(tmp_path: Path, separator: str) -> None:
    """European spreadsheets write semicolons, copied tables tabs; the header tells."""
    content = separator.join(["id", "title", "abstract"]) + "\n" + separator.join(["A", "甲，乙", "x"]) + "\n"
    assert _read(tmp_path, "a.csv", content)[0].record is not None


def test_ingest_rows_ragged_ones_are_rejected_and_empty_tails_are_not(tmp_path: Path) -> None:
    """Too few and too many cells are rejected; separators after the last cell hold nothing."""
    content = "id,title,abstract,\nA,甲,乙\nB,甲,乙,,,\nC,甲\nD,甲,乙,x,y\n"
    outcomes = _read(tmp_path, "a.csv", content)
    assert _summary(outcomes) == [(2, "A"), (3, "B"), (4, "ragged_row"), (5, "ragged_row")]
    assert "5 cells where the header has 4" in outcomes[3].rejected[0].reason


def test_ingest_rows_an_unclosed_quote_costs_one_row(tmp_path: Path) -> None:
    """Rows after a quote that is never closed are read again as rows, also when its end is that of another quote."""
    content = 'id,title,abstract\nA,甲,"乙\nB,乙,丙\nC,丙,"丁"\nD,戊,"己\nE,庚,辛\n'
    assert _summary(_read(tmp_path, "a.csv", content)) == [
        (2, "unclosed_quote"),
        (3, "B"),
        (4, "C"),
        (5, "unclosed_quote"),
        (6, "E"),
    ]


def test_ingest_rows_quotes_that_were_not_doubled_are_repaired(tmp_path: Path) -> None:
    """A naive export writes "甲"乙; the row goes in with a warning."""
    outcomes = _read(tmp_path, "a.csv", 'id,title,abstract\nA,"双联"插销,x\nB,乙,y\n')
    assert _summary(outcomes) == [(2, "A"), (3, "B")]
    assert outcomes[0].record.title == "双联插销"
    assert [found.code for found in outcomes[0].warnings] == ["quotes_repaired"]


def test_ingest_rows_that_never_end_are_rejected(tmp_path: Path) -> None:
    """A row beyond the limit is rejected, at the first line or at a later one, and reading goes on after it."""
    options = IngestOptions(max_row_chars=1_000)
    content = "id,title\nA,甲\nB," + "x" * 5_000 + '\nC,丙\nD,"丁\n' + "y" * 3_000 + "\nE,戊\n"
    assert _summary(_read(tmp_path, "a.csv", content, options)) == [(2, "A"), (3, "row_too_long"), (4, "C"), (5,
    "unclosed_quote"),
                                                                    (6, "row_too_long"), (7, "E")]  # fmt: skip
    lines = '{"id": "A", "title": "甲"}\n{"id": "B", "title": "' + "x" * 5_000 + '"}\n{"id": "C", "title": "丙"}\n'
    assert _summary(_read(tmp_path, "a.jsonl", lines, options)) == [(1, "A"), (2, "row_too_long"), (3, "C")]


def test_ingest_rows_repeated_header_is_rejected(tmp_path: Path) -> None:
    """Where files were joined, the header is no record."""
    assert _summary(_read(tmp_path, "a.csv", "id,title\nA,甲\nid,title\nB,乙\n")) == [
        (2, "A"),
        (3, "repeated_header"),
        (4, "B"),
    ]


def test_ingest_rows_of_another_encoding_are_rejected(tmp_path: Path) -> None:
    """In a file of two encodings the rows of the lesser one are rejected by number; none is mangled."""
    utf8 = [f"U{i},一种锂离子电池电解液{i}\n".encode() for i in range(50)]
    gb = [f"G{i},一种锂离子电池电解液{i}\n".encode("gb18030") for i in range(50)]
    mostly_utf8 = _read(tmp_path, "a.csv", b"id,title\n" + b"".join(utf8) + b"".join(gb[:3]))
    assert _summary(mostly_utf8)[49:] == [(51, "U49"), (52, "undecodable"), (53, "undecodable"), (54, "undecodable")]
    mostly_gb = _read(tmp_path, "b.csv", b"id,title\n" + b"".join(utf8[:3]) + b"".join(gb))
    assert _summary(mostly_gb)[:4] == [(2, "mixed_encoding"), (3, "mixed_encoding"), (4, "mixed_encoding"), (5, "G0")]
    assert all("电解液" in outcome.record.title for outcome in mostly_gb + mostly_utf8 if outcome.record)


def test_ingest_rows_broken_bytes_in_json_lines_are_rejected(tmp_path: Path) -> None:
    """One bad byte costs its line."""
    good = '{"id": "A", "title": "甲乙丙"}\n'.encode()
    assert _summary(_read(tmp_path, "a.jsonl", good + b'{"id": "B", "title": "\xe4\xbd"}\n' + good)) == [
        (1, "A"),
        (2, "undecodable"),
        (3, "A"),
    ]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('{"id": "B", "title": ', "bad_json"),
        ('["B"]', "not_an_object"),
        ("42", "not_an_object"),
        ("null", "not_an_object"),
        ('"B"', "not_an_object"),
        ("{}", "missing_id"),
        ('{"id": "B", "title": "b"} x', "bad_json"),
        ("[" * 100_000, "bad_json"),
        ('{"id": "B", "title": ' + "9" * 5_000 + "}", "bad_json"),
        ("{'id': 'B'}", "bad_json"),
    ],
)
def test_ingest_rows_json_lines_that_are_no_records(tmp_path: Path, line: str, code: str) -> None:
    """Whatever a line holds, its number is right and the next line is read."""
    content = f'{{"id": "A", "title": "甲"}}\n\n{line}\n{{"id": "C", "title": "丙"}}'
    assert _summary(_read(tmp_path, "a.jsonl", content)) == [(1, "A"), (3, code), (4, "C")]


def test_ingest_rows_json_odd_values_are_read(tmp_path: Path) -> None:
    """NaN is missing, half a character is shown as damaged, a mark inside the file is no part of a key."""
    content = '{"id": "A", "title": "甲\\ud800", "abstract": NaN}\n\ufeff{"id": "B", "title": "乙"}\n'
    outcomes = _read(tmp_path, "a.jsonl", content)
    assert _summary(outcomes) == [(1, "A"), (2, "B")]
    assert outcomes[0].record.title == "甲\ufffd"
    assert outcomes[0].record.abstract == ""
    assert [found.code for found in outcomes[0].warnings] == ["damaged_characters"]


@pytest.mark.parametrize(
    "content", ['[{"id": "A", "title": "甲"}]', '[\n{"id": "A", "title": "甲"},\n{"id": "B", "title": "乙"}\n]\n']
)
def test_ingest_rows_json_array_is_refused_as_a_file(tmp_path: Path, content: str) -> None:
    """One array is no JSON Lines; the message says how to turn it into them."""
    with pytest.raises(InputError) as caught:
        _read(tmp_path, "a.jsonl", content)
    assert caught.value.error_code == "json_array"


CELLS = st.text(
    st.characters(codec="gb18030", exclude_categories=["Cs", "Co", "Cn"], exclude_characters="\x00"), max_size=12
).filter(lambda cell: unwrapped(cell) == cell if cell else True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=6))
def test_ingest_rows_csv_cells_come_back_as_they_were_written(tmp_path: Path, rows: list[list[str]]) -> None:
    """Quotes, separators and line breaks inside cells survive, and rows have the numbers that a spreadsheet shows."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(["id", "title", "x", "y"])
    for number, cells in enumerate(rows):
        writer.writerow([f"R{number}", "题", *cells])
    outcomes = _read(tmp_path, "a.csv", buffer.getvalue())
    assert [(o.row, o.raw["x"], o.raw["y"]) for o in outcomes] == [
        (number, *cells) for number, cells in enumerate(rows, start=2)
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["abstract", "备注", "x"]), st.text(max_size=8), max_size=3),
        min_size=1,
        max_size=6,
    )
)
def test_ingest_rows_json_values_come_back_as_they_were_written(tmp_path: Path, rows: list[dict[str, str]]) -> None:
    """Rows may have different keys."""
    content = "".join(json.dumps({"id": f"R{n}", "title": "题"} | row) + "\n" for n, row in enumerate(rows))
    outcomes = _read(tmp_path, "a.jsonl", content)
    assert [dict(outcome.raw) for outcome in outcomes] == [
        {"id": f"R{n}", "title": "题"} | row for n, row in enumerate(rows)
    ]


@given(st.lists(st.text(alphabet="ab\n", max_size=30), max_size=8), st.integers(1, 20))
def test_ingest_rows_lines_given_back_come_again(texts: list[str], limit: int) -> None:
    """What a parser gives back is what the next one gets, and no line is longer than the limit."""
    text = "".join(texts)
    feed = LineFeed(io.StringIO(text, newline=""), limit)
    seen = []
    while True:
        feed.begin()
        try:
            first = next(feed)
        except StopIteration:
            break
        except LineTooLongError:
            seen.append(None)
            continue
        feed.give_back()
        feed.begin()
        assert next(feed) == first
        assert len(first) <= limit
        seen.append(first)
    expected = [line if len(line) <= limit else None for line in text.splitlines(keepends=True)]
    assert seen == expected
