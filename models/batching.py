"""Shares encoder batches among concurrent callers, without waiting for them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import numpy as np

from models.encoder import Encoded, Encoder, Role
from models.errors import EmptyTextError, EncoderBusyError, ModelError

# About 1,400 tokens of Chinese, 500 of English: over half a second on two cores, which is what a short query may have
# to wait for somebody's bulk call. Larger batches are no faster.
MAX_BATCH_CHARACTERS = 2000


@dataclass(eq=False, slots=True)
class _Call:
    """One caller's texts: how many a batch took already, and what came back for those."""

    texts: Sequence[str]
    role: Role
    answer: Future[Encoded] = field(default_factory=Future)
    taken: int = 0
    parts: list[Encoded] = field(default_factory=list)

    @property
    def waiting(self) -> int:
        return len(self.texts) - self.taken


@dataclass(frozen=True, slots=True)
class _Slice:
    """The texts of one call from ``start`` to ``end`` that are in a batch."""

    call: _Call
    start: int
    end: int

    @property
    def texts(self) -> Sequence[str]:
        return self.call.texts[self.start : self.end]

    def __len__(self) -> int:
        return self.end - self.start


class BatchingEncoder:
    """An `Encoder` that runs another one on a single thread and lets concurrent calls share its batches.

    Nothing waits on purpose: a call that finds the worker idle runs at once, and what arrives meanwhile is taken
    together when it is done. A call of many texts is cut into batches, and calls take turns, so that a short query
    waits for one batch of a bulk call and not for all of them.

    Args:
        encoder: what embeds.
        max_queue_texts: texts that may wait; a call that would exceed it is refused.
        max_batch_texts: texts of one batch.
        max_batch_characters: characters of one batch; a text that is longer alone is a batch of its own.

    Attributes:
        name: the encoder's.
        fingerprint: the encoder's.
        dimension: the encoder's.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        max_queue_texts: int,
        max_batch_texts: int,
        max_batch_characters: int = MAX_BATCH_CHARACTERS,
    ) -> None:
        if min(max_queue_texts, max_batch_texts, max_batch_characters) < 1:
            raise ValueError("the limits of a batching encoder are at least 1")
        self._encoder = encoder
        self.name, self.fingerprint, self.dimension = encoder.name, encoder.fingerprint, encoder.dimension
        self._max_queue_texts = max_queue_texts
        self._max_batch_texts = max_batch_texts
        self._max_batch_characters = max_batch_characters
        self._calls: deque[_Call] = deque()
        self._queued = 0
        self._closed = False
        self._changed = threading.Condition()
        self._worker = threading.Thread(target=self._work, name="encoder", daemon=True)
        self._worker.start()

    def encode(self, texts: Sequence[str], role: Role) -> Encoded:
        """Embed texts, together with those of other callers; blocks until they are done.

        Raises:
            EmptyTextError: one of this call's texts is empty; other calls of the batch are not affected.
            EncoderBusyError: too many texts wait already. A call of more texts than may ever wait runs if none waits.
            ModelError: the encoder was closed.
        """
        if not texts:
            return self._encoder.encode([], role)
        # Texts of like length share batches, because the encoder pads each to the longest beside it.
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        call = _Call([texts[place] for place in order], role)
        with self._changed:
            if self._closed:
                raise ModelError("The encoder is closed.", "编码器已关闭。")
            if self._queued and self._queued + len(call.texts) > self._max_queue_texts:
                raise EncoderBusyError("Too many texts are waiting to be embedded.", "等待编码的文本过多。")
            self._calls.append(call)
            self._queued += len(call.texts)
            self._changed.notify()
        try:
            encoded = call.answer.result()
        except EmptyTextError as error:
            raise EmptyTextError(order[error.position]) from error
        return encoded.take(np.argsort(order))

    def close(self) -> None:
        """Finish what waits, refuse what comes after, and end the worker. A second call does nothing."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._worker.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._calls and not self._closed:
                    self._changed.wait()
                if not self._calls:
                    return
                batch = self._take()
            self._run(batch)

    def _take(self) -> list[_Slice]:
        """The next batch: texts of the first call's role, of as many calls as fit. The lock is held."""
        role = self._calls[0].role
        texts, characters = self._max_batch_texts, self._max_batch_characters
        batch: list[_Slice] = []
        for call in self._calls:
            if texts < 1 or characters < 1:
                break
            taken = _fitting(call, texts, characters, at_least=0 if batch else 1) if call.role is role else 0
            if taken:
                one = _Slice(call, call.taken, call.taken + taken)
                batch.append(one)
                call.taken = one.end
                texts -= taken
                characters -= sum(map(len, one.texts))
        served = [one.call for one in batch]
        # A call that had its turn goes behind all that wait; the first in line always gets one, so nobody starves.
        behind = [call for call in served if call.waiting]
        self._calls = deque([*(call for call in self._calls if call not in served), *behind])
        self._queued -= sum(map(len, batch))
        return batch

    def _run(self, batch: list[_Slice]) -> None:
        """Embed a batch and hand each call its part, or its error."""
        while batch:
            try:
                encoded = self._encoder.encode([text for one in batch for text in one.texts], batch[0].call.role)
            except EmptyTextError as error:
                guilty, position = _owner(batch, error.position)
                self._fail(guilty.call, EmptyTextError(position))
                batch = [one for one in batch if one is not guilty]
            # Whatever else goes wrong belongs to the callers; the worker must live on for the next ones.
            except Exception as error:
                for one in batch:
                    self._fail(one.call, error)
                return
            else:
                _hand_out(batch, encoded)
                return

    def _fail(self, call: _Call, error: Exception) -> None:
        """Give a call its error, and forget those of its texts that still wait."""
        with self._changed:
            if call in self._calls:
                self._calls.remove(call)
                self._queued -= call.waiting
        call.answer.set_exception(error)


def _fitting(call: _Call, texts: int, characters: int, *, at_least: int) -> int:
    """How many of a call's waiting texts fit into what is left of a batch."""
    count = 0
    for text in call.texts[call.taken : call.taken + texts]:
        characters -= len(text)
        if characters < 0 and count >= at_least:
            break
        count += 1
    return count


def _owner(batch: Sequence[_Slice], position: int) -> tuple[_Slice, int]:
    """Whose text stands at a position of the batch, and its place in that caller's own list."""
    for one in batch:
        if position < len(one):
            return one, one.start + position
        position -= len(one)
    raise IndexError("an encoder named a text that is not in its batch")


def _hand_out(batch: Sequence[_Slice], encoded: Encoded) -> None:
    start = 0
    for one in batch:
        end = start + len(one)
        one.call.parts.append(encoded.take(slice(start, end)))
        if one.end == len(one.call.texts):
            one.call.answer.set_result(Encoded.joined(one.call.parts))
        start = end
