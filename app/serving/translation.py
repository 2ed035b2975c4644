"""What crosses between the domain and the rooms below: filters become conditions of the index, its errors our own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import index.errors as ie
import models.errors as me
from app.domain import AnyRecord, Filter, Kind
from app.errors import (
    ConflictError,
    FieldError,
    IndexProblem,
    InputError,
    ModelProblem,
    NotFoundError,
    NotReadyError,
    OverloadedError,
    PatmatchError,
)
from app.text.normalising import folded_name
from index import (
    AtLeast,
    Between,
    ColumnKind,
    Columns,
    ColumnValues,
    Condition,
    Equals,
    IdList,
    Ids,
    OneOf,
    Prefix,
    Snapshot,
)

_COMMON = {
    "industry": ColumnKind.CODES,
    "region": ColumnKind.CODE,
    "status": ColumnKind.CODE,
    "filed_on": ColumnKind.DAY,
    "lang": ColumnKind.CODE,
}

HOLDERS = "holders"
"""The column of holders' names, folded: in bracket, width, spaces and legal suffix two spellings of one differ."""

COLUMNS: Mapping[Kind, Mapping[str, ColumnKind]] = {
    Kind.PATENTS: {
        **_COMMON,
        "ipc": ColumnKind.CODES,
        "holder_type": ColumnKind.CODE,
        "licence": ColumnKind.CODES,
        "grade": ColumnKind.CODE,
        "agreed": ColumnKind.FLAG,
        "dormant": ColumnKind.FLAG,
        "maturity": ColumnKind.NUMBER,
        "holders": ColumnKind.CODES,
        "published_on": ColumnKind.DAY,
        "document_kind": ColumnKind.CODE,
    },
    Kind.NEEDS: _COMMON,
    Kind.FIRMS: _COMMON,
}
"""The filter columns of each target's snapshots. A field that a target does not have passes no record."""


def column_value(record: AnyRecord, name: str) -> Any:  # noqa: ANN401 - as the column's kind has it
    """The value of a record in a column: of holders, the names as two spellings of one agree."""
    value = getattr(record, name)
    return tuple(map(folded_name, value)) if name == HOLDERS else value


def column_values(page: Sequence[AnyRecord], name: str) -> list[Any]:
    """One value of the column for each record."""
    return [column_value(record, name) for record in page]


_FILTERED_BY = {HOLDERS: "holder", "published_on": "published_from", "document_kind": "kind"}
"""The filter's own name for a column that is named otherwise."""


def conditions_of(asked: Filter) -> list[Condition]:
    """The filter as conditions, all of which a position must pass."""

    def given(*names: str) -> Iterator[tuple[str, Any]]:
        return ((name, value) for name in names if (value := getattr(asked, name)) is not None)

    found: list[Condition] = [
        # Sources write IPC with and without a space, and codes in either case.
        *(
            Prefix(name, tuple(code.upper().replace(" ", "") for code in codes))
            for name, codes in given("ipc", "industry", "region")
        ),
        *(OneOf(name, values) for name, values in given("status", "holder_type", "licence", "grade", "lang")),
        *(OneOf(HOLDERS, tuple(map(folded_name, names))) for _, names in given("holder")),
        *(OneOf("document_kind", kinds) for _, kinds in given("kind")),
        *(Equals(name, flag) for name, flag in given("agreed", "dormant")),
        *(AtLeast("maturity", least) for _, least in given("maturity_min")),
        *(Ids(ids, negate=name == "not_ids") for name, ids in given("ids", "not_ids")),
    ]
    if asked.filed_from is not None or asked.filed_to is not None:
        found.append(Between("filed_on", asked.filed_from, asked.filed_to))
    if asked.published_from is not None or asked.published_to is not None:
        found.append(Between("published_on", asked.published_from, asked.published_to))
    return found


