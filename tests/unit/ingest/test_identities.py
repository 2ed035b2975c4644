"""Which id each row's record gets, in whole files."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from app.domain import Firm, Kind, Need, Patent
from app.ingest import RowOutcome, read_records, record_of
from app.ingest.fields.derived import derived_firm_id, is_derived_firm

CASES = Path(__file__).parent / "cases"


def outcomes(kind: Kind, name: str) -> list[RowOutcome[Patent | Need | Firm]]:
    """All rows of a case."""
    return list(read_records(CASES / name, kind))


def ids(kind: Kind, name: str) -> list[str | None]:
    """The id of each row."""
    return [outcome.record.id if outcome.record else None for outcome in outcomes(kind, name)]


def written(tmp_path: Path, kind: Kind, text: str, name: str = "a.csv") -> list[RowOutcome[Patent | Need | Firm]]:
    """All rows of a file with this text."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return list(read_records(path, kind))


def test_identities_running_numbers_are_no_ids() -> None:
    """Two lists that both count from 1 are four firms, by their codes; the count is said once and kept."""
    first = outcomes(Kind.FIRMS, "03_firms_running_number_a.xlsx")
    assert [found.code for outcome in first for found in outcome.warnings] == ["counter_id"]
    assert [outcome.record.extra["编号"] for outcome in first if outcome.record] == [1, 2]
    assert [*ids(Kind.FIRMS, "03_firms_running_number_a.xlsx"), *ids(Kind.FIRMS, "03_firms_running_number_b.xlsx")] == [
        "91320594MA1XK7Q3PB", "91330106MA2B1C8D4H", "91440300MA5F9T2R6G", "91110108MA01H7J5K9",
    ]  # fmt: skip


@pytest.mark.parametrize("source", ["cnipa", "google", "espacenet"])
def test_identities_one_patent_of_three_sources(source: str) -> None:
    """Each source has its spelling of one number."""
    assert ids(Kind.PATENTS, f"07_same_patent_{source}.csv") == ["CN109999907B"]


def test_identities_two_numbers_in_a_cell() -> None:
    """The Chinese one is the id, its line of the dates counts, and the cell is kept."""
    (outcome,) = outcomes(Kind.PATENTS, "12_espacenet_family_row.csv")
    record = outcome.record
    assert isinstance(record, Patent)
    assert (record.id, record.published_on) == ("CN109999902A", date(2019, 7, 12))
    assert record.extra["Publication number"] == "CN109999902A \nUS2020999902A1"
    assert [found.code for found in outcome.warnings] == ["several_numbers"]


def test_identities_slashes_are_marks() -> None:
    """A number is kept without them."""
    assert ids(Kind.PATENTS, "13_id_with_slash.csv") == ["US20110199900A1", "WO2019199901"]


def test_identities_rounded_application_numbers_are_not_stored() -> None:
    """The row is warned of, and the cell is kept beside it."""
    first, second = outcomes(Kind.PATENTS, "14_application_number_rounded.csv")
    assert isinstance(first.record, Patent)
    assert isinstance(second.record, Patent)
    assert (first.record.application_number, first.record.extra["申请号"]) == (None, "2.01910123E+11")
    assert [found.code for found in first.warnings] == ["rounded_number"]
    assert second.record.application_number == "CN201910123456.7"


def test_identities_achievements_without_a_number() -> None:
    """Placeholders are no ids; each gets one of its title, the same at every load."""
    read = outcomes(Kind.PATENTS, "15_achievements_pending_number.xlsx")
    records = [outcome.record for outcome in read if outcome.record]
    assert len({record.id for record in records}) == 4
    assert [record.id.startswith("patent-") for record in records] == [True, True, True, False]
    assert records[3].id == "CN201910123499.7"
    assert [record.original["id"] for record in records[:3]] == ["申请中"] * 3
    assert ids(Kind.PATENTS, "15_achievements_pending_number.xlsx") == [record.id for record in records]


