"""Why a record matched, as it goes over the wire."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _rounded(digits: int) -> AfterValidator:
    return AfterValidator(lambda number: round(number, digits))


Rounded = Annotated[float, _rounded(6)]


class MeaningOut(BaseModel):
    """Two terms that mean the same, though they are written otherwise."""

    query: str = Field(description="As the query has it, in lower case.")
    record: str = Field(description="As the record has it, in lower case.")
    similarity: Annotated[float, _rounded(3)] = Field(
        description="Cosine of the two, relative to the means of their scripts."
    )


class SignalsOut(BaseModel):
    """What speaks for a match. The score is the probability that a scale fitted to judgements makes of it."""

    meaning: Rounded = Field(
        description="Cosine of the vectors of both texts, made comparable between languages; at most 1."
    )
    coverage: Rounded = Field(
        description="Share of the query's lexical weight that the record covers, 0 to 1; 0 where terms do not rank."
    )
    alone: bool = Field(description="Whether the record is in another language, and is judged by its meaning alone.")


class FigureOut(BaseModel):
    """A figure with a unit of the query, and what the record says of it."""

    query: str = Field(description="As the query has it, with what compares it.")
    record: str | None = Field(None, description="The record's figure that was compared; `null` where it is silent.")
    state: Literal["met", "not_met", "silent"] = Field(description="`silent`: the record has none to compare.")


class WhyOut(BaseModel):
    """Why a record matched."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "terms": ["ncm811"],
                    "meanings": [{"query": "电解液", "record": "electrolyte", "similarity": 0.57}],
                    "passage": "To suppress gassing of NCM811 cathodes, an electrolyte is disclosed.",
                    "signals": {"meaning": 0.6412, "coverage": 0.3521, "alone": False},
                    "figures": [{"query": "≥4.35 V", "record": "4.4 V", "state": "met"}],
                    "excluded": [],
                    "exact": "CN 102932380 A",
                }
            ]
        }
    )

    terms: list[str] = Field(description="What both sides share to the letter, longest first.")
    meanings: list[MeaningOut] = Field(
        description="Terms that mean the same, in one language or two, the most telling first. None in an index of "
        "few records or of an older version."
    )
    passage: str | None = Field(
        description="The sentence of the record's text that carries most of it; the title where there is no text."
    )
    signals: SignalsOut
    figures: list[FigureOut] = Field(
        default_factory=list, description="The query's figures with units (`不低于10 kW`), each met, not met or silent."
    )
    excluded: list[str] = Field(
        default_factory=list, description="Terms that the query excludes and the record uses: why it stands last."
    )
    exact: str | None = Field(
        None, description="The number in the query that names this very record. There without `explain`, too."
    )
