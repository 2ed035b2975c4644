"""What goes over the wire when a match says why it matched."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from app.domain import Why


class MeaningOut(BaseModel):
    """Two terms that mean the same, though they are written otherwise."""

    query: str = Field(description="As the query has it, in lower case.")
    record: str = Field(description="As the record has it, in lower case.")
    similarity: float = Field(description="Cosine of the two, relative to the means of their scripts.")


class SignalsOut(BaseModel):
    """What each signal added to what ranked the match; they sum to it."""

    cosine: float = Field(description="Of the vectors of both texts.")
    shared_terms: float = Field(
        description="Of terms that both sides share, or would in one language; 0 where these do not rank."
    )
    language: float = Field(description="What makes it comparable where query and record are in two languages.")


class WhyOut(BaseModel):
    """Why a record matched."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "terms": ["ncm811"],
                    "meanings": [{"query": "电解液", "record": "electrolyte", "similarity": 0.57}],
                    "passage": "To suppress gassing of NCM811 cathodes, an electrolyte is disclosed.",
                    "signals": {"cosine": 0.6412, "shared_terms": 0.3521, "language": 0.1032},
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


def why_out(why: Why) -> WhyOut:
    """The domain's reasons as they go over the wire."""
    return WhyOut(
        terms=list(why.terms),
        meanings=[
            MeaningOut(query=pair.query, record=pair.record, similarity=round(pair.similarity, 3))
            for pair in why.meanings
        ],
        passage=why.passage,
        signals=SignalsOut(
            cosine=round(why.signals.cosine, 6),
            shared_terms=round(why.signals.shared_terms, 6),
            language=round(why.signals.language, 6),
        ),
    )
