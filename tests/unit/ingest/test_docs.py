"""`docs/ingest.md` says what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from app.domain import Kind
from app.ingest import FORMATS, IngestOptions, load_mapping
from app.ingest.headings.headers import fields_of, recognise
from app.ingest.headings.profiles import PROFILES
from app.ingest.problems import WORDINGS

PAGE = (Path(__file__).parents[3] / "docs" / "ingest.md").read_text(encoding="utf-8")


def _rows(kind: Kind) -> list[tuple[list[str], list[str]]]:
    """Fields and headers of each row of the kind's table."""
    table = PAGE.split(f"| {kind} | headers |")[1].split("\n\n")[0]
    cells = [line.split("|")[1:3] for line in table.splitlines()[2:]]
    return [(re.findall(r"`([^`]+)`", fields), re.findall(r"`([^`]+)`", headers)) for fields, headers in cells]


@pytest.mark.parametrize("kind", list(Kind))
def test_ingest_docs_headers_are_recognised(kind: Kind) -> None:
    """Every header that the page names leads to a field of its row, and every field has a row."""
    for names, headers in _rows(kind):
        for header in headers:
            assert {name for name, _ in recognise(header, kind)} & set(names), header
    assert {name for names, _ in _rows(kind) for name in names} == set(fields_of(kind))


def test_ingest_docs_profiles_are_all_there() -> None:
    """Every known export has a row, and there is no row of another."""
    for kind, profiles in PROFILES.items():
        table = PAGE.split(f"| {kind} | source |")[1].split("\n\n")[0]
        assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == list(profiles)


def test_ingest_docs_problems_are_all_there() -> None:
    """Every code that a rejects file may hold is explained, and no other."""
    tables = PAGE.split("## Rejects file")[1]
    assert {
        code
        for line in tables.splitlines()
        if line.startswith("| `")
        for code in re.findall(r"`(\w+)`", line.split("|")[1])
    } == set(WORDINGS)


def test_ingest_docs_formats_and_limits_are_those_of_the_code() -> None:
    """Suffixes and numbers."""
    assert all(f"`{suffix}`" in PAGE for suffix in FORMATS)
    options = IngestOptions()
    for number in (options.max_id_chars, options.max_title_chars, options.max_text_chars):
        assert f"{number:,}" in PAGE


def test_ingest_docs_mapping_example_works(tmp_path: Path) -> None:
    """The example can be used as it stands."""
    example = PAGE.split("```json\n")[1].split("\n```")[0]
    path = tmp_path / "headers.json"
    path.write_text(example, encoding="utf-8")
    assert load_mapping(path) == json.loads(example)
