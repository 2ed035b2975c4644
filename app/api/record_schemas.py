"""What goes over the wire when records are written, with the examples that the documentation page shows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, Field, TypeAdapter, field_validator

from app.api.problems import FieldProblem
from app.domain import RECORD_TYPES, JsonObject, Kind
from app.errors import FieldError, InputError, UsageError
from app.records.write import Warned, Written

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

    @field_validator("field", mode="before")
    @classmethod
    def _of_the_whole(cls, field: str | None) -> str:
        return field or "body"


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


def lists_of(batch: JsonObject, *names: str) -> list[list[object]]:
    """The lists of a batch by these names, empty where one is left out.

    Raises:
        InputError: it has something else, or one of them is no list.
    """
    unknown = f"unknown field; a batch has {' and '.join(names)}"
    unknown_zh = f"未知字段；批量请求只有 {' 和 '.join(names)}"
    wrong = [name for name in batch if name not in names][:5]
    errors = [FieldError(name[:80], unknown, unknown_zh) for name in wrong]
    found = {name: batch.get(name, []) for name in names}
    errors += [FieldError(name, "should be a list", "应为列表") for name in names if not isinstance(found[name], list)]
    if errors:
        shown = ", ".join(error.field for error in errors)
        raise InputError(f"Cannot use the request: see {shown}.", f"请求有误，请检查：{shown}。", fields=tuple(errors))
    return list(found.values())


def _not_json(reason: str, reason_zh: str) -> UsageError:
    return UsageError(f"This is not valid JSON: {reason}.", f"不是有效的 JSON：{reason_zh}。", code="bad_json")


def written_out(written: Written) -> WrittenOut:
    """What became of one record, as it goes over the wire."""
    out = WrittenOut(id=written.id, outcome=written.outcome, revision=written.revision)
    if written.warnings:
        out.warnings = warnings_out(written.warnings)
    return out


def record_request(kind: Kind) -> dict[str, Any]:
    """How the body of a PUT is documented: the fields of the kind, and that other names are understood."""
    return documented(_record_schema(kind), example=EXAMPLES[kind])


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
    return documented(schema, example={"upsert": [{"id": "X1", **EXAMPLES[kind]}], "delete": ["X2"]})


def _record_schema(kind: Kind) -> dict[str, Any]:
    # PUT takes what GET gives and what a file may hold: any key, few of them needed.
    schema = TypeAdapter(RECORD_TYPES[kind]).json_schema()
    return {
        "type": "object",
        "properties": schema["properties"],
        "additionalProperties": True,
        "description": "The fields as GET gives them, or by any header that `patmatch ingest` understands.",
    }


def documented(schema: dict[str, Any], **examples: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever JSON can hold
    """How a body is documented that an endpoint reads itself; `example` or `examples` as OpenAPI has them."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, **examples}}}}


def warnings_out(warnings: Iterable[Warned]) -> list[WarningOut]:
    """Warnings, as they go over the wire."""
    return [WarningOut.model_validate(warning, from_attributes=True) for warning in warnings]
