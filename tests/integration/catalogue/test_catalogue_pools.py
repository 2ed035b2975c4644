"""Pools and what their filters pass, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from catalogue_databases import postgres_schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.catalogue import Band, Catalogue
from app.domain import Filter, Kind, Licence, Patent, Pool
from app.serving.translation import conditions_of, still_passing

IPC = ["H01M10/0567", "H01M", "H01M10", "h01M2", "C08L67/02", 'H"01M', "A,H01M", "[H01M", "日本"]
CHOICES: dict[str, st.SearchStrategy[Any]] = {
    "ipc": st.lists(st.sampled_from(["H01M", "H01M10/", "h 01m", "C08", 'H"', "A,", "[H", "日"]), max_size=2),
    "industry": st.lists(st.sampled_from(["C", "C39", "I65", "C3962"]), max_size=2),
    "region": st.lists(st.sampled_from(["62", "6201", "620102", "11"]), max_size=2),
    "status": st.lists(st.sampled_from(["active", "ACTIVE", "inactive"]), max_size=2),
    "holder_type": st.lists(st.sampled_from(["university", "firm"]), max_size=2),
    "licence": st.lists(st.sampled_from(["licence", "open_licence", "pay_after_use"]), max_size=2),
    "grade": st.lists(st.sampled_from(["A", "B"]), max_size=2),
    "lang": st.lists(st.sampled_from(["zh", "en"]), max_size=2),
    "kind": st.lists(st.sampled_from(["invention", "design"]), max_size=2),
    "ids": st.lists(st.sampled_from(["P0", "P3", "P7", "unknown"]), max_size=3),
    "not_ids": st.lists(st.sampled_from(["P0", "P3", "P7", "unknown"]), max_size=3),
}
FILTERS = st.builds(
    Filter,
    **{name: st.none() | values.map(tuple) for name, values in CHOICES.items()},
    agreed=st.none() | st.booleans(),
    dormant=st.none() | st.booleans(),
    maturity_min=st.none() | st.integers(1, 9),
    filed_from=st.none() | st.dates(date(2018, 1, 1), date(2022, 1, 1)),
    filed_to=st.none() | st.dates(date(2018, 1, 1), date(2022, 1, 1)),
    published_from=st.none() | st.dates(date(2018, 1, 1), date(2022, 1, 1)),
    published_to=st.none() | st.dates(date(2018, 1, 1), date(2022, 1, 1)),
)
RANGES = ("filed_from", "filed_to", "published_from", "published_to")
SPARSE = st.sets(st.sampled_from([*CHOICES, "agreed", "dormant", "maturity_min", *RANGES]), max_size=2)


def patents() -> list[Patent]:
    """Forty patents with every value of every filter, or none."""
    return [
        Patent(
            id=f"P{n}",
            title=f"专利{n}",
            ipc=tuple(IPC[n % 9 : n % 9 + 1 + n % 2]) if n % 7 else (),
            industry=(("C3962",), ("I6510", "C39"), (), ("A01",))[n % 4],
            region=("620102", "62", None, "110000", "1162")[n % 5],
            status=("active", "inactive", None)[n % 3],
            holder_type=("university", "firm", None)[n % 3],
            licence=(("licence",), ("open_licence", "pay_after_use"), ())[n % 3],
            grade=("A", "B", None, "D")[n % 4],
            agreed=(True, False, None)[n % 3],
            dormant=(True, None, False)[n % 3],
            maturity=(None, *range(1, 10))[n % 10],
            document_kind=("invention", "utility", None)[n % 3],
            published_on=None if n % 5 == 0 else date(2019 + n % 3, 1 + n % 11, 2),
            filed_on=None if n % 6 == 0 else date(2018 + n % 4, 1 + n % 12, 1),
            lang=("zh", "en", None)[n % 3],
        )
        for n in range(40)
    ]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def stocked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """A catalogue of its own that the examples read."""
    own = nullcontext(f"sqlite:///{tmp_path_factory.mktemp('pools') / 'catalogue.sqlite3'}")
    with own if request.param == "sqlite" else postgres_schema() as url:
        opened = Catalogue.open(url)
        opened.upsert([*patents(), Patent(id="GONE", title="t", ipc=("H01M",), dormant=True)])
        opened.delete(Kind.PATENTS, ["GONE"])
        yield opened
        opened.close()


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(chosen=FILTERS, kept=SPARSE)
def test_pools_pass_what_the_index_passes(stocked: Catalogue, chosen: Filter, kept: set[str]) -> None:
    """The same filter, by SQL and by the columns of an index, has the same patents: counted, listed, and in bands."""
    sparse = Filter(**{name: getattr(chosen, name) for name in kept})
    expected = still_passing(patents(), Kind.PATENTS, conditions_of(sparse))
    pool = Pool(name="any", filter=sparse)
    assert [key for page in stocked.pools.ids(pool) for key in page] == sorted(expected)
    assert stocked.pools.count(pool) == len(expected)
    assert sum(band.patents for band in stocked.pools.bands(pool)) == len(expected)


@settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))
@given(chosen=FILTERS, day=st.none() | st.dates(), note=st.none() | st.just("备注"))
def test_pools_are_given_back_as_they_were_saved(
    stocked: Catalogue, chosen: Filter, day: date | None, note: str | None
) -> None:
    """Every filter, saved under a name and read again."""
    stocked.pools.put(Pool(name="池", filter=chosen, changed_from=day, note=note))
    kept = stocked.pools.get("池")
    assert kept is not None
    assert (kept.filter, kept.changed_from, kept.note) == (chosen, day, note)
    assert kept.updated_at is not None
    assert kept.updated_at.tzinfo is UTC


def test_pools_are_replaced_listed_and_forgotten(catalogue: Catalogue) -> None:
    """A name has one filter; names are in their order; what is forgotten is gone once."""
    assert catalogue.pools.put(Pool(name="b", filter=Filter(dormant=True)))
    assert catalogue.pools.put(Pool(name="a", filter=Filter(licence=(Licence.PLEDGE,))))
    assert not catalogue.pools.put(Pool(name="b", filter=Filter(agreed=True)))
    assert [(pool.name, pool.filter) for pool in catalogue.pools.all()] == [
        ("a", Filter(licence=("pledge",))),
        ("b", Filter(agreed=True)),
    ]
    assert catalogue.pools.delete("a")
    assert not catalogue.pools.delete("a")
    assert catalogue.pools.get("a") is None


def test_pools_of_what_changed_since_a_day(catalogue: Catalogue) -> None:
    """What was added or changed today is in the pool of today, and not in that of tomorrow."""
    catalogue.upsert([Patent(id="P1", title="t", filed_on=date(2020, 5, 1), maturity=6), Patent(id="P2", title="t")])
    today = datetime.now(UTC).date()
    assert catalogue.pools.count(Pool(name="p", filter=Filter(), changed_from=today - timedelta(days=1))) == 2
    assert catalogue.pools.count(Pool(name="p", filter=Filter(), changed_from=today + timedelta(days=2))) == 0
    assert catalogue.pools.bands(Pool(name="p", filter=Filter())) == [Band(2020, 6, 1), Band(None, None, 1)]
