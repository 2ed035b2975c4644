"""Which industries an IPC code stands for."""

from __future__ import annotations

import pytest

from app.catalogue.industries import IndustryMap, broader
from app.catalogue.rows import CODECS
from app.domain import Firm, Kind, Patent

MAPPING = IndustryMap(
    [
        ("H01M", "C3849"),
        ("H01M10/00", "C3841"),
        ("H01M10/052", "C3841"),
        ("H01M10/052", "C3985"),
        ("H01", "C38"),
        ("G", "C40"),
    ]
)


@pytest.mark.parametrize(
    ("code", "symbols"),
    [
        ("H01M10/0567", ["H01M10/0567", "H01M10/056", "H01M10/05", "H01M10", "H01M", "H01", "H"]),
        ("H01M10/00", ["H01M10", "H01M", "H01", "H"]),
        ("H01M10", ["H01M10", "H01M", "H01", "H"]),
        ("H01M", ["H01M", "H01", "H"]),
        ("H01", ["H01", "H"]),
        ("H", ["H"]),
    ],
)
def test_catalogue_industries_a_code_falls_under_its_hierarchy(code: str, symbols: list[str]) -> None:
    """Subgroup, main group, subclass, class, section; H01M1 is no prefix of H01M10."""
    assert list(broader(code)) == symbols


@pytest.mark.parametrize(
    ("ipc", "industries"),
    [
        (("H01M10/0567",), ("C3841",)),
        (("H01M10/0525",), ("C3841", "C3985")),
        (("H01M4/62",), ("C3849",)),
        (("H01L21/02",), ("C38",)),
        (("A61K9/00",), ()),
        ((), ()),
        (("H01M4/62", "H01M10/0567", "H01M10/0525", "G06F3/01"), ("C3849", "C3841", "C3985", "C40")),
    ],
)
def test_catalogue_industries_the_narrowest_symbol_counts(ipc: tuple[str, ...], industries: tuple[str, ...]) -> None:
    """Each code by its own narrowest mapped symbol, together in order and without repeats."""
    assert MAPPING.industries(ipc) == industries


def test_catalogue_industries_are_derived_only_where_there_are_none() -> None:
    """A patent's own industry stays; a derived one is derived anew; what has no code, and a firm, has none."""
    bare = Patent(id="P", title="t", ipc=("H01M4/62",))
    derived = MAPPING.with_industries(bare)
    assert isinstance(derived, Patent)
    assert (derived.industry, derived.industry_derived) == (("C3849",), True)
    assert MAPPING.with_industries(derived) is derived
    assert IndustryMap().with_industries(derived) == bare
    assert MAPPING.with_industries(Patent(id="P", title="t", ipc=("H01M4/62",), industry=("A01",))).industry == ("A01",)
    assert MAPPING.with_industries(Patent(id="P", title="t")).industry == ()
    firm = Firm(id="F", name="f")
    assert MAPPING.with_industries(firm) is firm


def test_catalogue_derived_industries_have_another_digest_than_own_ones() -> None:
    """A source that names what the mapping gave is a change. A digest stays what it is from release to release."""
    own = Patent(id="P", title="t", industry=("C38",))
    derived = Patent(id="P", title="t", industry=("C38",), industry_derived=True)
    assert CODECS[Kind.PATENTS].encode(own).digest.hex() == "423606368e644d76cb8f86868443fe83"
    assert CODECS[Kind.PATENTS].encode(derived).digest != CODECS[Kind.PATENTS].encode(own).digest
