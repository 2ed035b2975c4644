"""What goes over the wire of `/v1/match`, with the examples that the documentation page shows."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    model_validator,
)

from app.api.filters import FilterIn, RecordId, Strict
from app.api.folding import FOLDED_SHOWN, FoldedOut, folded_out
from app.api.problems import Problem, problem_of
from app.api.why import Rounded, SignalsOut, WhyOut
from app.domain import (
    NOTHING_FITS_FROM,
    Kind,
    Level,
    Match,
    MatchAnswer,
    MatchRequest,
    Patent,
    Query,
    QueryResult,
    Recognised,
    Shortfall,
)
from app.errors import InputError, PatmatchError
from app.match.required import LONGEST_TERM, MOST_TERMS
from app.records.read import RecordOut

Term = Annotated[str, Field(min_length=1, max_length=LONGEST_TERM)]


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
                {"queries": [{"text": "一种杀菌剂组合物"}], "collapse": True, "per_holder": 2},
                {"queries": [{"text": "不使用稀土的驱动电机,功率不低于10 kW"}], "must": ["电机"], "must_not": ["永磁"]},
            ]
        },
    )

    queries: list[QueryIn] = Field(min_length=1, description="Answered in this order, from one snapshot.")
    target: Kind = Field(Kind.PATENTS, description="What is searched.")
    k: Annotated[StrictInt, Field(ge=1)] = Field(10, description="Matches of each query.")
    offset: Annotated[StrictInt, Field(ge=0)] = Field(
        0, description="The best so many are passed over: the next page of `k`. Ranks count on.", examples=[20]
    )
    filter: FilterIn = Field(default_factory=FilterIn, description="Which records may be answered, exactly.")
    min_level: Level | None = Field(
        None, description="Leave out matches below this level; all are listed where it is left out.", examples=["weak"]
    )
    explain: StrictBool = Field(False, description="Say why each record matched.")
    diversity: float = Field(0.0, ge=0, le=1, description="0 ranks by fit alone; higher values avoid near repeats.")
    collapse: StrictBool = Field(
        False,
        description="List the best of each family and of each title and holder, with the others in its `folded`.",
    )
    per_holder: Annotated[StrictInt, Field(ge=0)] = Field(
        0, description="Most matches of one holder, the first named; 0 for any number. The others stand in `folded`."
    )
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
            offset=self.offset,
            filter=self.filter.to_domain(max_filter_values),
            min_level=self.min_level,
            explain=self.explain,
            diversity=self.diversity,
            collapse=self.collapse,
            per_holder=self.per_holder,
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


class DebugOut(SignalsOut):
    """Raw numbers behind a match."""

    cosine: Rounded = Field(
        description="Inner product of the two unit vectors, relative to the means of their languages."
    )


class RecognisedOut(BaseModel):
    """What the query's text names exactly: it was looked up, and is no part of what was compared by meaning."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "publication_number",
                    "text": "CN 102932380 A",
                    "value": "CN102932380",
                    "found": True,
                    "filter": {"ids": ["CN102932380"]},
                }
            ]
        }
    )

    kind: Literal["publication_number", "application_number", "holder", "ipc"] = Field(
        description="What was recognised."
    )
    text: str = Field(description="As the query has it.", examples=["CN 102932380 A"])
    value: str = Field(description="The record's id, the name, or the code as written in full.")
    found: bool = Field(description="Whether the bank has it.")
    filter: dict[str, list[str]] | None = Field(
        None, description="A `filter` that asks for it alone.", examples=[{"ipc": ["G06F17/30"]}]
    )


class MatchOut(BaseModel):
    """One match."""

    id: str
    rank: int
    score: float = Field(description="Calibrated probability of being at least fairly strong.")
    level: Level
    title: str
    why: WhyOut | None = None
    debug: DebugOut | None = None
    folded_count: int | None = Field(
        None, description="Records that it stands for, of the candidates looked at; where folding was asked for."
    )
    folded: list[FoldedOut] | None = Field(None, description=f"The first {FOLDED_SHOWN} of them, best first.")
    record: RecordOut


class ResultOut(BaseModel):
    """The answer to one query: `matches`, or the `error` that it alone met."""

    id: str
    tokens: int | None = Field(None, description="Tokens that the query has for the model.")
    windows: int | None = Field(None, description="Windows of the model's length that they were read in and averaged.")
    truncated: bool | None = Field(None, description="Whether a tail beyond the declared limit had no influence.")
    requested: int
    returned: int
    shortfall: Shortfall | None = Field(
        None, description="Why fewer than requested came back; `folded`: the others stand behind these."
    )
    lang: str | None = Field(None, description="Language of the query's text; left out where it could not be told.")
    centred: Literal["language", "all", "none"] | None = Field(
        None,
        description="How languages were made comparable: by the mean of the query's own, by that of all languages, or "
        "not at all in a small index.",
    )
    recognised: list[RecognisedOut] | None = Field(
        None, description="Numbers, holders and IPC codes in the text; what they name is listed first."
    )
    nothing_fits: bool | None = Field(
        None,
        description="Whether the bank is said to have nothing for this query: `no_match_probability` is "
        f"{NOTHING_FITS_FROM} or more. `matches` are then merely the nearest of what it has.",
        examples=[False],
    )
    no_match_probability: Rounded | None = Field(
        None,
        ge=0,
        le=1,
        description="Probability that nothing in the bank fits, by the best record that passes the filter; 0 where the "
        "text names a record itself, or nothing but a holder or class that the bank has.",
        examples=[0.182],
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
        recognised=[_recognised_out(one) for one in result.recognised],
        nothing_fits=result.nothing_fits,
        no_match_probability=result.no_match_probability,
        excluded=list(result.excluded) or None,
        matches=[_match_out(match, debug) for match in result.matches],
    )


def _recognised_out(one: Recognised) -> RecognisedOut:
    out = RecognisedOut(kind=one.kind, text=one.text, value=one.value, found=one.found)
    if one.filter is not None:
        chosen = {name: getattr(one.filter, name) for name in ("ids", "holder", "ipc")}
        out.filter = {name: list(values) for name, values in chosen.items() if values is not None}
    return out


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
    if match.folded is not None:
        out.folded_count, out.folded = len(match.folded), folded_out(match.folded)
    if debug:
        evidence = match.evidence
        out.debug = DebugOut(
            cosine=match.cosine, meaning=evidence.meaning, coverage=evidence.coverage, alone=evidence.alone
        )
    return out
