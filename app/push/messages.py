"""What a webhook is told of push runs: references when a run is done, payloads when they are sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from app.catalogue import NewMessage
from app.domain import Renderer
from app.push.delivery import PushDelivery
from app.push.shapes import list_out, run_out

LISTS, FINISHED = "push.lists", "push.finished"


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
        told = [list_out(one).model_dump(mode="json") for one in found]
        return {"run": about["run"], "lists": told} if told else None

    def finished(about: Mapping[str, Any]) -> dict[str, Any]:
        return run_out(delivery.get(about["run"])).model_dump(mode="json") | {"messages": about["messages"]}

    return {LISTS: lists, FINISHED: finished}
