"""Every SQL statement of the project: the records of the three kinds, in SQLite or PostgreSQL."""

from app.catalogue.backend import Finding
from app.catalogue.feedback import Entry, Recorded, Refusal
from app.catalogue.pools import Band
from app.catalogue.pushes import PushEntry, PushList, PushRun, PushStore
from app.catalogue.repository import Catalogue, CatalogueStatus, Change, UpsertCounts
from app.catalogue.writing import Applied, Told

__all__ = [
    "Applied",
    "Band",
    "Catalogue",
    "CatalogueStatus",
    "Change",
    "Entry",
    "Finding",
    "PushEntry",
    "PushList",
    "PushRun",
    "PushStore",
    "Recorded",
    "Refusal",
    "Told",
    "UpsertCounts",
]
