"""Which records of a list say the same thing: one of each is shown, the others stand folded behind it.

One rule, for a match and for push lists. Two patents are one family where their source says so, or where they have one
application number: an application and its grant. Two patents of one title and the same holders are twins, as
holders file many of one name. Two needs are twins by title and firm, two firms by name. What is unknown is never alike.

The best record of a group stands for it. Whether a record is listed depends on those above it alone, so a longer list
begins as a shorter one does.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from app.domain import AnyRecord, Firm, Folded, FoldedBy, Match, MatchRequest, Need, Patent
from app.text.normalising import folded_name, title_letters
from app.text.numbers import application_key
from app.text.reading import term_reading

FOLDING_POOL = 100
"""Candidates that are looked at at least: a group says as much of itself for ten matches as for twenty."""
_PER_PLACE = 2
"""Candidates a place that are looked at in longer lists."""

_A_KIND_OF = "一种"
_CHINESE_PUBLICATION = re.compile(r"(CN\d{9})(?:[A-Z]\d?)?")
"""With nine digits China numbers an application and its grant alike (104127172A, 104127172B); with seven it did not."""


@dataclass(slots=True)
class Group:
    """Places, from 0, of a record that is listed and of those folded behind it, best first."""

    head: int
    behind: list[tuple[int, FoldedBy]] = field(default_factory=list)


def family_labels(record: AnyRecord) -> tuple[str, ...]:
    """All that a member of a patent family may share with another: one may be known by what another is not.

    The family as its source says it, the application, and the number under which China publishes an application and its
    grant alike.
    """
    if not isinstance(record, Patent):
        return ()
    labels = [f"family {record.family}"] if record.family else []
    if record.application_number and (number := application_key(record.application_number, record.id)):
        labels.append(f"application {number}")
    if numbered := _CHINESE_PUBLICATION.fullmatch(record.id):
        labels.append(f"publication {numbered[1]}")
    return tuple(labels)


def title_label(record: AnyRecord) -> str | None:
    """What twins share: title and holders, title and firm, or a firm's name; ``None`` where one of them is unknown."""
    if isinstance(record, Firm):
        return folded_name(record.name) or None
    title = title_letters(term_reading(record.heading)).removeprefix(_A_KIND_OF)
    if isinstance(record, Need):
        owners = [record.firm_id] if record.firm_id else []
    else:
        owners = sorted({folded_name(holder) for holder in record.holders})
    return "\0".join((title, *owners)) if title and owners else None


def holder_label(record: AnyRecord) -> str | None:
    """Whose a record is: a patent's first holder, the firm that has a need; firms are nobody's."""
    if isinstance(record, Patent):
        return folded_name(record.holders[0]) if record.holders else None
    return record.firm_id if isinstance(record, Need) else None


def fold(
    records: Sequence[AnyRecord], *, collapse: bool, per_holder: int = 0, named: Collection[str] = ()
) -> list[Group]:
    """The groups of a list, in its order; every record is in exactly one.

    Args:
        records: best first.
        collapse: whether one of each family and of each title and holder is listed.
        per_holder: how many of one holder are listed; 0 for any number. What is one too many stands behind the
            holder's best.
        named: ids of records that are listed whatever stands above them, since a query names them.
    """
    groups: list[Group] = []
    listed: dict[tuple[FoldedBy, str], Group] = {}
    held: Counter[str] = Counter()
    for place, record in enumerate(records):
        labels = list(_labels(record, collapse))
        holder = holder_label(record) if per_holder else None
        is_named = record.id in named
        known = [(listed[label], label[0]) for label in labels if label in listed and not is_named]
        if not known and not is_named and holder is not None and held[holder] >= per_holder:
            known = [(listed["holder", holder], "holder")]
        if known:
            group, by = min(known, key=lambda one: one[0].head)
            group.behind.append((place, by))
            continue
        groups.append(Group(place))
        for label in labels:
            listed.setdefault(label, groups[-1])
        if holder is not None:
            held[holder] += 1
            listed.setdefault(("holder", holder), groups[-1])
    return groups


def pool_for(places: int) -> int:
    """How many candidates are looked at for so many places."""
    return max(_PER_PLACE * places, FOLDING_POOL)


def folded_behind(
    matches: Sequence[Match], request: MatchRequest, *, named: Collection[str] = ()
) -> dict[str, tuple[Folded, ...]]:
    """The ids of the matches that are listed, in their order, each with what stands behind it.

    Args:
        matches: all candidates, best first.
        request: says what is folded, and below which level nothing is told.
        named: ids of records that are listed whatever stands above them.
    """
    floor = request.min_level.grade if request.min_level else 0
    records = [match.record for match in matches]
    groups = fold(records, collapse=request.collapse, per_holder=request.per_holder, named=named)
    found = {}
    for group in groups:
        behind = [(matches[place], by) for place, by in group.behind if matches[place].level.grade >= floor]
        found[matches[group.head].id] = tuple(
            Folded(id=match.id, title=match.record.heading, score=match.score, by=by) for match, by in behind
        )
    return found


def _labels(record: AnyRecord, collapse: bool) -> Iterator[tuple[FoldedBy, str]]:
    if collapse:
        yield from (("family", family) for family in family_labels(record))
    if collapse and (title := title_label(record)) is not None:
        yield "title", title
