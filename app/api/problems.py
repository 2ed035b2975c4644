"""Errors as `application/problem+json` (RFC 9457), in English and Chinese."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from app.errors import (
    FieldError,
    InputError,
    NotFoundError,
    OverloadedError,
    PatmatchError,
    UnauthorizedError,
    UsageError,
)

log = logging.getLogger("patmatch.api")

RETRY_AFTER_SECONDS = 1
"""A full queue empties within about this time."""

_HEADERS: dict[type[PatmatchError], dict[str, str]] = {
    OverloadedError: {"Retry-After": str(RETRY_AFTER_SECONDS)},
    UnauthorizedError: {"WWW-Authenticate": "Bearer"},
}


class FieldProblem(BaseModel):
    """One bad field: `field` is its path in the request, such as `queries.0.text`."""

    field: str
    message: str
    message_zh: str


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(examples=["urn:patmatch:problem:invalid_input"])
    title: str
    status: int
    detail: str
    detail_zh: str = Field(description="`detail` in Chinese.")
    code: str = Field(description="For programs; stable.", examples=["invalid_input"])
    request_id: str
    errors: list[FieldProblem] | None = None


def problem_response(text: str) -> dict[str, Any]:
    """How a problem is documented; `text` says when it comes."""
    return {"model": Problem, "description": text, "content": {"application/problem+json": {}}}


_PROBLEMS = {
    400: problem_response("The body is not JSON."),
    401: problem_response("The admin token is missing or another one."),
    404: problem_response("No such record."),
    409: problem_response("Another job runs; `detail` says which, and how far it is."),
    413: problem_response("Over a limit."),
    422: problem_response("A field is wrong; `errors` names it."),
    429: problem_response("The queue is full; try again after `Retry-After` seconds."),
    503: problem_response("No model or index yet; `detail` says which."),
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How an endpoint documents the problems that it may answer with."""
    return {status: _PROBLEMS[status] for status in statuses}


_CHINESE = {
    "missing": "缺少必填字段",
    "extra_forbidden": "未知字段，请检查拼写",
    "string_type": "应为字符串",
    "int_type": "应为整数",
    "bool_type": "应为 true 或 false",
    "float_type": "应为数字",
    "float_parsing": "应为数字",
    "list_type": "应为列表",
    "dict_type": "应为对象",
    "model_type": "应为对象",
    "model_attributes_type": "应为对象",
    "enum": "取值不在允许范围内：{expected}",
    "literal_error": "取值不在允许范围内：{expected}",
    "greater_than_equal": "应不小于 {ge}",
    "less_than_equal": "应不大于 {le}",
    "string_too_short": "不能为空",
    "string_too_long": "过长，最多 {max_length} 个字符",
    "too_short": "至少需要 {min_length} 项",
    "date_from_datetime_parsing": "应为日期，例如 2024-05-31",
    "date_type": "应为日期，例如 2024-05-31",
    "value_error": "请提供 text（可附 title），或 need_id、firm_id、patent_id 之一",
}


def problem_of(error: PatmatchError, request_id: str) -> Problem:
    """An error as problem details; `errors` is set only where fields are to blame."""
    problem = Problem(
        type=f"urn:patmatch:problem:{error.error_code}",
        title=error.title,
        status=error.status,
        detail=error.message,
        detail_zh=error.message_zh,
        code=error.error_code,
        request_id=request_id,
    )
    if error.fields:
        problem.errors = [FieldProblem.model_validate(field, from_attributes=True) for field in error.fields]
    return problem


def respond(error: PatmatchError, request_id: str) -> Response:
    """The response for an error."""
    headers = next((extra for kind, extra in _HEADERS.items() if isinstance(error, kind)), None)
    body = problem_of(error, request_id).model_dump_json(exclude_unset=True)
    return Response(body, status_code=error.status, headers=headers, media_type="application/problem+json")


def _field_error(error: Mapping[str, Any]) -> FieldError:
    path = ".".join(str(part) for part in error["loc"] if part != "body") or "body"
    template = _CHINESE.get(error["type"], "取值无效")
    return FieldError(path, str(error["msg"]), template.format(**(error.get("ctx") or {})))


def invalid_request(errors: list[Any]) -> PatmatchError:
    """The error for what pydantic found wrong with a request."""
    for error in errors:
        if error["type"] == "json_invalid":
            reason = error["ctx"]["error"]
            return UsageError(f"This is not valid JSON: {reason}.", f"不是有效的 JSON：{reason}。", code="bad_json")
    fields = tuple(_field_error(error) for error in errors)
    names = ", ".join(dict.fromkeys(field.field for field in fields[:5]))
    return InputError(f"Cannot use the request: see {names}.", f"请求有误，请检查：{names}。", fields=fields)


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every error of `app` as problem+json; what nobody foresaw is logged and answered with a fixed sentence."""

    @app.exception_handler(PatmatchError)
    async def _known(request: Request, error: PatmatchError) -> Response:
        return respond(error, request.state.request_id)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        return respond(invalid_request(list(error.errors())), request.state.request_id)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        return respond(_from_http(error, request), request.state.request_id)

    @app.exception_handler(Exception)
    async def _unknown(request: Request, error: Exception) -> Response:
        request_id = request.state.request_id
        log.error("request %s failed", request_id, exc_info=error)
        unforeseen = PatmatchError(
            "Something went wrong on our side; the log has it under this request id.",
            "服务内部出错，日志中以此请求编号记录。",
        )
        return respond(unforeseen, request_id)


class _MethodNotAllowedError(UsageError):
    code, status, title = "method_not_allowed", 405, "Method not allowed"


def _from_http(error: HTTPException, request: Request) -> PatmatchError:
    path = request.url.path[:200]
    if error.status_code == 404:
        return NotFoundError(f"There is nothing at {path}.", f"没有此路径：{path}。")
    if error.status_code == 405:
        return _MethodNotAllowedError(
            f"{path} does not take {request.method}.", f"{path} 不支持 {request.method} 方法。"
        )
    return UsageError(str(error.detail), f"请求无法处理：{error.detail}")
