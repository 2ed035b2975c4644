"""Records into the catalogue and out again, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import date
from types import MappingProxyType
from typing import Any

import pytest
from catalogue_databases import firms
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.catalogue import Catalogue, UpsertCounts, backend
from app.domain import RECORD_TYPES, AnyRecord, Firm, Kind, Need, Patent
from app.errors import InputError

# Any character but the halves of surrogate pairs, which no UTF-8 file can hold, and U+0000, which PostgreSQL cannot.
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=40)
ODD = st.sampled_from(
    [
        "\ufeff锂",
        "e\u0301",
        "\U0001f50b\u200d",
        "\u202eabc",
        "'\"\\",
        "\r\n\t",
        "\x1f\x7f",
        "None",
        "NULL",
        "\\N",
        "{}",
        "\\.",
    ]
)
ANY_TEXT = TEXT | ODD
JSON = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | ANY_TEXT
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "id": st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=20),
    "str": ANY_TEXT,
    "str | None": st.none() | ANY_TEXT,
    "tuple[str, ...]": st.lists(ANY_TEXT | st.just("\0"), max_size=3).map(tuple),
    "Mapping[str, str]": st.dictionaries(ANY_TEXT | st.just("\0"), ANY_TEXT | st.just("\0"), max_size=3),
    "Mapping[str, Any]": st.dictionaries(ANY_TEXT, JSON | st.lists(JSON, max_size=2), max_size=3),
    "bool": st.just(False),  # told by the catalogue alone; test_catalogue_mapping.py
    "bool | None": st.none() | st.booleans(),
    "int | None": st.none() | st.integers(-(2**31), 2**31 - 1),
    "date | None": st.none() | st.dates(),
}


def records(kind: Kind) -> st.SearchStrategy[Any]:
    """Records of a kind with any value in any field."""
    record_type = RECORD_TYPES[kind]
    return st.builds(
        record_type,
        **{field.name: VALUES["id" if field.name == "id" else str(field.type)] for field in fields(record_type)},
    )


@pytest.fixture(scope="module")
def lasting(migrated_url: str) -> Iterator[Catalogue]:
    """A catalogue that keeps what the examples before wrote: each replaces some of it."""
    opened = Catalogue.open(migrated_url)
    yield opened
    opened.close()


@pytest.mark.parametrize("kind", Kind)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_catalogue_gives_back_what_it_took(lasting: Catalogue, kind: Kind, data: st.DataObject) -> None:
    """Record in is record out, whatever its fields hold; and storing it once more changes nothing."""
    batch: list[AnyRecord] = data.draw(st.lists(records(kind), max_size=4, unique_by=lambda record: record.id))
    lasting.upsert(batch)
    assert lasting.get_many(kind, [record.id for record in batch]) == {record.id: record for record in batch}
    assert lasting.upsert(batch) == UpsertCounts(unchanged=len(batch))


def test_catalogue_counts_what_an_upsert_did(catalogue: Catalogue) -> None:
    """New, changed and unchanged records are told apart, and the counts are of what is stored."""
    assert catalogue.upsert(firms(3)) == UpsertCounts(added=3)
    changed = [replace(firms(1)[0], city="兰州"), *firms(4)[1:]]
    assert catalogue.upsert(changed) == UpsertCounts(added=1, changed=1, unchanged=2)
    assert catalogue.count(Kind.FIRMS) == 4
    assert catalogue.get(Kind.FIRMS, "F000000") == changed[0]


def test_catalogue_takes_the_last_of_two_with_one_id(catalogue: Catalogue) -> None:
    """A file that lists a record twice in a batch stores it once, as listed last."""
    first, last = Need(id="N1", title="旧"), Need(id="N1", title="新")
    assert catalogue.upsert([first, last]) == UpsertCounts(added=1)
    assert catalogue.get(Kind.NEEDS, "N1") == last
    assert catalogue.upsert([first, last]) == UpsertCounts(unchanged=1)


def test_catalogue_keeps_kinds_apart(catalogue: Catalogue) -> None:
    """One id may be a need's and a firm's; a call is of one kind."""
    need, firm = Need(id="X", title="需求"), Firm(id="X", name="企业")
    catalogue.upsert([need])
    catalogue.upsert([firm])
    assert (catalogue.get(Kind.NEEDS, "X"), catalogue.get(Kind.FIRMS, "X")) == (need, firm)
    assert catalogue.get(Kind.PATENTS, "X") is None
    with pytest.raises(ValueError, match="one kind a call"):
        catalogue.upsert([need, firm])


def test_catalogue_writes_all_of_a_call_or_nothing(catalogue: Catalogue) -> None:
    """A record that cannot be stored takes its whole call with it, and is named."""
    with pytest.raises(InputError, match="field name"):
        catalogue.upsert([*firms(2), Firm(id="bad", name="a\0b")])
    assert catalogue.count(Kind.FIRMS) == 0
    assert catalogue.revision() == 0


def test_catalogue_takes_an_empty_call(catalogue: Catalogue) -> None:
    """Nothing to do is no error."""
    assert catalogue.upsert([]) == UpsertCounts()
    assert catalogue.get_many(Kind.FIRMS, []) == {}
    assert catalogue.delete(Kind.FIRMS, []) == 0
    assert list(catalogue.iterate(Kind.FIRMS)) == []


def test_catalogue_gives_many_and_leaves_out_what_is_not_there(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More ids than one statement takes, twice the same, unknown, and ids that no database can write."""
    monkeypatch.setattr(backend, "IDS_AT_ONCE", 7)
    catalogue.upsert(firms(30))
    asked = [firm.id for firm in firms(30)] + ["F000001", "unknown", "a\0", "\ud800"]
    assert catalogue.get_many(Kind.FIRMS, asked) == {firm.id: firm for firm in firms(30)}


