"""Gradings, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.catalogue import Catalogue
from app.catalogue.grade_history import GRADED
from app.domain import Grading, Kind, Patent


def test_grades_of_one_call_are_applied_in_their_order(catalogue: Catalogue) -> None:
    """Two gradings of one patent are two lines and one change of the record; an unknown patent is told."""
    catalogue.upsert([Patent(id="P1", title="a", grade="C"), Patent(id="P2", title="b", agreed=True)])
    before = catalogue.revision()
    outcomes = catalogue.grades.add(
        [
            Grading(patent_id="P1", grade="B", by="王"),
            Grading(patent_id="unknown", grade="A"),
            Grading(patent_id="P1", grade="A", maturity=9, by="李"),
            Grading(patent_id="P2", agreed=True),
            Grading(patent_id="P2", agreed=False),
        ]
    )
    assert outcomes == [True, None, True, False, True]
    assert catalogue.get(Kind.PATENTS, "P1") == Patent(id="P1", title="a", grade="A", maturity=9)
    assert [change.id for change in catalogue.changed_since(Kind.PATENTS, before)] == ["P1", "P2"]
    last, first = catalogue.grades.history("P1")
    assert [(line.from_grade, line.to_grade, line.by) for line in (first, last)] == [("C", "B", "王"), ("B", "A", "李")]
    assert timedelta(0) <= datetime.now(UTC) - last.at < timedelta(minutes=1)
    (line,) = catalogue.grades.history("P2")
    assert (line.from_agreed, line.to_agreed) == (True, False)
    assert catalogue.grades.history("unknown") == []
    assert catalogue.grades.add([]) == []


def history(catalogue: Catalogue, key: str) -> list[tuple[object, ...]]:
    """Who, from what, to what, the first change first."""
    return [
        (line.by, *(tuple(getattr(line, f"{end}_{name}") for name in GRADED) for end in ("from", "to")))
        for line in reversed(catalogue.grades.history(key))
    ]


def graded(catalogue: Catalogue) -> None:
    """Two patents, the first of which was graded."""
    catalogue.upsert([Patent(id="P1", title="a", maturity=3), Patent(id="P2", title="b", grade="C")])
    catalogue.grades.add([Grading(patent_id="P1", grade="A", agreed=True, by="王")])


def test_grades_outlast_a_record_that_leaves_them_out(catalogue: Catalogue) -> None:
    """A graded patent keeps all three; the same load again changes nothing; one never graded is as it is loaded."""
    graded(catalogue)
    bare = [Patent(id="P1", title="new"), Patent(id="P2", title="b")]
    assert catalogue.upsert(bare, source="patents.csv").changed == 2
    assert catalogue.get(Kind.PATENTS, "P1") == Patent(id="P1", title="new", grade="A", maturity=3, agreed=True)
    assert catalogue.get(Kind.PATENTS, "P2") == Patent(id="P2", title="b")
    before = catalogue.revision()
    assert catalogue.upsert(bare, source="patents.csv").unchanged == 2
    assert catalogue.revision() == before
    assert history(catalogue, "P1") == [("王", (None, 3, None), ("A", 3, True))]
    assert history(catalogue, "P2") == []


def test_grades_of_a_record_that_says_others_join_the_history(catalogue: Catalogue) -> None:
    """What a load changes of a graded patent is a line by its source, once; of two rows of it the last counts."""
    graded(catalogue)
    rows = [Patent(id="P1", title="a", grade="C"), Patent(id="P1", title="a", grade="B", agreed=False)]
    assert catalogue.upsert(rows, source="patents.csv").changed == 1
    assert catalogue.upsert(rows, source="patents.csv").unchanged == 1
    assert catalogue.get(Kind.PATENTS, "P1") == Patent(id="P1", title="a", grade="B", maturity=3, agreed=False)
    loaded = ("patents.csv", ("A", 3, True), ("B", 3, False))
    assert history(catalogue, "P1")[1:] == [loaded]
    catalogue.grades.add([Grading(patent_id="P1", maturity=9, by="李")])
    assert history(catalogue, "P1")[2:] == [("李", ("B", 3, False), ("B", 9, False))]


def test_grades_come_back_with_a_deleted_patent(catalogue: Catalogue) -> None:
    """What is loaded again after it was deleted is graded as it was; a source's own word for a grade is not kept."""
    graded(catalogue)
    catalogue.delete(Kind.PATENTS, ["P1"])
    catalogue.upsert([Patent(id="P1", title="a", original={"grade": "?", "title": "A"})])
    found = catalogue.get(Kind.PATENTS, "P1")
    assert found == Patent(id="P1", title="a", grade="A", maturity=3, agreed=True, original={"title": "A"})
    assert len(history(catalogue, "P1")) == 1


def test_grades_of_a_changed_mapping_are_kept(catalogue: Catalogue) -> None:
    """Records that are written again with industries of another mapping leave gradings and history alone."""
    graded(catalogue)
    catalogue.upsert([Patent(id="P1", title="a", ipc=("H01M10/05",))])
    catalogue.industries.replace([("H01M", "C3841")])
    assert sum(batch.changed for batch in catalogue.industries.apply()) == 1
    found = catalogue.get(Kind.PATENTS, "P1")
    assert isinstance(found, Patent)
    assert (found.grade, found.industry) == ("A", ("C3841",))
    assert len(history(catalogue, "P1")) == 1
