"""The bundled sample: its clean files load whole, its awkward rows become what their description promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain import Kind, Patent
from app.ingest import RowOutcome, read_records

SAMPLE = Path(__file__).parents[2] / "sample"


def _read(name: str, kind: Kind) -> dict[int, RowOutcome]:
    return {outcome.row: outcome for outcome in read_records(SAMPLE / name, kind)}


def _patent(outcome: RowOutcome) -> Patent:
    assert isinstance(outcome.record, Patent)
    return outcome.record


@pytest.mark.parametrize(
    ("name", "kind", "rows", "encoding"),
    [
        ("patents.jsonl", Kind.PATENTS, 200, "utf-8"),
        ("needs.jsonl", Kind.NEEDS, 40, "utf-8"),
        ("firms.jsonl", Kind.FIRMS, 40, "utf-8"),
        ("patents_zh.csv", Kind.PATENTS, 20, "gb18030"),
        ("needs_zh.xlsx", Kind.NEEDS, 10, None),
    ],
)
def test_ingest_files_sample_loads_whole(name: str, kind: Kind, rows: int, encoding: str | None) -> None:
    """No row of the clean files is rejected or warned of."""
    source = read_records(SAMPLE / name, kind)
    outcomes = list(source)
    assert len(outcomes) == rows
    assert [(o.row, o.rejected, o.warnings) for o in outcomes if o.rejected or o.warnings] == []
    assert source.source.encoding == encoding


def test_ingest_files_sample_languages_are_detected() -> None:
    """Detection agrees with the language that the sample states, for every patent."""
    from app.text.normalising import detect_language

    for outcome in _read("patents.jsonl", Kind.PATENTS).values():
        patent = _patent(outcome)
        assert detect_language(patent.title, patent.abstract) == patent.lang, patent.id


def test_ingest_files_sample_spreadsheet_export_agrees_with_the_original() -> None:
    """The GB18030 export holds the same patents as the JSON Lines file."""
    originals = {o.record.id: o.record for o in _read("patents.jsonl", Kind.PATENTS).values() if o.record}
    for outcome in _read("patents_zh.csv", Kind.PATENTS).values():
        exported = _patent(outcome)
        original = originals[exported.id]
        assert isinstance(original, Patent)
        for field in ("title", "abstract", "ipc", "holders", "filed_on", "status"):
            assert getattr(exported, field) == getattr(original, field), (exported.id, field)


def test_ingest_files_sample_awkward_json_lines() -> None:
    """Every row of sample/awkward.md's first table."""
    rows = _read("awkward.jsonl", Kind.PATENTS)
    rejected = {row: [found.code for found in outcome.rejected] for row, outcome in rows.items() if outcome.rejected}
    assert rejected == {
        8: ["missing_title"],
        9: ["missing_id"],
        18: ["bad_json"],
        19: ["not_an_object"],
        20: ["missing_id", "missing_title"],
    }
    warned = {row: [found.code for found in outcome.warnings] for row, outcome in rows.items() if outcome.warnings}
    assert warned == {12: ["bad_date", "bad_date"], 13: ["bad_ipc", "bad_ipc"], 22: ["bad_ipc"]}
    assert set(range(1, 24)) - set(rows) == {21}


def test_ingest_files_sample_awkward_json_lines_hold_what_is_promised() -> None:
    """The values that sample/awkward.md's first table promises."""
    rows = _read("awkward.jsonl", Kind.PATENTS)
    wide = _patent(rows[2])
    assert (wide.id, str(wide.filed_on), wide.ipc) == ("CN900009902A", "2018-07-11", ("F21V23/00", "A01G7/04"))
    assert wide.original["id"] == "ＣＮ９００００９９０２Ａ"
    assert _patent(rows[3]).title == "用于CO2捕集的N-甲基二乙醇胺复配吸收剂"
    assert "<105°C" in _patent(rows[3]).abstract
    assert "\n" in _patent(rows[3]).abstract
    assert _patent(rows[5]).title == "一种可折叠光伏支架"
    assert _patent(rows[11]).ipc == ("G01B7/06",)
    assert (_patent(rows[12]).filed_on, _patent(rows[12]).published_on) == (None, None)
    assert "G01N29/04" in _patent(rows[13]).ipc
    empty = _patent(rows[14])
    assert (empty.ipc, empty.holders, empty.filed_on, empty.status, empty.grade, empty.region, empty.industry) == (
        (),
        (),
        None,
        None,
        None,
        None,
        (),
    )
    assert len(_patent(rows[15]).abstract) > 6_000
    assert _patent(rows[17]).title == "一种水产饲料投饵机"
    typed = _patent(rows[22])
    assert (typed.id, str(typed.filed_on), typed.status, typed.maturity, typed.licence) == (
        "900009922",
        "2019-07-18",
        "active",
        8,
        ("transfer", "licence"),
    )
    odd = _patent(rows[23])
    assert (odd.id, odd.ipc, str(odd.filed_on), odd.status, len(odd.holders)) == (
        "CN900009923A",
        ("A43B17/00",),
        "2017-04-05",
        "inactive",
        1,
    )
    assert "x<5 mm" in odd.abstract


def test_ingest_files_sample_awkward_table() -> None:
    """Every row of sample/awkward.md's second table."""
    rows = _read("awkward.csv", Kind.PATENTS)
    rejected = {row: [found.code for found in outcome.rejected] for row, outcome in rows.items() if outcome.rejected}
    assert rejected == {
        9: ["missing_title"], 10: ["missing_id"], 16: ["ragged_row"], 17: ["ragged_row"], 18: ["repeated_header"],
        21: ["missing_id", "missing_title"], 22: ["id_destroyed"],
    }  # fmt: skip
    warned = {row: [found.code for found in outcome.warnings] for row, outcome in rows.items() if outcome.warnings}
    assert warned == {13: ["bad_date"], 14: ["bad_ipc"]}
    assert set(range(2, 24)) - set(rows) == {19}
    assert (len(_patent(rows[2]).ipc), len(_patent(rows[2]).holders)) == (2, 2)
    assert _patent(rows[3]).title == '一种"双联"防爆插销,带机械联锁'
    assert _patent(rows[3]).abstract.count("\n") == 2
    assert (_patent(rows[4]).id, str(_patent(rows[4]).filed_on), _patent(rows[4]).status) == (
        "CN900009953A",
        "2020-11-03",
        "pending",
    )
    assert _patent(rows[5]).title == "TiO2/g-C3N4复合光催化瓷砖"
    assert (_patent(rows[6]).id, str(_patent(rows[6]).filed_on)) == ("CN900009955A", "2019-04-01")
    assert _patent(rows[12]).ipc == ("E01D19/06", "C08L23/16")
    assert _patent(rows[15]).ipc == ()
    assert _patent(rows[20]).title == "一种仿生🐟水下推进器"
    assert str(_patent(rows[23]).filed_on) == "2021-05-03"
