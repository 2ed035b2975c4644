"""A push run and a firm's list as they leave the service, over HTTP and in a webhook's message alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from typing import Any, Literal

from pydantic import BaseModel, Field

from app.catalogue import NewMessage, PushRun
from app.domain import Level, Renderer
from app.push.delivery import FirmList, PushDelivery
from app.records.read import RecordOut

LISTS, FINISHED = "push.lists", "push.finished"


class PushRunOut(BaseModel):
    """A run without what it was made from."""

    run: str
    status: Literal["running", "done"]
    started_at: datetime
    finished_at: datetime | None
    firms: int = Field(description="Firms that have a list.")
    entries: int


class PushedOut(BaseModel):
    """One place of a list."""

    id: str
    rank: int = Field(description="As pushed; a withdrawn patent leaves a gap.")
    score: float = Field(description="Probability of being at least fairly strong.")
    level: Level
    title: str
    reason: list[str] = Field(description="Terms that both sides share.")
    need_id: str | None = Field(description="The firm's need that it was found for; null where its profile was asked.")
    firm_rank: int | None = Field(description="Place of the firm among the patent's own best firms.")
    placed: Literal["choice", "cap", "floor", "diversity", "agreed"] = Field(
        description="`choice`: among the firm's best; `cap`: better ones were shown often enough; `floor`: it had to "
        "be shown; `diversity`: better ones were one too many of a holder, family, title or subject; `agreed`: "
        "among the firm's best only since both sides rated it worth industrialising."
    )
    record: RecordOut


class PushListOut(BaseModel):
    """A firm's list, or a part of it."""

    run: str
    firm_id: str
    arm: Literal["a", "b"] | None = Field(description="The ranking that the firm was assigned to.")
    patents: list[PushedOut]
    cursor: str | None = Field(description="Send it back for the next part; null at the end.")
    empty: Literal["opted_out", "not_in_run", "all_withdrawn"] | None = Field(description="Why there is nothing.")


def run_out(run: PushRun) -> PushRunOut:
    """A run as it leaves the service."""
    return PushRunOut.model_validate(asdict(run) | {"run": run.name})


def list_out(found: FirmList) -> PushListOut:
    """A list as it leaves the service."""
    return PushListOut(
        run=found.run,
        firm_id=found.firm_id,
        arm="b" if found.patents and found.patents[0].entry.arm == "b" else "a" if found.patents else None,
        patents=[
            PushedOut.model_validate(
                asdict(entry)
                | {
                    "id": entry.patent_id,
                    "title": record.title,
                    "reason": entry.reason.split(),
                    "record": RecordOut(**record.shown),
                }
            )
            for entry, record in found.patents
        ],
        cursor=None if found.cursor is None else str(found.cursor),
        empty=found.why_empty,
    )


def announcement(run: str, firms: Iterable[str], size: int) -> list[NewMessage]:
    """The messages of a run that is done: its lists in the order of firms, some firms each, then that these were all.

    Args:
        run: its name.
        firms: ids of all firms that have a list, in order.
        size: firms a message.
    """
    messages, after, left = list[NewMessage](), "", iter(firms)
    while part := list(islice(left, size)):
        messages.append(NewMessage(LISTS, {"run": run, "after": after, "to": part[-1]}))
        after = part[-1]
    return [*messages, NewMessage(FINISHED, {"run": run, "messages": len(messages)})]


def push_renderers(delivery: PushDelivery) -> dict[str, Renderer]:
    """What the messages of a run say at the moment at which they are sent."""

    def lists(about: Mapping[str, Any]) -> dict[str, Any] | None:
        found = delivery.of_firms(about["run"], after=about["after"], to=about["to"])
        shown = [list_out(one).model_dump(mode="json") for one in found]
        return {"run": about["run"], "lists": shown} if shown else None

    def finished(about: Mapping[str, Any]) -> dict[str, Any]:
        return run_out(delivery.get(about["run"])).model_dump(mode="json") | {"messages": about["messages"]}

    return {LISTS: lists, FINISHED: finished}
