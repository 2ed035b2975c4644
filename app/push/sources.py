"""What a push run and its lists ask of feedback: who rejected what, who wants no list, and saved pools."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b

from app.domain import Filter


def _nobody(_firm_id: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Told:
    """What firms had said at one moment.

    Attributes:
        opted_out: firms that want no list.
        rejected: firm and patent ids of pairs that are not pushed, sorted.
    """

    opted_out: frozenset[str]
    rejected: tuple[tuple[str, str], ...]

    def digest(self, runs: Iterable[str]) -> str:
        """The same while firms said nothing else and the runs that are done are the same."""
        said = blake2b(digest_size=16)
        for words in (sorted(self.opted_out), *self.rejected, sorted(runs)):
            said.update("\0".join([*words, "\0"]).encode())
        return said.hexdigest()


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

    def told(self) -> Told:
        """What stands now."""
        return Told(frozenset(self.opted_out()), tuple(sorted(self.excluded_pairs())))
