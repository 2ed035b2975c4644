"""What goes over the wire of `/v1/match`, with the examples that the documentation page shows."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationError,
    model_validator,
)

from app.api.problems import Problem, invalid_request, problem_of
from app.api.why import Rounded, WhyOut
from app.domain import (
    Filter,
    HolderType,
    Kind,
    Level,
    Licence,
    Match,
    MatchAnswer,
    MatchRequest,
    Patent,
    Query,
    QueryResult,
)
from app.errors import InputError, PatmatchError, TooLargeError, UsageError
from app.match.required import LONGEST_TERM, MOST_TERMS
from app.records.read import RecordOut

Code = Annotated[str, Field(min_length=1, max_length=64)]
RecordId = Annotated[str, Field(min_length=1, max_length=128)]
Term = Annotated[str, Field(min_length=1, max_length=LONGEST_TERM)]


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


class QueryIn(Strict):
    """A text, with a title where the asker has one, or the id of one record."""

    id: str | None = Field(
        None, max_length=128, description="Comes back with the result; `q1`, `q2` ... when left out."
    )
    text: str | None = Field(None, description="What is needed, in any language.")
    title: str | None = Field(None, description="Its title, weighed on its own.")
    need_id: RecordId | None = Field(None, description="Ask with a stored need.")
    firm_id: RecordId | None = Field(None, description="Ask with a stored firm's profile.")
    patent_id: RecordId | None = Field(None, description="Ask with a stored patent.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        texts = self.text is not None or self.title is not None
        records = sum(value is not None for value in (self.need_id, self.firm_id, self.patent_id))
        if texts + records != 1:
            raise ValueError("give either text (with an optional title) or exactly one of need_id, firm_id, patent_id")
        return self

    def to_domain(self, position: int) -> Query:
        """The domain's query; ``position`` counts from 0."""
        query_id = self.id if self.id is not None else f"q{position + 1}"
        for kind, record_id in (
            (Kind.NEEDS, self.need_id),
            (Kind.FIRMS, self.firm_id),
            (Kind.PATENTS, self.patent_id),
        ):
            if record_id is not None:
                return Query(id=query_id, record_kind=kind, record_id=record_id)
        return Query(id=query_id, text=self.text, title=self.title)


