"""A record to its row and back."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue.rows import CODECS, MAX_ID_CHARS, codes_of, codes_text, mapping_of, mapping_text
from app.catalogue.tables import TABLES
from app.domain import RECORD_TYPES, AnyRecord, Firm, HolderType, Kind, Licence, Need, Patent
from app.errors import InputError

FIRM = Firm(id="91620102", name="兰州新材料", extra={"b": 1, "a": "x"}, industry=("C3841",), filed_on=date(1998, 5, 17))
ANY_TEXT = st.text(st.characters(exclude_categories=("Cs",)))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)


def digest(record: AnyRecord) -> bytes:
    """What decides whether a record changed."""
    return CODECS[record.kind].encode(record).digest


@pytest.mark.parametrize("kind", Kind)
def test_catalogue_columns_are_the_domains_fields_in_their_order(kind: Kind) -> None:
    """A field that the domain gains without a column fails here, not when a record loses it."""
    names = [field.name for field in fields(RECORD_TYPES[kind])]
    assert [column.name for column in TABLES[kind].c][: len(names)] == names


@given(st.lists(ANY_TEXT).map(tuple))
def test_catalogue_codes_come_back(codes: tuple[str, ...]) -> None:
    """Texts of any characters, U+0000 and quotes among them, survive, and their column is JSON that others can read."""
    assert codes_of(codes_text(codes)) == codes
    assert json.loads(codes_text(codes)) == list(codes)


@given(st.dictionaries(ANY_TEXT, JSON))
def test_catalogue_mappings_come_back(mapping: dict[str, object]) -> None:
    """Any JSON object survives, whether all its values are texts or not."""
    assert mapping_of(mapping_text(mapping)) == mapping
    assert json.loads(mapping_text(mapping)) == mapping


@pytest.mark.parametrize(
    "changed",
    [
        replace(FIRM, name="兰州新材料 "),
        replace(FIRM, lang=""),
        replace(FIRM, lang="None"),
        replace(FIRM, industry=()),
        replace(FIRM, extra={"a": "x", "b": "1"}),
        replace(FIRM, filed_on=date(1998, 5, 18)),
        replace(FIRM, name="兰州", business_scope="新材料"),
        replace(FIRM, province="甘肃"),
        replace(FIRM, city="甘肃"),
    ],
)
def test_catalogue_digest_sees_every_change(changed: Firm) -> None:
    """A value that differs, is absent or is in another field gives another digest."""
    assert digest(changed) != digest(FIRM)


def test_catalogue_digest_ignores_the_order_of_extra_columns() -> None:
    """A source that writes its columns in another order has not changed a record."""
    assert digest(replace(FIRM, extra={"a": "x", "b": 1})) == digest(FIRM)


def test_catalogue_digests_stay_what_they_are() -> None:
    """A digest that a new release computes otherwise would make every stored record look changed."""
    assert digest(FIRM).hex() == "fa4ae019a7daa33c33ce6b8a46069a04"


def test_catalogue_members_of_enums_are_stored_as_their_texts() -> None:
    """An enum's member and its text are one value: a driver must not see the difference."""
    with_enums = Patent(id="P", title="t", holder_type=HolderType.UNIVERSITY, licence=(Licence.PAY_AFTER_USE,))
    with_texts = Patent(id="P", title="t", holder_type="university", licence=("pay_after_use",))
    row = CODECS[Kind.PATENTS].encode(with_enums)
    assert row == CODECS[Kind.PATENTS].encode(with_texts)
    assert all(type(value) in (str, type(None)) for value in row.values[:-1])  # the last is a flag


def test_catalogue_stores_the_date_of_a_time() -> None:
    """A source that gives a time of day for a date gives its date."""
    assert digest(replace(FIRM, filed_on=datetime(1998, 5, 17, 12, 30))) == digest(FIRM)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (replace(FIRM, name="a\0b"), "name"),
        (Need(id="N", title="t", text="\0"), "text"),
        (replace(FIRM, id="F\0"), "id"),
        (replace(FIRM, id=""), "id"),
        (replace(FIRM, id="x" * (MAX_ID_CHARS + 1)), "id"),
        (replace(FIRM, business_scope="half \ud83d"), "business_scope"),
        (replace(FIRM, original={"name": "half \ude00"}), "original"),
        (Patent(id="P", title="t", holders=("\ud800",)), "holders"),
        (Patent(id="P", title="t", maturity=2**31), "maturity"),
        (replace(FIRM, extra={"x": float("nan")}), "extra"),
        (replace(FIRM, extra={"x": {1, 2}}), "extra"),
        (replace(FIRM, extra={"x": b"bytes"}), "extra"),
    ],
)
def test_catalogue_refuses_what_a_database_cannot_hold(record: AnyRecord, field: str) -> None:
    """The error names the record and the field in both languages, and can itself be written as UTF-8."""
    with pytest.raises(InputError) as caught:
        CODECS[record.kind].encode(record)
    assert [error.field for error in caught.value.fields] == [field]
    for message in (caught.value.message, caught.value.message_zh):
        assert field in message
        assert message.encode()


def test_catalogue_keeps_a_control_character_of_the_sources_own_text() -> None:
    """Normalisation removes U+0000 from a title and keeps what stood there: that must be storable."""
    record = replace(FIRM, original={"name": "a\0b"})
    values = CODECS[Kind.FIRMS].encode(record).values
    assert not any("\0" in str(value) for value in values)
    stored = [record.filed_on if value == "1998-05-17" else value for value in values]
    assert CODECS[Kind.FIRMS].decode(stored) == record
