"""Bounded worker threads for whatever would block the event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

import anyio
import anyio.to_thread

from app.errors import OverloadedError

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Workers:
    """Runs blocking calls in at most `workers` threads; beyond `queue` waiting calls it refuses."""

    def __init__(self, workers: int, queue: int) -> None:
        self._limiter = anyio.CapacityLimiter(workers)
        self._most = workers + queue
        # Counted here: the limiter learns of a call only after a turn of the event loop, in which others would slip by.
        self._taken = 0

    @property
    def waiting(self) -> int:
        """Calls that wait for a thread."""
        return max(0, self._taken - int(self._limiter.total_tokens))

    async def run(self, call: Callable[[*Ts], T], *args: *Ts) -> T:
        """The result of `call(*args)`.

        Raises:
            OverloadedError: every thread is taken and too many calls wait already.
        """
        if self._taken >= self._most:
            raise OverloadedError(
                "Too many requests are waiting; try again in a moment.", "等待处理的请求过多，请稍后重试。"
            )
        self._taken += 1
        try:
            return await anyio.to_thread.run_sync(call, *args, limiter=self._limiter)
        finally:
            self._taken -= 1
