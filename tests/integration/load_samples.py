"""Files and looks that the tests of loads share."""

from __future__ import annotations

from pathlib import Path

from app.catalogue import Catalogue
from app.domain import Kind

CASES = Path(__file__).parents[1] / "unit/ingest/cases"
PARTIAL = [CASES / "05_partial_1_full.csv", CASES / "05_partial_2_status.csv"]


def all_of(catalogue: Catalogue, kind: Kind = Kind.PATENTS) -> dict[str, dict[str, object]]:
    """Every record as it is shown."""
    return {record.id: record.shown for page in catalogue.iterate(kind) for record in page}
