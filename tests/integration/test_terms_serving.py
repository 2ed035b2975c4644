"""Terms of records in builds and in changes over them: what is written is found by its terms, wherever it lies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hashing_encoder import HashingEncoder

from app.builds.walk import Walk, Walker
from app.domain import Kind, Patent
from app.ranking.lexical import query_terms
from app.settings import Settings
from app.wiring import Services
from index import IndexState

PATENTS = Kind.PATENTS


def patents(start: int, end: int, word: str = "电池") -> list[Patent]:
    """Patents of which each has a term of its own."""
    return [Patent(id=f"P{n:03}", title=f"一种{word} NO-{n}", abstract="电解液的制备") for n in range(start, end)]


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Forty patents, published."""
    made = Services(Settings(home=tmp_path), encoders=lambda _: HashingEncoder())
    made.serving.open()
    made.catalogue.upsert(patents(0, 40))
    made.indexing.build(PATENTS, publish=True)
    made.serving.indexes[PATENTS].refresh()
    yield made
    made.close()


def view_of(services: Services) -> IndexState:
    """What the next search sees."""
    return services.serving.indexes[PATENTS].fresh().index_state


def found(services: Services, text: str) -> list[str]:
    """The ids that share a term with a text, best first."""
    index_state = view_of(services)
    assert index_state.terms is not None
    return list(index_state.search_terms([query_terms((text,), index_state.terms.weight, titled=True)], 100)[0].ids)


def test_terms_of_a_build_are_found(services: Services) -> None:
    """Each record of a snapshot is found by its own term, and all by one that they share."""
    assert found(services, "NO-17") == ["P017"]
    assert found(services, "电解") == [f"P{n:03}" for n in range(40)]
    assert services.verification.verify()[0].troubles == ()


def test_terms_of_changes_are_found_by_the_next_search(services: Services) -> None:
    """A new record, a new text and a deletion show at once, and an equal text scores as its like in the snapshot."""
    before = view_of(services)
    services.writing.put(PATENTS, "NEW", {"title": "一种电池 NO-3", "abstract": "电解液的制备"})
    services.writing.put(PATENTS, "P005", {"title": "催化剂 NO-500", "abstract": "合成"})
    services.writing.batch(PATENTS, [], ["P003"])
    assert found(services, "NO-3") == ["NEW"]
    assert found(services, "NO-500") == ["P005"]
    assert found(services, "NO-5") == []
    asked = {"no-3": 1.0, "电池": 0.5}
    (old,), (new,) = before.search_terms([asked], 1), view_of(services).search_terms([asked], 1)
    assert (old.ids, new.ids) == (("P003",), ("NEW",))
    assert new.scores == pytest.approx(old.scores, rel=1e-6)


def test_terms_of_what_changed_during_a_walk_are_left_to_the_changes(services: Services) -> None:
    """A record that has another text than its vector was made of, or is gone, has no terms; its place stays."""
    walk = Walk(services.catalogue.revision())
    page = patents(0, 5)
    walk.add(page, [record.passage for record in page], PATENTS)
    services.catalogue.upsert([Patent(id="P001", title="其他")])
    services.catalogue.delete(PATENTS, ["P003"])
    terms = list(Walker(services.catalogue).terms(PATENTS, walk))
    assert [counts.get(f"no-{n}", 0) for n, counts in enumerate(terms)] == [1, 0, 1, 0, 1]
    assert terms[1] == terms[3] == {}
