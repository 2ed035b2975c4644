"""Ids that come more than once in a file."""

from __future__ import annotations

from app.records.repeats import Became, Earlier, Repeats, Seen, content_of


def seen(record_id: str, row: int, content: int = 0, sheet: str | None = None) -> Seen:
    """A row."""
    return Seen(record_id, row, sheet, content)


def test_repeats_are_found_within_a_batch_and_across() -> None:
    """The first row with the id is named, with its sheet, and whether it says something else."""
    repeats = Repeats()
    first = [seen("A", 2, 1, "甲"), seen("B", 3, 2, "甲")]
    assert repeats.earlier(first) == [None, None]
    repeats.add(first, [Became.ADDED, Became.CHANGED])
    second = [seen("C", 2, 5, "乙"), seen("A", 3, 1, "乙"), seen("B", 4, 9, "乙"), seen("C", 5, 6, "乙")]
    assert repeats.earlier(second) == [
        None,
        Earlier(2, "甲", False, Became.ADDED),
        Earlier(3, "甲", True, Became.CHANGED),
        Earlier(2, "乙", True, None),
    ]


def test_repeats_of_many_batches_are_all_found() -> None:
    """However many runs the rows lie in."""
    repeats = Repeats()
    for start in range(0, 30_000, 700):
        repeats.add([seen(f"P{n}", n + 2) for n in range(start, start + 700)], [Became.ADDED] * 700)
    asked = [seen(f"P{n}", 90_000) for n in range(0, 31_000, 7)]
    found = repeats.earlier(asked)
    assert [one.row if one else None for one in found] == [n + 2 if n < 30_100 else None for n in range(0, 31_000, 7)]
    assert len(repeats._runs) < 8


def test_repeats_content_leaves_out_running_numbers() -> None:
    """Two rows of one record that differ in the number that counts rows say the same."""
    assert content_of({"序号": "1", "名称": "膜"}) == content_of({"序号": "2", "名称": "膜"})
    assert content_of({"序号": "1", "名称": "膜"}) != content_of({"序号": "1", "名称": "轴承"})
    assert content_of({"ipc": ["A"], "x": {"y": 1}}) == content_of({"ipc": ["A"], "x": {"y": 1}})
