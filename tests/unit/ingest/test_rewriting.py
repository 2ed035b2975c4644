"""Cells of known exports that are rewritten before they are read."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

import pytest

from app.domain import Kind
from app.ingest.draft import Draft
from app.ingest.fields.holders import split_names
from app.ingest.headings.headers import plan_columns
from app.ingest.outcomes import IngestOptions


def _read(profile: str, header: str, cell: object) -> Any:
    plan = plan_columns((header,), Kind.PATENTS, {}, profile)
    return plan.rewritten((cell,))[0]


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        (
            "Imaginary University, Imaginary Membrane Co., Ltd.",
            ["Imaginary University", "Imaginary Membrane Co., Ltd."],
        ),
        ("Imaginary Membrane, Inc.", ["Imaginary Membrane, Inc."]),
        ("A, LLC, B Co., Ltd, C S.p.A., D, S.A.", ["A, LLC", "B Co., Ltd", "C S.p.A.", "D, S.A."]),
        ("某大学,某公司", ["某大学", "某公司"]),
        (None, None),
    ],
)
def test_ingest_rewriting_names_in_a_list_with_commas(cell: str | None, names: list[str] | None) -> None:
    """A comma before a legal form is part of the name."""
    found = _read("google_patents", "assignee", cell)
    assert (found.splitlines() if found else found) == names


def test_ingest_rewriting_names_lose_country_and_date() -> None:
    """Espacenet has the country behind each name, Lens the day from which the patent is an owner's."""
    cell = _read("espacenet", "Applicants", "UNIV A [CN] \nB LTD [US]\nC LTD ([JP])")
    assert split_names(cell) == ("UNIV A", "B LTD", "C LTD")
    assert split_names(_read("lens", "Owners", "B INC (2022-06-01);;C INC")) == ("B INC", "C INC")


@pytest.mark.parametrize(
    ("kind", "profile", "header", "cell", "day"),
    [
        (Kind.PATENTS, "depatisnet", "Anmelde-Datum", "03/04/2019", date(2019, 4, 3)),
        (Kind.PATENTS, "depatisnet", "Anmelde-Datum", "03/04/2019; 05/06/2020", date(2019, 4, 3)),
        (Kind.PATENTS, "patentscope", "Application Date", "27.03.2013", date(2013, 3, 27)),
        (Kind.PATENTS, "lens", "Application Date", "03/04/2019", None),
        (Kind.NEEDS, "sbir", "Release Date", "08/05/2026", date(2026, 8, 5)),
    ],
)
def test_ingest_rewriting_leaves_dates_to_the_order_of_the_source(
    kind: Kind, profile: str, header: str, cell: str, day: date | None
) -> None:
    """03/04/2019 is no date to guess at, but a German office writes the day first, and an American one the month."""
    plan = plan_columns((header,), kind, {}, profile)
    assert Draft(plan, plan.rewritten((cell,)), IngestOptions()).day("filed_on") == day


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("[DE] Pumpe [EN] Pump", "Pump"),
        ("[DE] Pumpe", "Pumpe"),
        ("[EN] Pump [FR] Pompe", "Pump"),
        ("Pump [EN] x", "Pump [EN] x"),
        (7, 7),
    ],
)
def test_ingest_rewriting_one_of_several_languages(cell: object, text: object) -> None:
    """Of texts with marks the English one counts; text before the first mark is no list of languages."""
    assert _read("depatisnet", "Titel", cell) == text


def test_ingest_rewriting_symbols_of_a_finer_scheme() -> None:
    """FI has marks of its own behind the symbol of the IPC."""
    assert _read("jplatpat", "FI", "B01D61/00,500@A,C02F1/44@B") == "B01D61/00;C02F1/44"
    assert _read("jplatpat", "FI", "none") == "none"


def test_ingest_rewriting_objects() -> None:
    """JSON of BigQuery has objects; those without a value give none, and plain texts stay."""
    assert _read("google_bigquery", "ipc", [{"code": "B01D61/00"}, {"code": "C02F1/44"}]) == ["B01D61/00", "C02F1/44"]
    assert _read("google_bigquery", "ipc", [{"x": 1}]) is None
    assert _read("google_bigquery", "ipc", "B01D61/00") == "B01D61/00"


def test_ingest_rewriting_takes_linear_time() -> None:
    """Long cells of every evil kind are read at once."""
    start = time.perf_counter()
    for cell in (" " * 300_000 + "x", "[EN]" * 100_000, "a," * 200_000, "(" * 300_000, "(AB" * 100_000, "1/" * 200_000):
        _read("google_patents", "assignee", cell)
        _read("espacenet", "Applicants", cell)
        _read("depatisnet", "Titel", cell)
        _read("orbit", "Title", cell)
        _read("jplatpat", "FI", cell)
    assert time.perf_counter() - start < 5
