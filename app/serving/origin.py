"""Which state of which catalogue a snapshot was built from."""

from __future__ import annotations

from app.catalogue import Catalogue
from index import Manifest

CATALOGUE_KEY = "catalogue"
"""Where a snapshot's manifest, under ``extra``, names the catalogue that it was built from."""


def revision_in(catalogue: Catalogue, manifest: Manifest) -> int | None:
    """The revision of ``catalogue`` that a snapshot's records were read at.

    ``None`` where its revision says nothing of this catalogue: it was built from another one, or is ahead of this one,
    which was restored from an older state. Snapshots from before catalogues had names count as this one's.
    """
    text = manifest.source_revision
    if not text.isdecimal() or int(text) > catalogue.revision():
        return None
    identity = catalogue.identity()
    return int(text) if manifest.extra.get(CATALOGUE_KEY, identity) == identity else None
