"""What goes over the wire of the records that stand behind a match."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from app.domain import Folded, FoldedBy

FOLDED_SHOWN = 20
"""Records named behind a match at most; `folded_count` has the number of all. The largest group of one title and
holder among 81,435 Chinese patents has 20."""


class FoldedOut(BaseModel):
    """A record that a better match stands for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"id": "CN106376578", "title": "一种杀菌剂组合物", "score": 0.7134, "by": "title"}]
        }
    )

    id: str
    title: str
    score: float
    by: FoldedBy = Field(
        description="`family`: of one family or application. `title`: of one title and the same holders. `holder`: one "
        "too many of its holder."
    )


def folded_out(folded: Sequence[Folded]) -> list[FoldedOut]:
    """The first of them as they go over the wire."""
    return [
        FoldedOut(id=one.id, title=one.title, score=round(one.score, 4), by=one.by) for one in folded[:FOLDED_SHOWN]
    ]
