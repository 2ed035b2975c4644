"""Sharing encoder batches."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
import pytest
from hashing_encoder import HashingEncoder

from models import BatchingEncoder, EmptyTextError, Encoded, EncoderBusyError, ModelError, Role

TIMEOUT = 20


class Gate:
    """A test encoder that notes each batch and, once told to, holds every batch until it is let go."""

    def __init__(self) -> None:
        self.inner = HashingEncoder()
        self.batches: list[tuple[Role, list[str]]] = []
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Semaphore(0)

    name, fingerprint, dimension = "gate", "f" * 64, 64

    def encode(self, texts: Sequence[str], role: Role) -> Encoded:
        self.batches.append((role, list(texts)))
        self.entered.release()
        assert self.open.wait(TIMEOUT)
        if "boom" in texts:
            raise RuntimeError("boom")
        return self.inner.encode(texts, role)

    def hold(self) -> None:
        self.open.clear()

    def wait_until_busy(self) -> None:
        assert self.entered.acquire(timeout=TIMEOUT)


@pytest.fixture
def gate() -> Gate:
    """The encoder below."""
    return Gate()


@pytest.fixture
def batching(gate: Gate) -> Iterator[BatchingEncoder]:
    """Eight texts a batch, sixteen may wait, a hundred characters a batch."""
    with BatchingEncoder(gate, max_queue_texts=16, max_batch_texts=8, max_batch_characters=100) as encoder:
        yield encoder
        gate.open.set()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Callers."""
    with ThreadPoolExecutor(40) as executor:
        yield executor


def occupied(gate: Gate, batching: BatchingEncoder, pool: ThreadPoolExecutor) -> None:
    """Start a call that keeps the worker busy until the gate opens."""
    gate.hold()
    pool.submit(batching.encode, ["first"], Role.QUERY)
    gate.wait_until_busy()


def until_queued(batching: BatchingEncoder, texts: int) -> None:
    """Wait until so many texts are in the queue."""
    deadline = threading.Event()
    for _ in range(TIMEOUT * 100):
        if batching._queued == texts:
            return
        deadline.wait(0.01)
    pytest.fail(f"{batching._queued} texts are queued, not {texts}")


def test_models_batching_gives_every_caller_its_own_vectors(gate, batching, pool):
    """Many calls of different sizes at once: each gets the vectors of its texts, in its order."""
    calls = [[f"text {caller} " * (7 * place % 5 + 1) for place in range(caller % 5 + 1)] for caller in range(40)]

    def patient(texts: list[str]) -> Encoded:
        while True:
            try:
                return batching.encode(texts, Role.PASSAGE)
            except EncoderBusyError:
                continue

    answers = list(pool.map(patient, calls, timeout=TIMEOUT))
    for texts, answer in zip(calls, answers, strict=True):
        assert np.array_equal(answer.vectors, HashingEncoder().encode(texts, Role.PASSAGE).vectors)
        assert answer.tokens.tolist() == [len(text) for text in texts]
        assert answer.windows.shape == answer.truncated.shape == (len(texts),)
    assert sum(len(texts) for _, texts in gate.batches) == sum(map(len, calls))
    assert batching._queued == 0


def test_models_batching_runs_an_idle_call_at_once_and_gathers_what_waits(gate, batching, pool):
    """A lone call runs alone; what arrives while it runs shares the next batch."""
    occupied(gate, batching, pool)
    waiting = [pool.submit(batching.encode, [f"waiting {caller}"], Role.QUERY) for caller in range(6)]
    until_queued(batching, 6)
    gate.open.set()
    wait(waiting, TIMEOUT)
    assert [len(texts) for _, texts in gate.batches] == [1, 6]


def test_models_batching_never_mixes_roles(gate, batching, pool):
    """Queries and passages that wait together run one after the other, each under its role."""
    occupied(gate, batching, pool)
    roles = [Role.PASSAGE, Role.QUERY] * 3
    waiting = [pool.submit(batching.encode, [role.value], role) for role in roles]
    until_queued(batching, 6)
    gate.open.set()
    wait(waiting, TIMEOUT)
    assert sorted(len(texts) for _, texts in gate.batches) == [1, 3, 3]
    assert all(set(texts) <= {role.value, "first"} for role, texts in gate.batches)


@pytest.mark.parametrize("role", Role)
def test_models_batching_lets_a_short_call_pass_a_bulk_call(gate, pool, role):
    """A call of many texts yields after each batch, so that a short one of either role waits for one batch alone."""
    with BatchingEncoder(gate, max_queue_texts=64, max_batch_texts=8) as batching:
        gate.hold()
        bulk = pool.submit(batching.encode, [f"bulk {place}" for place in range(40)], Role.QUERY)
        gate.wait_until_busy()
        short = pool.submit(batching.encode, ["short"], role)
        until_queued(batching, 33)
        gate.open.set()
        assert len(bulk.result(TIMEOUT).vectors) == 40
        short.result(TIMEOUT)
    turns = ["short" in texts for _, texts in gate.batches]
    assert turns.index(True) <= 2


