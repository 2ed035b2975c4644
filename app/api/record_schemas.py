"""What goes over the wire when records are written, with the examples that the documentation page shows."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, Field, TypeAdapter

from app.api.schemas import FieldProblem
from app.domain import RECORD_TYPES, JsonObject, Kind
from app.errors import FieldError, InputError, UsageError
from app.records.write import BatchWritten, Row, Warned, Written

EXAMPLES: dict[Kind, JsonObject] = {
    Kind.PATENTS: {
        "title": "一种高镍三元锂离子电池电解液",
        "abstract": "公开一种电解液，加入二氟磷酸锂与三(三甲基硅烷)亚磷酸酯。",
        "ipc": ["H01M10/0567"],
        "holders": ["陇原理工大学"],
        "licence": ["licence"],
        "status": "active",
        "region": "620102",
        "filed_on": "2024-05-31",
    },
    Kind.NEEDS: {"title": "高镍三元动力电解液的开发", "text": "45℃循环800次容量保持率不低于88%。", "status": "open"},
    Kind.FIRMS: {
        "name": "兰州新材料有限公司",
        "business_scope": "锂离子电池材料的研发、生产、销售",
        "industry": ["C3841"],
    },
}


class WarningOut(FieldProblem):
    """Something that did not keep the record out."""

    code: str = Field(description="For programs; stable.", examples=["bad_date"])


class WrittenOut(BaseModel):
    """What became of one record."""

    id: str
    outcome: Literal["created", "updated", "unchanged", "deleted"]
    revision: int = Field(description="A match answer whose `snapshot.revision` is this or more has the change.")
    warnings: list[WarningOut] | None = Field(None, description="Values that could not be read; they are in `extra`.")


class RejectedOut(BaseModel):
    """A row that was left out."""

    part: Literal["upsert", "delete"]
    position: int = Field(description="Within its part, from 0.")
    id: str | None = Field(description="Where it can be told.")
    errors: list[FieldProblem]


class WarnedOut(BaseModel):
    """A row that went in with warnings."""

    part: Literal["upsert", "delete"]
    position: int
    id: str | None
    warnings: list[WarningOut]


class BatchOut(BaseModel):
    """What became of a batch, in distinct records."""

    created: int
    updated: int
    unchanged: int
    repeated: int = Field(description="Rows that a later row with the same id replaced.")
    deleted: int
    not_found: list[str] = Field(description="Ids to delete that were not there.")
    rejected: list[RejectedOut]
    warned: list[WarnedOut]
    revision: int = Field(description="A match answer whose `snapshot.revision` is this or more has the changes.")
    pending: int = Field(
        description="Texts of a large batch that are still being embedded; until then a new record is not found, "
        "and a changed one by its old text."
    )


def object_of(body: bytes) -> JsonObject:
    """The JSON object of a request's body. NaN and Infinity stand for missing numbers, as in a file.

    Raises:
        UsageError: the body is not JSON.
        InputError: it is no object.
    """
    try:
        value = json.loads(body, parse_constant=lambda _: None)
    except RecursionError:
        raise _not_json("nested too deeply", "嵌套过深") from None
    except ValueError as error:
        # UnicodeDecodeError is one, too, and its text holds the bytes.
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "it is not UTF-8, or a number is too long"
        raise _not_json(reason, reason) from None
    if not isinstance(value, dict):
        raise InputError(
            "The body should be a JSON object.",
            "请求体应为 JSON 对象。",
            fields=(FieldError("body", "should be an object", "应为对象"),),
        )
    return value


def batch_of(body: bytes) -> tuple[list[object], list[object]]:
    """The records and the ids of a batch.

    Raises:
        UsageError: the body is not JSON.
        InputError: it is no object of the two lists.
    """
    value = object_of(body)
    problems = [
        FieldError(name, "unknown field; a batch has upsert and delete", "未知字段；批量请求只有 upsert 和 delete")
        for name in list(value)[:5]
        if name not in ("upsert", "delete")
    ]
    upserts, deletes = value.get("upsert", []), value.get("delete", [])
    for name, rows in (("upsert", upserts), ("delete", deletes)):
        if not isinstance(rows, list):
            problems.append(FieldError(name, "should be a list", "应为列表"))
    if problems:
        names = ", ".join(problem.field[:80] for problem in problems)
        raise InputError(
            f"Cannot use the request: see {names}.", f"请求有误，请检查：{names}。", fields=tuple(problems)
        )
    return upserts, deletes


def _not_json(reason: str, reason_zh: str) -> UsageError:
    return UsageError(f"This is not valid JSON: {reason}.", f"不是有效的 JSON：{reason_zh}。", code="bad_json")


def written_out(written: Written) -> WrittenOut:
    """What became of one record, as it goes over the wire."""
    out = WrittenOut(id=written.id, outcome=written.outcome, revision=written.revision)
    if written.warnings:
        out.warnings = [warning_out(warning) for warning in written.warnings]
    return out


def batch_out(written: BatchWritten) -> BatchOut:
    """What became of a batch, as it goes over the wire."""
    return BatchOut(
        created=written.created,
        updated=written.updated,
        unchanged=written.unchanged,
        repeated=written.repeated,
        deleted=written.deleted,
        not_found=list(written.not_found),
        rejected=[_rejected_out(row) for row in written.rejected],
        warned=[_warned_out(row) for row in written.warned],
        revision=written.revision,
        pending=written.pending,
    )


def record_request(kind: Kind) -> dict[str, Any]:
    """How the body of a PUT is documented: the fields of the kind, and that other names are understood."""
    return _documented(_record_schema(kind), EXAMPLES[kind])


def batch_request(kind: Kind) -> dict[str, Any]:
    """How the body of a batch is documented."""
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "upsert": {"type": "array", "items": _record_schema(kind), "description": "Records, each with its id."},
            "delete": {"type": "array", "items": {"type": "string"}, "description": "Ids."},
        },
    }
    return _documented(schema, {"upsert": [{"id": "X1", **EXAMPLES[kind]}], "delete": ["X2"]})


def _record_schema(kind: Kind) -> dict[str, Any]:
    # PUT takes what GET gives and what a file may hold: any key, few of them needed.
    schema = TypeAdapter(RECORD_TYPES[kind]).json_schema()
    return {
        "type": "object",
        "properties": schema["properties"],
        "additionalProperties": True,
        "description": "The fields as GET gives them, or by any header that `patmatch ingest` understands.",
    }


def _documented(schema: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": schema, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


def warning_out(warning: Warned) -> WarningOut:
    """A warning, as it goes over the wire."""
    return WarningOut(
        code=warning.code, field=warning.field or "body", message=warning.message, message_zh=warning.message_zh
    )


def _rejected_out(row: Row) -> RejectedOut:
    errors = [FieldProblem(field=e.field, message=e.message, message_zh=e.message_zh) for e in row.errors]
    return RejectedOut(part=row.part, position=row.position, id=row.id, errors=errors)


def _warned_out(row: Row) -> WarnedOut:
    warnings = [warning_out(warning) for warning in row.warnings]
    return WarnedOut(part=row.part, position=row.position, id=row.id, warnings=warnings)
