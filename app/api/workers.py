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
        self._queue = queue

    @property
    def waiting(self) -> int:
        """Calls that wait for a thread."""
        return self._limiter.statistics().tasks_waiting

    async def run(self, call: Callable[[*Ts], T], *args: *Ts) -> T:
        """The result of `call(*args)`.

        Raises:
            OverloadedError: every thread is taken and too many calls wait already.
        """
        if self._limiter.available_tokens <= 0 and self.waiting >= self._queue:
            raise OverloadedError(
                "Too many requests are waiting; try again in a moment.", "等待处理的请求过多，请稍后重试。"
            )
        return await anyio.to_thread.run_sync(call, *args, limiter=self._limiter)
