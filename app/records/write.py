"""Records written one by one or in batches, searchable as soon as the call returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.catalogue import Catalogue
from app.domain import AnyRecord, Kind
from app.errors import FieldError, InputError, TooLargeError, unknown_record
from app.ingest import IngestOptions, Problem, RowOutcome, record_of
from app.records.read import known_id
from app.text.numbers import kept_id

Embed = Callable[[Kind, Sequence[AnyRecord]], int]
"""Sees to it that passages have vectors before their records are committed; returns how many it left for later."""

WrittenOutcome = Literal["created", "updated", "unchanged", "deleted"]
Part = Literal["upsert", "delete"]

_SHOWN = 80
_NOT_AN_OBJECT = FieldError("body", "a record is a JSON object", "记录应为 JSON 对象")
_NOT_AN_ID = FieldError("id", "an id is a text that is not empty", "编号应为非空文本")


Warned = Problem
"""Something that did not keep a record out; what could not be read is in its ``extra``."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one record.

    Attributes:
        revision: of the catalogue, at which the outcome can be seen; a match answer of this revision or a later one
            has it.
    """

    id: str
    outcome: WrittenOutcome
    revision: int
    warnings: tuple[Warned, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a batch with something to say: where it is, its id where it is known, and what is wrong or odd."""

    part: Part
    position: int
    id: str | None
    errors: tuple[FieldError, ...] = ()
    warnings: tuple[Warned, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchWritten:
    """What became of a batch, in distinct records.

    Attributes:
        repeated: rows that a later row with the same id replaced at once.
        not_found: ids to delete that were not there.
        rejected: rows that could not be used.
        warned: rows that went in with warnings.
        revision: as in `Written`.
        pending: texts that are embedded in the background: until then a new record is not found, a changed one by its
            old text.
    """

    created: int
    updated: int
    unchanged: int
    repeated: int
    deleted: int
    not_found: tuple[str, ...]
    rejected: tuple[Row, ...]
    warned: tuple[Row, ...]
    revision: int
    pending: int


class WriteService:
    """Adds, replaces and deletes records. Every call can be repeated: the second time nothing changes.

    Args:
        catalogue: where records go.
        embed: called with records before they are committed, so that what is committed can be searched.
        max_batch_records: rows of one batch, both parts together.
        options: how records are read; the defaults where ``None``.
    """

    def __init__(
        self, catalogue: Catalogue, embed: Embed, *, max_batch_records: int, options: IngestOptions | None = None
    ) -> None:
        self._catalogue = catalogue
        self._options = options
        self._embed = embed
        self._max_batch_records = max_batch_records

    def put(self, kind: Kind, record_id: str, fields: Mapping[str, Any]) -> Written:
        """Write one record.

        Args:
            kind: what it is.
            record_id: its id in any spelling; the fields may repeat it, in any other.
            fields: as `record_of` reads them.

        Raises:
            InputError: a field cannot be used; the error names it.
            OverloadedError: too many texts wait to be embedded.
        """
        outcome = record_of(kind, fields, record_id=record_id, options=self._options)
        errors = _errors(kind, fields, outcome) or _other_id(outcome, {record_id, kept_id(kind, record_id)})
        if errors or outcome.record is None:
            raise refused("record", "记录", errors)
        self._embed(kind, [outcome.record])
        done = self._catalogue.apply(kind, [outcome.record], (), source=f"PUT /v1/{kind.value}")
        became: WrittenOutcome = "created" if done.added else "updated" if done.changed else "unchanged"
        return Written(outcome.record.id, became, done.revision, outcome.warnings)

    def delete(self, kind: Kind, record_id: str) -> Written:
        """Delete one record.

        Raises:
            NotFoundError: there is none with this id.
        """
        record_id = known_id(self._catalogue, kind, record_id)
        done = self._catalogue.apply(kind, (), [record_id])
        if done.missing:
            raise unknown_record(kind, record_id)
        return Written(record_id, "deleted", done.revision)

    def batch(self, kind: Kind, upserts: Sequence[object], deletes: Sequence[object]) -> BatchWritten:
        """Write and delete many records in one transaction. Rows that cannot be used are left out and reported.

        Args:
            kind: of all of them.
            upserts: objects with the fields of a record, its id among them.
            deletes: ids.

        Raises:
            TooLargeError: too many rows.
            InputError: no row can be used; nothing is written.
            OverloadedError: too many texts wait to be embedded; nothing is written.
        """
        check_batch_size(len(upserts) + len(deletes), self._max_batch_records, "rows")
        read = _Batch(kind, self._options, lambda written: known_id(self._catalogue, kind, written))
        read.add_all(upserts, deletes)
        if read.rejected and not read.records and not read.deletes:
            errors = [
                FieldError(f"{row.part}.{row.position}.{error.field}", error.message, error.message_zh)
                for row in read.rejected
                for error in row.errors
            ]
            raise all_refused("rows", "行", errors)
        records = list(read.records.values())
        pending = self._embed(kind, records) if records else 0
        done = self._catalogue.apply(kind, records, read.deletes, source=f"POST /v1/{kind.value}:batch")
        return BatchWritten(
            created=done.added,
            updated=done.changed,
            unchanged=done.unchanged,
            repeated=read.repeated,
            deleted=done.deleted,
            not_found=done.missing,
            rejected=tuple(read.rejected),
            warned=tuple(read.warned),
            revision=done.revision,
            pending=pending,
        )


class _Batch:
    """Sorts the rows of a batch out."""

    def __init__(self, kind: Kind, options: IngestOptions | None, known: Callable[[str], str]) -> None:
        self._kind, self._options, self._known = kind, options, known
        self.records: dict[str, AnyRecord] = {}
        self.deletes: list[str] = []
        self.rejected: list[Row] = []
        self.warned: list[Row] = []
        self.repeated = 0

    def add_all(self, upserts: Sequence[object], deletes: Sequence[object]) -> None:
        """Read all rows; an id that is both to be written and to be deleted is rejected in both places."""
        deletes = [self._known(key) if isinstance(key, str) else key for key in deletes]
        gone = {key for key in deletes if isinstance(key, str)}
        written = {key for position, fields in enumerate(upserts) if (key := self._upsert(position, fields, gone))}
        for position, gone_id in enumerate(deletes):
            if not isinstance(gone_id, str) or not gone_id:
                self._reject("delete", position, None, [_NOT_AN_ID])
            elif gone_id in written:
                self._reject("delete", position, gone_id, [_both(gone_id)])
            else:
                self.deletes.append(gone_id)

    def _upsert(self, position: int, fields: object, gone: set[str]) -> str | None:
        """Read one record; its id, where it has one."""
        if not isinstance(fields, Mapping):
            self._reject("upsert", position, None, [_NOT_AN_OBJECT])
            return None
        outcome = record_of(self._kind, fields, options=self._options)
        record = outcome.record
        errors = list(_errors(self._kind, fields, outcome))
        if record is not None and record.id in gone:
            errors.append(_both(record.id))
        if errors or record is None:
            given = fields.get("id")
            # The id of a record that cannot be used is shown as it came, for people to find it by.
            shown = given[:_SHOWN] if isinstance(given, str) else None
            self._reject("upsert", position, record.id if record else shown, errors)
        else:
            self.repeated += record.id in self.records
            self.records[record.id] = record
            if outcome.warnings:
                self.warned.append(Row("upsert", position, record.id, warnings=outcome.warnings))
        return record.id if record else None

    def _reject(self, part: Part, position: int, record_id: str | None, errors: Sequence[FieldError]) -> None:
        self.rejected.append(Row(part, position, record_id, errors=tuple(errors)))


def refused(what: str, what_zh: str, errors: Sequence[FieldError]) -> InputError:
    """The error for one record, grading or feedback whose fields cannot be used."""
    names = _names(errors)
    return InputError(f"Cannot use the {what}: see {names}.", f"{what_zh}有误，请检查：{names}。", fields=tuple(errors))


def all_refused(what: str, what_zh: str, errors: Sequence[FieldError]) -> InputError:
    """The error for a batch of which nothing can be used; the fields begin with the place in it."""
    names = _names(errors)
    return InputError(
        f"None of the {what} could be used: see {names} and the rest of errors.",
        f"所有{what_zh}均无法使用，请检查：{names} 等。",
        code="all_rows_rejected",
        fields=tuple(errors),
    )


def _names(errors: Sequence[FieldError]) -> str:
    return ", ".join(dict.fromkeys(error.field for error in errors[:5]))


def check_batch_size(count: int, most: int, what: str) -> None:
    """Refuse a batch of more than ``most``.

    Raises:
        TooLargeError: it is larger.
    """
    if count > most:
        raise TooLargeError(
            f"The batch has {count} {what}; at most {most} are allowed.",
            f"本批共 {count} 条，最多允许 {most} 条。",
            code="batch_too_large",
        )


def _errors(kind: Kind, fields: Mapping[str, Any], outcome: RowOutcome[object]) -> list[FieldError]:
    stated = fields.get("kind")
    if stated in {other.value for other in Kind} and stated != kind.value:
        return [FieldError("kind", f"this is the place of {kind}, not of {stated}", f"此处为 {kind}，不是 {stated}")]
    return [found.as_field_error() for found in outcome.rejected]


def _other_id(outcome: RowOutcome[AnyRecord], asked_ids: set[str]) -> list[FieldError]:
    """The error for an id that is another than that of the path, which is given as it came and as it is kept."""
    if outcome.record is None or outcome.record.id in asked_ids:
        return []
    kept, asked = outcome.record.id[:_SHOWN], min(asked_ids, key=len)[:_SHOWN]
    return [
        FieldError(
            "id",
            f"the record's id is {kept!r}, as ids are kept; the path has {asked!r}",
            f"记录编号（规范化后）为 {kept!r}，而路径中为 {asked!r}",
        )
    ]


def _both(key: str) -> FieldError:
    shown = key[:_SHOWN]
    return FieldError("id", f"{shown!r} is to be written and to be deleted", f"{shown!r} 同时出现在写入和删除中")
