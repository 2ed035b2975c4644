"""Firms of one name that are one firm, and the needs that name them.

A list of firms without codes gives each an id made of its name and place (`firm-…`); so does a need that names its firm
and no code. When the code is known, both are that firm: its record takes over, and what pointed to the made id points
to the code. Where a name may be several firms, by place or by code, nothing is linked and the row is warned of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, fields, replace
from typing import TypeVar

from app.catalogue import Catalogue
from app.domain import AnyRecord, Firm, Kind, Need
from app.ingest import Problem, problem
from app.ingest.fields.derived import derived_firm_id, is_derived_firm, may_be_one, places_of
from app.records.merging import is_empty
from app.text.normalising import folded_name, name_spellings

R = TypeVar("R", bound=AnyRecord)

_OWN = ("id", "extra", "original", "lang")
"""Fields that are not filled from another record as the others are."""


@dataclass(slots=True)
class Linked:
    """A batch as it is to be written.

    Attributes:
        records: as many as were given, in their order, under the ids that they belong to.
        warnings: by place in the batch.
        met: made id -> code, of firms that met their code in this batch.
    """

    records: list[AnyRecord]
    warnings: dict[int, Problem] = field(default_factory=dict)
    met: dict[str, str] = field(default_factory=dict)


class Linker:
    """Links the batches of one load; what it knows of made ids it reads once.

    Args:
        catalogue: of the records. Where a firm meets its code, that is written at once, in a transaction of its own.
        writes: whether it may write; else it says only what would be linked.
        load: the number of the load whose batches these are.
    """

    def __init__(self, catalogue: Catalogue, *, writes: bool = True, load: int | None = None) -> None:
        self._catalogue = catalogue
        self._load = load
        self._writes = writes
        self._made: dict[str, list[Firm]] = {}
        self._named: set[str] = set()
        self._read = False

    def prepare(self, records: Sequence[AnyRecord]) -> Linked:
        """Find whom the firms and the needs of a batch belong to. Patents are left as they are.

        A firm that comes back without its code has what its record has, where the row says nothing.

        Raises:
            CatalogueProblem: the database failed.
        """
        linked = Linked(list(records))
        if any(isinstance(record, Need) and is_derived_firm(record.firm_id or "") for record in records):
            self._link_needs(linked)
        elif records and isinstance(records[0], Firm):
            self._link_firms(linked)
        return linked

    def _link_needs(self, linked: Linked) -> None:
        asking = [
            (place, need)
            for place, need in enumerate(linked.records)
            if isinstance(need, Need) and is_derived_firm(need.firm_id or "")
        ]
        peers = self._peers(need.original.get("firm_id", "") for _, need in asking)
        for place, need in asking:
            name = need.original.get("firm_id", "")
            asked = Firm(id=need.firm_id or "", name=name, region=need.region)
            firm_id, unclear = _whom(asked, peers.get(folded_name(name), []))
            if unclear:
                linked.warnings[place] = problem("ambiguous_firm", "firm_id", name, name=name)
            linked.records[place] = replace(need, firm_id=firm_id)

    def _link_firms(self, linked: Linked) -> None:
        self._look()
        firms = [record for record in linked.records if isinstance(record, Firm)]
        if not self._made and not self._named and not any(is_derived_firm(firm.id) for firm in firms):
            return
        names = [folded_name(firm.name) for firm in firms]
        asking = [
            is_derived_firm(firm.id) or self._may_meet(firm, name) for firm, name in zip(firms, names, strict=True)
        ]
        peers = self._peers(firm.name for firm, asks in zip(firms, asking, strict=True) if asks)
        asked = {name for name, asks in zip(names, asking, strict=True) if asks}
        for firm, name in zip(firms, names, strict=True):
            if name in asked and not is_derived_firm(firm.id):
                _take_in(peers.setdefault(name, []), firm)
        for name in asked:
            for firm in self._made.get(name, ()):
                _take_in(peers.setdefault(name, []), firm)
        touched: set[str] = set()
        for place, (firm, name) in enumerate(zip(firms, names, strict=True)):
            if is_derived_firm(firm.id):
                touched.add(self._link_uncoded(linked, place, firm, peers.setdefault(name, [])))
        coded = [
            (place, firm, peers[name])
            for place, (firm, name, asks) in enumerate(zip(firms, names, asking, strict=True))
            if asks and not is_derived_firm(firm.id)
        ]
        self._meet_all(linked, coded)
        _carry(linked.records, touched)

    def _look(self) -> None:
        """Read once which firms have made ids, and which made ids needs name although there is no such firm."""
        if self._read:
            return
        self._read = True
        there = self._catalogue.firms.derived()
        for firm in there:
            self._made.setdefault(folded_name(firm.name), []).append(firm)
        self._named = self._catalogue.firms.derived_of_needs().difference(firm.id for firm in there)

    def _may_meet(self, firm: Firm, name: str) -> bool:
        return name in self._made or bool(self._named and self._named_of(firm))

    def _named_of(self, firm: Firm) -> dict[str, Firm]:
        """Made ids of needs that a firm would have without its code, each with the place that it stands for."""
        found = {}
        for place in places_of(firm.region, firm.city, firm.province):
            if (made := derived_firm_id(firm.name, place)) in self._named:
                found[made] = Firm(id=made, name=firm.name, region=place if place.isdigit() else None)
        return found

    def _link_uncoded(self, linked: Linked, place: int, firm: Firm, known: list[Firm]) -> str:
        """Give a firm without a code the id that it belongs under, which is returned."""
        firm_id, unclear = _whom(firm, known)
        if unclear:
            linked.warnings[place] = problem("ambiguous_firm", "id", firm.name, name=firm.name)
        if firm_id != firm.id:
            firm = filled(replace(firm, id=firm_id), next(one for one in known if one.id == firm_id))
            linked.records[place] = firm
        if is_derived_firm(firm.id):
            _take_in(known, firm)
            _take_in(self._made.setdefault(folded_name(firm.name), []), firm)
        return firm.id

    def _meet_all(self, linked: Linked, coded: Sequence[tuple[int, Firm, list[Firm]]]) -> None:
        """Let firms with a code take the place of the made ids that may be they and nobody else, all at once."""
        met: dict[int, list[Firm]] = {}
        taken: set[str] = set()
        for place, firm, known in coded:
            mine, clear = self._met_by(firm, known)
            mine = [one for one in mine if one.id not in taken]
            if not clear:
                linked.warnings[place] = problem("ambiguous_firm", "id", firm.name, name=firm.name)
            elif mine:
                met[place] = mine
                taken.update(one.id for one in mine)
        if met:
            joined = self._join(linked, met)
            if self._writes:
                self._catalogue.firms.become(linked.met, joined, load=self._load)
            self._forget({folded_name(firm.name) for _, firm, _ in coded}, taken)

    def _join(self, linked: Linked, met: Mapping[int, list[Firm]]) -> list[Firm]:
        """Put what is known under made ids into the rows with the codes; those firms without what the rows say."""
        made = {one.id for mine in met.values() for one in mine}
        here: dict[str, list[int]] = {}
        for place, record in enumerate(linked.records):
            if record.id in made:
                here.setdefault(record.id, []).append(place)
        ids = [*dict.fromkeys(linked.records[place].id for place in met), *made]
        stored = {key: one for key, one in self._catalogue.get_many(Kind.FIRMS, ids).items() if isinstance(one, Firm)}
        joined: dict[str, Firm] = {}
        for place, mine in met.items():
            record = linked.records[place]
            # Also those of this batch that are not written yet.
            unwritten = [one for one in mine if one.id not in stored and one.id not in self._named]
            there = [stored[key] for key in (record.id, *(one.id for one in mine)) if key in stored] + unwritten
            whole = replace(there[0], id=record.id) if there else record
            for one in there[1:]:
                whole = filled(whole, one)
            linked.records[place] = filled(record, whole)
            if isinstance(whole, Firm):
                stored[whole.id] = joined[whole.id] = whole
            for one in mine:
                linked.met[one.id] = record.id
                for earlier in here.get(one.id, ()):
                    linked.records[earlier] = replace(linked.records[earlier], id=record.id)
        return list(joined.values())

    def _met_by(self, firm: Firm, known: list[Firm]) -> tuple[list[Firm], bool]:
        """The made ids that a firm with a code may be, and whether it is clear that they are it."""
        coded = [one for one in known if one.id != firm.id and not is_derived_firm(one.id)]
        made = self._named_of(firm) | {one.id: one for one in known if is_derived_firm(one.id)}
        mine = [one for one in made.values() if may_be_one(one, firm)]
        clear = not any(may_be_one(one, other) for one in mine for other in coded)
        return mine, clear and all(may_be_one(one, other) for one in mine for other in mine)

    def _forget(self, names: Iterable[str], ids: Set[str]) -> None:
        self._named.difference_update(ids)
        for name in names:
            if left := [firm for firm in self._made.pop(name, ()) if firm.id not in ids]:
                self._made[name] = left

    def _peers(self, names: Iterable[str]) -> dict[str, list[Firm]]:
        """Firms of the catalogue by their folded name, of those with one of these names."""
        spellings = {spelling for name in names if name for spelling in name_spellings(name)}
        found: dict[str, list[Firm]] = {}
        for firm in self._catalogue.firms.named(sorted(spellings)) if spellings else ():
            found.setdefault(folded_name(firm.name), []).append(firm)
        return found


def filled(record: R, other: R) -> R:
    """A record with what another has where it says nothing."""
    missing = {
        one.name: getattr(other, one.name)
        for one in fields(record)
        if one.name not in _OWN and is_empty(getattr(record, one.name)) and not is_empty(getattr(other, one.name))
    }
    extra, original = {**other.extra, **record.extra}, {**other.original, **record.original}
    return replace(record, extra=extra, original=original, **missing)


def _whom(firm: Firm, known: Sequence[Firm]) -> tuple[str, bool]:
    """The id of the one firm that a firm without a code may be, else its own; and whether its name is unclear."""
    fitting = [one for one in known if may_be_one(firm, one)]
    coded = [one for one in fitting if not is_derived_firm(one.id)]
    if len(coded) == 1:
        return coded[0].id, False
    if coded:
        return firm.id, True
    if any(one.id == firm.id for one in fitting):
        return firm.id, False
    if len(fitting) == 1:
        return fitting[0].id, False
    return firm.id, bool(fitting) or any(one.id != firm.id for one in known)


def _take_in(known: list[Firm], firm: Firm) -> None:
    """Add a firm to those known, in the place of what was known under its id."""
    known[:] = [one for one in known if one.id != firm.id]
    known.append(firm)


def _carry(records: list[AnyRecord], ids: set[str]) -> None:
    """Of rows of a batch that are one firm the last counts: it gets what the earlier say and it does not."""
    said: dict[str, AnyRecord] = {}
    for place, record in enumerate(records):
        if record.id in ids:
            if (earlier := said.get(record.id)) is not None:
                records[place] = record = filled(record, earlier)
            said[record.id] = record