def check_columns(conditions: Sequence[Condition], kind: Kind, snapshot: Snapshot) -> None:
    """Refuse a filter by a column that a snapshot of an older release does not have: it would pass nothing.

    Raises:
        NotReadyError: names the fields, and how to make a snapshot that has them.
    """
    asked = {condition.field for condition in conditions if not isinstance(condition, Ids)}
    missing = sorted((asked & set(COLUMNS[kind])) - set(snapshot.columns.fields))
    if not missing:
        return
    names = [_FILTERED_BY.get(name, name) for name in missing]
    build = f"patmatch index build {kind} --publish"
    text = f"The index of {kind} is of an older release and cannot filter by {', '.join(names)}. Run: {build}"
    text_zh = f"{kind} 索引由较早版本生成，不支持按 {'、'.join(names)} 筛选。请运行：{build}"
    fields = tuple(FieldError(f"filter.{name}", text, text_zh) for name in names)
    raise NotReadyError(text, text_zh, code="index_outdated", fields=fields)


def still_passing(records: Sequence[AnyRecord], kind: Kind, conditions: Sequence[Condition]) -> set[str]:
    """Ids of those records, all of one kind and each there once, that pass by what they hold themselves."""
    # A column that this kind does not have passes no record, and cannot be built.
    if {condition.field for condition in conditions if not isinstance(condition, Ids)} - set(COLUMNS[kind]):
        return set()
    fields = {name: ColumnValues(column, column_values(records, name)) for name, column in COLUMNS[kind].items()}
    ids = [record.id for record in records]
    mask = Columns.build(len(records), fields).mask(conditions, IdList.of(ids))
    return {key for key, passes in zip(ids, mask.tolist(), strict=True) if passes}


_CHINESE: tuple[tuple[type[Exception], str], ...] = (
    (ie.LockedError, "另一个任务正在进行"),
    (ie.FingerprintMismatchError, "快照由其他模型生成，不能使用"),
    (ie.SnapshotDamagedError, "快照文件缺失或已损坏"),
    (ie.VerificationError, "快照未通过校验"),
    (ie.RollbackError, "没有可以回滚到的更早快照"),
    (ie.SnapshotNameError, "不是有效的快照名称"),
    (ie.SnapshotMissingError, "没有这个快照，或尚未发布"),
    (ie.VectorStoreDamagedError, "向量文件已损坏"),
    (OSError, "无法读取或写入文件"),
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a snapshot is not served, in both languages."""

    text: str
    text_zh: str


def as_refusal(error: Exception) -> Refusal:
    """Why a snapshot is not served: a Chinese sentence with the detail as the room below gave it."""
    # Errors other than the index's own may name paths.
    text = str(error) if isinstance(error, ie.IndexRoomError) else f"it cannot be read: {type(error).__name__}"
    said = next((sentence for kind, sentence in _CHINESE if isinstance(error, kind)), "索引出错")
    return Refusal(text, f"{said}（{text}）")


def as_patmatch_error(error: me.ModelError | ie.IndexRoomError) -> PatmatchError:
    """The error that a user sees for one of `models` or `index`."""
    text = str(error)
    match error:
        case me.EmptyTextError():
            return InputError(
                "The text is empty: there is nothing to match.", "文本为空，无法匹配。", code="empty_text"
            )
        case me.EncoderBusyError():
            return OverloadedError(
                "Too many texts are waiting to be embedded; try again.", "等待编码的文本过多，请稍后重试。"
            )
        case me.ModelError():
            return ModelProblem(text, error.message_zh)
        case ie.LockedError():
            return ConflictError(text, as_refusal(error).text_zh, code="locked")
        case ie.SnapshotMissingError() | ie.SnapshotNameError() | ie.RollbackError():
            return NotFoundError(text, as_refusal(error).text_zh, code="no_snapshot")
        case _:
            return IndexProblem(text, as_refusal(error).text_zh)


@contextmanager
def translated() -> Iterator[None]:
    """Raise what `models` and `index` raise inside the block as the error that a user sees."""
    try:
        yield
    except (me.ModelError, ie.IndexRoomError) as error:
        raise as_patmatch_error(error) from error