def test_models_batching_caps_a_batch_by_texts_and_characters(gate, batching):
    """No batch exceeds eight texts or a hundred characters, except one text that is longer alone; like lengths meet."""
    texts = ["x" * size for size in (250, 60, 30, 20, 99, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)]
    answer = batching.encode(texts, Role.QUERY)
    assert answer.tokens.tolist() == [len(text) for text in texts]
    ran = [text for _, batch in gate.batches for text in batch]
    assert ran == sorted(texts, key=len)
    assert all(len(batch) <= 8 and (sum(map(len, batch)) <= 100 or len(batch) == 1) for _, batch in gate.batches)


def test_models_batching_fails_only_the_caller_with_the_empty_text(gate, batching, pool):
    """An empty text is its own caller's error, with its place in that caller's list; the others get vectors."""
    occupied(gate, batching, pool)
    good = [pool.submit(batching.encode, [f"good {caller}"], Role.QUERY) for caller in range(2)]
    bad = [pool.submit(batching.encode, ["a", " "], Role.QUERY) for _ in range(2)]
    until_queued(batching, 6)
    gate.open.set()
    for future in bad:
        error = future.exception(TIMEOUT)
        assert isinstance(error, EmptyTextError)
        assert error.position == 1
    assert all(future.result(TIMEOUT).vectors.shape == (1, 64) for future in good)


def test_models_batching_places_an_empty_text_among_many(batching):
    """The place is that in the caller's own list, whichever batch met the text; the rest of the call is forgotten."""
    for empty in ("", " " * 30):
        with pytest.raises(EmptyTextError) as caught:
            batching.encode([*("text" for _ in range(10)), empty, *("text" for _ in range(20))], Role.QUERY)
        assert caught.value.position == 10
        assert batching._queued == 0
        assert batching.encode(["after"], Role.QUERY).vectors.shape == (1, 64)


def test_models_batching_hands_a_failure_to_all_of_its_batch_and_goes_on(gate, batching, pool):
    """An error of the encoder reaches every caller whose texts were in that batch, and nobody later."""
    occupied(gate, batching, pool)
    waiting = [pool.submit(batching.encode, [text], Role.QUERY) for text in ("boom", "beside")]
    until_queued(batching, 2)
    gate.open.set()
    assert [str(future.exception(TIMEOUT)) for future in waiting] == ["boom", "boom"]
    assert batching.encode(["after"], Role.QUERY).vectors.shape == (1, 64)


def test_models_batching_refuses_what_the_queue_does_not_hold(gate, batching, pool):
    """A full queue refuses at once; once it has room the same call is taken. A large call runs when nothing waits."""
    occupied(gate, batching, pool)
    waiting = pool.submit(batching.encode, ["waiting"] * 15, Role.QUERY)
    until_queued(batching, 15)
    with pytest.raises(EncoderBusyError):
        batching.encode(["x", "y"], Role.QUERY)
    gate.open.set()
    waiting.result(TIMEOUT)
    assert len(batching.encode(["x", "y"], Role.QUERY).vectors) == 2
    assert len(batching.encode(["x"] * 100, Role.QUERY).vectors) == 100


def test_models_batching_closes_after_what_waits_is_done(gate, pool):
    """Closing finishes the queue, refuses later calls, and may be repeated."""
    batching = BatchingEncoder(gate, max_queue_texts=16, max_batch_texts=2)
    occupied(gate, batching, pool)
    waiting = [pool.submit(batching.encode, [f"waiting {caller}"], Role.QUERY) for caller in range(5)]
    until_queued(batching, 5)
    closing = pool.submit(batching.close)
    gate.open.set()
    closing.result(TIMEOUT)
    assert all(future.result(TIMEOUT).vectors.shape == (1, 64) for future in waiting)
    batching.close()
    with pytest.raises(ModelError, match="closed"):
        batching.encode(["late"], Role.QUERY)


def test_models_batching_answers_an_empty_call(batching):
    """No texts give no vectors, of the right shape."""
    assert batching.encode([], Role.QUERY).vectors.shape == (0, 64)


def test_models_batching_is_the_encoder_it_wraps(gate, batching):
    """Name, fingerprint and dimension are those of the encoder below."""
    assert (batching.name, batching.fingerprint, batching.dimension) == (gate.name, gate.fingerprint, gate.dimension)


@pytest.mark.parametrize("limits", [(0, 1), (1, 0)])
def test_models_batching_refuses_limits_without_room(gate, limits):
    """Limits below one are a mistake."""
    with pytest.raises(ValueError, match="at least 1"):
        BatchingEncoder(gate, max_queue_texts=limits[0], max_batch_texts=limits[1])
