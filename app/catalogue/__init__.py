"""Every SQL statement of the project, for SQLite or PostgreSQL: records, and what is remembered beside them."""

from app.catalogue.alerts import NEED_ALERT, Arrival, Looked
from app.catalogue.backend import Finding
from app.catalogue.feedback import Entry, Recorded, Refusal
from app.catalogue.loads import Asked, Load
from app.catalogue.mapping import Derived
from app.catalogue.outbox import Message, NewMessage, Outbox
from app.catalogue.pools import Band
from app.catalogue.pushes import PushEntry, PushList, PushRun, PushStore
from app.catalogue.repository import Catalogue, Change, UpsertCounts
from app.catalogue.writing import Applied, Merge

__all__ = [
    "NEED_ALERT",
    "Applied",
    "Arrival",
    "Asked",
    "Band",
    "Catalogue",
    "Change",
    "Derived",
    "Entry",
    "Finding",
    "Load",
    "Looked",
    "Merge",
    "Message",
    "NewMessage",
    "Outbox",
    "PushEntry",
    "PushList",
    "PushRun",
    "PushStore",
    "Recorded",
    "Refusal",
    "UpsertCounts",
]
