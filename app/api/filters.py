"""The filter of a request, as JSON says it: of `/v1/match`, of pools, of push runs and of the commands."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StrictBool, StrictInt, ValidationError

from app.api.problems import invalid_request
from app.domain import Filter, HolderType, Licence
from app.errors import TooLargeError, UsageError
from app.records.read import with_kept_ids

Code = Annotated[str, Field(min_length=1, max_length=64)]
Name = Annotated[str, Field(min_length=1, max_length=256)]
RecordId = Annotated[str, Field(min_length=1, max_length=128)]


class Strict(BaseModel):
    """A body that refuses fields it does not know, since they are most often misspelt."""

    model_config = ConfigDict(extra="forbid")


class FilterIn(Strict):
    """Fields combine with AND, the values of a list with OR; `ipc`, `industry` and `region` match by prefix.

    A record without a value for a filtered field does not pass.
    """

    ids: list[RecordId] | None = Field(None, description="Only these records.")
    not_ids: list[RecordId] | None = Field(None, description="None of these records.")
    ipc: list[Code] | None = Field(None, description="IPC prefixes: `H01M` covers `H01M10/0567`.", examples=[["H01M"]])
    industry: list[Code] | None = Field(
        None, description="GB/T 4754 prefixes: `C39` covers `C3962`.", examples=[["C39"]]
    )
    region: list[Code] | None = Field(None, description="GB/T 2260 prefixes: `62` covers `620102`.", examples=[["62"]])
    status: list[Code] | None = Field(None, description="`active`, `pending`, `inactive`; needs: `open`, `closed`.")
    holder_type: list[HolderType] | None = Field(None, description="Who holds the patent.")
    licence: list[Licence] | None = Field(None, description="At least one of these ways to obtain it is offered.")
    grade: list[Literal["A", "B", "C"]] | None = Field(None, description="The bank's own grading.")
    agreed: StrictBool | None = Field(None, description="Holder and firm both rated it worth industrialising.")
    dormant: StrictBool | None = Field(None, description="Never transferred, licensed or used.")
    maturity_min: Annotated[StrictInt, Field(ge=1, le=9)] | None = Field(
        None, description="Technology readiness from here up."
    )
    filed_from: date | None = Field(None, description="Filed on this day or later.")
    filed_to: date | None = Field(None, description="Filed on this day or earlier.")
    lang: list[Code] | None = Field(None, description="ISO 639-1 codes of the text: `zh`, `en`, `ja`, `ko`, `de` ...")
    holder: list[Name] | None = Field(
        None,
        validation_alias=AliasChoices("holder", "holders"),
        description="Held by one of these, by the whole name; brackets, width and legal suffix may differ. `holders` "
        "is taken too.",
        examples=[["华中科技大学"]],
    )
    published_from: date | None = Field(None, description="Published on this day or later.", examples=["2016-01-01"])
    published_to: date | None = Field(None, description="Published on this day or earlier.", examples=["2016-12-31"])
    kind: list[Code] | None = Field(
        None, description="Kind of document: `invention`, `utility`, `design`.", examples=[["invention"]]
    )

    def to_domain(self, max_values: int) -> Filter:
        """The domain's filter.

        Raises:
            TooLargeError: a list has more than ``max_values`` values.
        """
        values: dict[str, Any] = {}
        for name, value in self.model_dump(exclude_none=True, mode="python").items():
            if isinstance(value, list) and len(value) > max_values:
                raise TooLargeError(
                    f"filter.{name} has {len(value)} values; at most {max_values} are allowed.",
                    f"filter.{name} 有 {len(value)} 个值，最多允许 {max_values} 个。",
                    code="filter_too_large",
                )
            values[name] = tuple(str(item) for item in value) if isinstance(value, list) else value
            if name in ("ids", "not_ids"):
                values[name] = with_kept_ids(values[name])
        return Filter(**values)


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