def test_identities_firms_without_a_code() -> None:
    """A list of names and places is read; brackets, widths and spaces make no other firm."""
    found = ids(Kind.FIRMS, "16_firm_list_without_code.xlsx")
    assert len(set(found)) == 2
    assert all(is_derived_firm(key or "") for key in found)
    assert derived_firm_id("苏州云杉（集团）有限公司", "3205") == derived_firm_id("苏州云杉 有限责任公司", "3205")
    assert derived_firm_id("苏州云杉有限公司", "3205") != derived_firm_id("苏州云杉有限公司", "3301")


def test_identities_apostrophes_and_formulas_are_taken_off_numbers() -> None:
    """Two of the three ways in which spreadsheets wrap a text leave the number bare."""
    found = ids(Kind.PATENTS, "22_excel_wrapped_ids.csv")
    assert (found[0], found[2]) == ("CN110000021A", "CN110000023A")


def test_identities_counters_of_json_lines_are_no_ids(tmp_path: Path) -> None:
    """The rule is the same for every format; a patent then gets the next best id, or one of its title."""
    lines = "".join(f'{{"id": {n}, "title": "题{n}", "abstract": "文"}}\n' for n in range(1, 4))
    read = written(tmp_path, Kind.PATENTS, lines, "a.jsonl")
    assert all(outcome.record and outcome.record.id.startswith("patent-") for outcome in read)


def test_identities_a_mapped_counter_is_the_id(tmp_path: Path) -> None:
    """Whoever names the column means it."""
    path = tmp_path / "a.csv"
    path.write_text("序号,名称\n1,甲\n2,乙\n", encoding="utf-8")
    read = read_records(path, Kind.PATENTS, mapping={"序号": "id"})
    assert [outcome.record.id for outcome in read if outcome.record] == ["1", "2"]


def test_identities_a_rounded_code_gives_way_to_a_better_column(tmp_path: Path) -> None:
    """The registration number serves; without one the row is rejected, as no code can be guessed."""
    text = "统一社会信用代码,注册号,企业名称\n9.1310E+17,310000400000001,甲厂\n9.1310E+17,,乙厂\n"
    first, second = written(tmp_path, Kind.FIRMS, text)
    assert first.record is not None
    assert first.record.id == "310000400000001"
    assert [found.code for found in second.rejected] == ["id_destroyed"]


def test_identities_a_lists_own_numbers_stand_behind_credit_codes(tmp_path: Path) -> None:
    """A code tells a firm wherever it is listed."""
    text = "企业编号,统一社会信用代码,企业名称\nQY-7,91320594MA1XK7Q3PB,甲厂\nQY-9,,乙厂\n"
    read = written(tmp_path, Kind.FIRMS, text)
    assert [outcome.record.id for outcome in read if outcome.record] == ["91320594MA1XK7Q3PB", "QY-9"]


def test_identities_over_rest_say_what_they_are() -> None:
    """An object's id is its own: 1 is one; an object without an id is a mistake."""
    one = record_of(Kind.PATENTS, {"title": "甲"}, record_id="1").record
    assert one is not None
    assert one.id == "1"
    assert [found.code for found in record_of(Kind.PATENTS, {"title": "甲"}).rejected] == ["missing_id"]


@pytest.mark.parametrize(
    ("cell", "firm_id"),
    [
        ("统一社会信用代码：91440300708461136T", "91440300708461136T"),
        ("91440300708461136t（已核）", "91440300708461136T"),
        ("91320594MA1XK7Q3PB/320594000123456", "91320594MA1XK7Q3PB"),
        ("91320594MA1XK7Q3PB、91440300708461136T", "91320594MA1XK7Q3PB、91440300708461136T"),
        ("X91320594MA1XK7Q3PB", "X91320594MA1XK7Q3PB"),
    ],
)
def test_identities_credit_code_beside_other_text(tmp_path: Path, cell: str, firm_id: str) -> None:
    """The one code in a cell whose check digit is right is the firm's; of two codes none is chosen."""
    path = tmp_path / "a.csv"
    path.write_text(f"企业名称,统一社会信用代码\n甲公司,{cell}\n", encoding="utf-8")
    (outcome,) = read_records(path, Kind.FIRMS)
    assert outcome.record is not None
    assert outcome.record.id == firm_id
    assert outcome.record.original.get("id", firm_id) in (cell, firm_id)
