"""Firms of one name that are one firm, and needs that name them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.catalogue import Catalogue
from app.domain import AnyRecord, Firm, Kind, Need, OptOut
from app.ingest.fields.derived import derived_firm_id
from app.records.imports import ImportService
from app.records.linking import Linked, Linker

CASES = Path(__file__).parents[1] / "ingest" / "cases"
NAME = "苏州云杉膜材料有限公司"
CODED = Firm(id="91320594MA1XK7Q3PB", name=NAME, region="320594", business_scope="膜")
MADE = Firm(id=derived_firm_id(NAME, "3205"), name=NAME, region="3205", city="苏州市", firm_type="小巨人")
NAMED = Need(id="N1", title="膜", firm_id=derived_firm_id(NAME, ""), original={"firm_id": NAME})


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    """An empty one."""
    made = Catalogue.open(f"sqlite:///{tmp_path / 'c.db'}")
    yield made
    made.close()


def load(catalogue: Catalogue, *records: AnyRecord) -> Linked:
    """Link a batch and write it."""
    linked = Linker(catalogue).prepare(records)
    catalogue.upsert(linked.records)
    return linked


def firms(catalogue: Catalogue) -> dict[str, Firm]:
    """All firms by id."""
    return {one.id: one for page in catalogue.iterate(Kind.FIRMS) for one in page if isinstance(one, Firm)}


def test_linking_a_firm_meets_its_code(catalogue: Catalogue) -> None:
    """The record takes over with what was known; needs and opt-outs are the code's from then on."""
    load(catalogue, MADE)
    load(catalogue, NAMED)
    catalogue.opt_outs.add(OptOut(firm_id=MADE.id, at=datetime.now(UTC), reason=None, by=None))
    linked = load(catalogue, CODED)
    (firm,) = firms(catalogue).values()
    assert (firm.id, firm.business_scope, firm.city, firm.firm_type) == (CODED.id, "膜", "苏州市", "小巨人")
    need = catalogue.get(Kind.NEEDS, "N1")
    assert isinstance(need, Need)
    assert need.firm_id == CODED.id
    assert catalogue.opt_outs.opted_out() == {CODED.id}
    assert MADE.id in linked.met


def test_linking_a_need_waits_for_its_firm(catalogue: Catalogue) -> None:
    """A need that names a firm nobody knows gets it when it comes with its code."""
    load(catalogue, NAMED)
    load(catalogue, CODED)
    need = catalogue.get(Kind.NEEDS, "N1")
    assert isinstance(need, Need)
    assert need.firm_id == CODED.id


@pytest.mark.parametrize("name", [NAME, "苏州云杉膜材料有限责任公司", "苏州云杉膜材料（集团）有限公司"])
def test_linking_a_need_finds_the_firm_that_is_there(catalogue: Catalogue, name: str) -> None:
    """By its name, whatever the legal suffix and what is in brackets."""
    load(catalogue, CODED)
    need = replace(NAMED, firm_id=derived_firm_id(name, ""), original={"firm_id": name})
    (record,) = load(catalogue, need).records
    assert isinstance(record, Need)
    assert record.firm_id == CODED.id


def test_linking_a_row_without_code_goes_to_the_firm_that_has_one(catalogue: Catalogue) -> None:
    """What the row leaves out stays; loaded again, nothing changes."""
    load(catalogue, CODED)
    load(catalogue, MADE)
    (firm,) = firms(catalogue).values()
    assert (firm.id, firm.business_scope, firm.city) == (CODED.id, "膜", "苏州市")
    before = catalogue.revision()
    load(catalogue, MADE)
    assert catalogue.revision() == before


@pytest.mark.parametrize("order", [[MADE, CODED], [CODED, MADE]], ids=["code later", "code first"])
def test_linking_within_a_batch(catalogue: Catalogue, order: list[Firm]) -> None:
    """Two rows of one file are one firm, whichever comes first."""
    linked = Linker(catalogue).prepare(order)
    assert {record.id for record in linked.records} == {CODED.id}
    catalogue.upsert(linked.records)
    (firm,) = firms(catalogue).values()
    assert (firm.business_scope, firm.city) == ("膜", "苏州市")


def test_linking_two_places_are_two_firms(catalogue: Catalogue) -> None:
    """A name at another place is another firm, and the row is warned of; both stay."""
    other = replace(MADE, id=derived_firm_id(NAME, "3301"), region="3301", city="杭州市")
    load(catalogue, CODED)
    linked = load(catalogue, other)
    assert set(firms(catalogue)) == {CODED.id, other.id}
    assert [found.code for found in linked.warnings.values()] == ["ambiguous_firm"]


def test_linking_two_codes_are_not_chosen_among(catalogue: Catalogue) -> None:
    """Where a name has two codes, rows and needs without one are linked to neither."""
    load(catalogue, CODED, replace(CODED, id="91330106MA2B1C8D4H", region="330106"))
    linked = load(catalogue, NAMED)
    assert [found.code for found in linked.warnings.values()] == ["ambiguous_firm"]
    (need,) = linked.records
    assert isinstance(need, Need)
    assert need.firm_id == NAMED.firm_id


def test_linking_can_be_tried_without_writing(catalogue: Catalogue) -> None:
    """A rehearsal says who would meet and changes nothing."""
    load(catalogue, MADE)
    before = catalogue.revision()
    linked = Linker(catalogue, writes=False).prepare([CODED])
    assert linked.met == {MADE.id: CODED.id}
    assert catalogue.revision() == before


def test_linking_lists_with_and_without_codes_are_loaded_in_any_order(catalogue: Catalogue, tmp_path: Path) -> None:
    """A list of names, one of codes, and the list of names again: two firms; the last load changes nothing."""
    importing = ImportService(catalogue, tmp_path / "rejects")
    names, codes = CASES / "16_firm_list_without_code.xlsx", CASES / "03_firms_running_number_a.xlsx"
    reports = [importing.load(path, Kind.FIRMS) for path in (names, codes, names)]
    assert set(firms(catalogue)) == {"91320594MA1XK7Q3PB", "91330106MA2B1C8D4H"}
    assert (reports[2].added, reports[2].changed, reports[2].unchanged) == (0, 0, 2)
