"""Every SQL statement of the project: the records of the three kinds, in SQLite or PostgreSQL."""

from app.catalogue.backend import Finding
from app.catalogue.pushes import PushEntry, PushRun, PushStore
from app.catalogue.repository import Catalogue, CatalogueStatus, Change, UpsertCounts
from app.catalogue.writing import Applied, Told

__all__ = [
    "Applied",
    "Catalogue",
    "CatalogueStatus",
    "Change",
    "Finding",
    "PushEntry",
    "PushRun",
    "PushStore",
    "Told",
    "UpsertCounts",
]
