"""A filter as people type it: the JSON object of `POST /v1/match`."""

from __future__ import annotations

from pydantic import ValidationError

from app.api.problems import invalid_request
from app.api.schemas import FilterIn
from app.domain import Filter
from app.errors import UsageError


def filter_of_text(text: str, max_values: int) -> Filter:
    """The filter that a JSON object says.

    Raises:
        UsageError: it is none; the message names the field.
        TooLargeError: a list has more than ``max_values`` values.
    """
    try:
        given = FilterIn.model_validate_json(text)
    except ValidationError as error:
        problem = invalid_request(list(error.errors()))
        detail = "; ".join(f"{field.field}: {field.message}" for field in problem.fields) or problem.message
        raise UsageError(f"--filter: {detail}", f"--filter 有误：{detail}") from error
    return given.to_domain(max_values)
