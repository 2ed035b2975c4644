"""Gradings, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.catalogue import Catalogue
from app.domain import Kind, Patent
from app.outreach import Grading


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