class MatchIn(Strict):
    """A batch of queries against one target."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"queries": [{"id": "q1", "text": "高镍三元动力电解液的开发"}], "target": "patents", "k": 5},
                {
                    "queries": [{"need_id": "N001"}, {"text": "solid-state battery separator"}],
                    "target": "patents",
                    "k": 20,
                    "filter": {"ipc": ["H01M"], "status": ["active"]},
                    "min_level": "weak",
                    "explain": True,
                },
                {"queries": [{"text": "不使用稀土的驱动电机,功率不低于10 kW"}], "must": ["电机"], "must_not": ["永磁"]},
            ]
        },
    )

    queries: list[QueryIn] = Field(min_length=1, description="Answered in this order, from one snapshot.")
    target: Kind = Field(Kind.PATENTS, description="What is searched.")
    k: Annotated[StrictInt, Field(ge=1)] = Field(10, description="Matches of each query.")
    filter: FilterIn = Field(default_factory=FilterIn)
    min_level: Level | None = Field(None, description="Leave out matches below this level.")
    explain: StrictBool = Field(False, description="Say why each record matched.")
    diversity: float = Field(0.0, ge=0, le=1, description="0 ranks by fit alone; higher values avoid near repeats.")
    must: list[Term] = Field(
        default_factory=list,
        max_length=MOST_TERMS,
        description="Terms of which a record's title and abstract hold each, to the letter or by another name of the "
        "same thing (`LFP`, `LiFePO4`, `磷酸铁锂`). Words of Latin letters count whole.",
        examples=[["磷酸铁锂"]],
    )
    must_not: list[Term] = Field(
        default_factory=list,
        max_length=MOST_TERMS,
        description="Terms of which a record holds none, by whichever name. What a query's text excludes (`不含氟`, "
        "`lead-free`) is read too: see `excluded` of the results.",
        examples=[["永磁"]],
    )
    debug: StrictBool = Field(False, description="Add the raw cosine to each match, and how the index was searched.")

    def to_domain(self, max_filter_values: int) -> MatchRequest:
        """The domain's request.

        Raises:
            TooLargeError: a filter list is too long.
            InputError: two queries share an id.
        """
        queries = tuple(query.to_domain(n) for n, query in enumerate(self.queries))
        if len({query.id for query in queries}) < len(queries):
            raise InputError("Two queries have the same id.", "有两个查询的 id 相同。", code="duplicate_query_id")
        return MatchRequest(
            queries=queries,
            target=self.target,
            k=self.k,
            filter=self.filter.to_domain(max_filter_values),
            min_level=self.min_level,
            explain=self.explain,
            diversity=self.diversity,
            must=tuple(self.must),
            must_not=tuple(self.must_not),
        )


class SnapshotOut(BaseModel):
    """The published state of the index that the whole answer came from."""

    id: str = Field(examples=["patents-20261123T130700Z-1a2b3c4d"])
    encoder: str
    built_at: str
    revision: int = Field(description="The catalogue's revision: every change up to it is in the answer.")
    calibration: str = Field(
        description="What gave the scores: the id of a calibration, or `built-in`.",
        examples=["calibration-patents-20261124T090000Z-1a2b3c4d"],
    )


class DebugOut(BaseModel):
    """Raw numbers behind a match."""

    cosine: Rounded = Field(
        description="Inner product of the two unit vectors, relative to the means of their languages."
    )
    shared: Rounded = Field(
        description="What terms that both sides share add to it; the order and the score are by the sum of the three."
    )
    language: Rounded = Field(description="What makes it comparable where query and record are in two languages.")


class MatchOut(BaseModel):
    """One match."""

    id: str
    rank: int
    score: float = Field(description="Calibrated probability of being at least fairly strong.")
    level: Level
    title: str
    why: WhyOut | None = None
    debug: DebugOut | None = None
    record: RecordOut


class ResultOut(BaseModel):
    """The answer to one query: `matches`, or the `error` that it alone met."""

    id: str
    tokens: int | None = Field(None, description="Tokens that the query has for the model.")
    windows: int | None = Field(None, description="Windows of the model's length that they were read in and averaged.")
    truncated: bool | None = Field(None, description="Whether a tail beyond the declared limit had no influence.")
    requested: int
    returned: int
    shortfall: Literal["index_exhausted", "filter", "min_level"] | None = Field(
        None, description="Why fewer than requested came back."
    )
    lang: str | None = Field(None, description="Language of the query's text; left out where it could not be told.")
    centred: Literal["language", "all", "none"] | None = Field(
        None,
        description="How languages were made comparable: by the mean of the query's own, by that of all languages, or "
        "not at all in a small index.",
    )
    excluded: list[str] | None = Field(
        None,
        description="What the query's text was read to exclude (`不使用永磁体`, `without solvents`). It neither finds "
        "nor lifts; records that use it stand behind the others.",
        examples=[["永磁体"]],
    )
    matches: list[MatchOut] | None = None
    error: Problem | None = None


class PlanOut(BaseModel):
    """How one layer was searched: the snapshot, or a part of what changed since."""

    kind: Literal["nearest", "subset", "scan"] = Field(
        description="`nearest`: no filter. `subset`: exact, over what passes. `scan`: exact, over the whole layer."
    )
    passing: int = Field(description="Records that pass the filter.")
    of: int = Field(description="Records in the layer.")
    subset_ms: float | None = Field(None, description="What a subset was estimated to cost; the cheaper one is taken.")
    scan_ms: float | None = Field(None, description="What a scan was estimated to cost.")


class SearchDebugOut(BaseModel):
    """How the whole request was searched."""

    plans: list[PlanOut] = Field(description="One a layer, the snapshot first.")
    upserted: int = Field(description="Records in the layers above the snapshot.")
    hidden: int = Field(description="Records of the snapshot that are gone or replaced.")
    pending: int = Field(description="Changed records that wait to be embedded.")


class MatchAnswerOut(BaseModel):
    """The answer to a batch, in the order of its queries."""

    snapshot: SnapshotOut
    results: list[ResultOut]
    debug: SearchDebugOut | None = None


def answer_out(answer: MatchAnswer, *, debug: bool, request_id: str) -> MatchAnswerOut:
    """The domain's answer as it goes over the wire."""
    out = MatchAnswerOut(
        snapshot=SnapshotOut.model_validate(answer.snapshot, from_attributes=True),
        results=[_result_out(result, debug, request_id) for result in answer.results],
    )
    if debug:
        plans = [PlanOut.model_validate(plan, from_attributes=True) for plan in answer.plans]
        out.debug = SearchDebugOut(plans=plans, upserted=answer.upserted, hidden=answer.hidden, pending=answer.pending)
    return out


def _result_out(result: QueryResult, debug: bool, request_id: str) -> ResultOut:
    if isinstance(result.error, PatmatchError):
        problem = problem_of(result.error, request_id)
        return ResultOut(id=result.id, requested=result.requested, returned=0, error=problem)
    return ResultOut(
        id=result.id,
        tokens=result.tokens,
        windows=result.windows,
        truncated=result.truncated,
        requested=result.requested,
        returned=len(result.matches),
        shortfall=result.shortfall,
        lang=result.lang,
        centred=result.centred,
        excluded=list(result.excluded) or None,
        matches=[_match_out(match, debug) for match in result.matches],
    )


def _match_out(match: Match, debug: bool) -> MatchOut:
    out = MatchOut(
        id=match.id,
        rank=match.rank,
        score=round(match.score, 4),
        level=match.level,
        title=match.record.title if isinstance(match.record, Patent) else match.record.heading,
        record=RecordOut(**match.record.shown),
    )
    if match.why:
        out.why = WhyOut.model_validate(match.why, from_attributes=True)
    if debug:
        out.debug = DebugOut.model_validate(match, from_attributes=True)
    return out