def test_catalogue_takes_any_mapping(catalogue: Catalogue) -> None:
    """A read-only view of a source's columns is stored like a dictionary."""
    catalogue.upsert([Firm(id="F", name="企业", extra=MappingProxyType({"注册资本": 100}))])
    stored = catalogue.get(Kind.FIRMS, "F")
    assert stored is not None
    assert stored.extra == {"注册资本": 100}


@pytest.mark.parametrize("batch_size", [1, 7, 10, 1000])
def test_catalogue_walks_all_records_in_the_order_of_their_ids(catalogue: Catalogue, batch_size: int) -> None:
    """Each record once, by code point on both databases, in batches of the asked size, and on from any id."""
    ids = ["a", "B", "é", "Z", "中", "_", "10", "9", "\U0001f50b", "\uffee"]
    catalogue.upsert([Patent(id=key, title=key, filed_on=date(2001, 1, 1)) for key in ids])
    batches = list(catalogue.iterate(Kind.PATENTS, batch_size=batch_size))
    assert [record.id for batch in batches for record in batch] == sorted(ids)
    assert {len(batch) for batch in batches[:-1]} <= {batch_size}
    rest = catalogue.iterate(Kind.PATENTS, after="_", batch_size=batch_size)
    assert [record.id for batch in rest for record in batch] == [key for key in sorted(ids) if key > "_"]


def test_catalogue_can_be_written_while_it_is_walked(catalogue: Catalogue) -> None:
    """Each batch is a transaction of its own: the walk sees what was written ahead of it and holds nobody up."""
    catalogue.upsert(firms(20))
    seen: list[AnyRecord] = []
    for batch in catalogue.iterate(Kind.FIRMS, batch_size=5):
        seen += batch
        if len(seen) == 5:
            catalogue.upsert(firms(20, scope="改"))
    assert [record.id for record in seen] == [firm.id for firm in firms(20)]
    assert [record.text_parts[1] for record in seen] == ["锂离子电池电解液的研发"] * 5 + ["改"] * 15
