"""What a push run and its lists ask of feedback: who rejected what, who wants no list, and saved pools."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from app.domain import Filter


def _nobody(_firm_id: str) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackSource:
    """What came back.

    Attributes:
        excluded_pairs: firm and patent ids of pairs that are not pushed since the firm rejected them, or their family.
        opted_out: ids of firms that want no list.
        is_opted_out: whether a firm wants no list.
        pool: the filter saved under a name; raises where there is none. ``None`` where there are no pools.
    """

    excluded_pairs: Callable[[], Iterable[tuple[str, str]]] = tuple
    opted_out: Callable[[], Iterable[str]] = tuple
    is_opted_out: Callable[[str], bool] = _nobody
    pool: Callable[[str], Filter] | None = None
