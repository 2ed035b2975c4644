"""The store of vectors: each text once, durable, and never silently wrong."""

import multiprocessing
import os
import stat
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import LockedError, StoredVectors, VectorStore, VectorStoreDamagedError, VectorStoreWriteError, text_key
from index.durable import FileLock, holder_of
from index.errors import StoreLockedError, VectorInputError, VectorMissingError
from index.vector_file import HEADER_BYTES, VectorFile, record_type
from index.vectors import LOCK_NAME

DIMENSION = 4
RECORD = record_type(DIMENSION).itemsize


def keys_of(numbers):
    """The keys of texts ``t0``, ``t1``, ..."""
    return [text_key("passage", f"t{number}") for number in numbers]


def vectors_of(numbers):
    """A vector for each number that tells which it is."""
    return np.array([[number, -number, 0.5, 1.0] for number in numbers], dtype=np.float32).reshape(-1, DIMENSION)


def append(store, numbers):
    """Store the vectors of ``numbers``."""
    numbers = list(numbers)
    store.append(keys_of(numbers), vectors_of(numbers), np.array(numbers), np.array([n % 2 == 1 for n in numbers]))


def flip(path, offset):
    """Change one bit of a file."""
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


@pytest.fixture
def path(tmp_path):
    """Where the store is; nothing is there yet."""
    return tmp_path / "vectors" / "fp1"


def test_index_vectors_keys_depend_on_role_and_text():
    """Another role or text gives another key; the same gives the same, also for a text UTF-8 cannot carry."""
    keys = {
        text_key(*pair) for pair in [("query", "a"), ("passage", "a"), ("query", "b"), ("query", ""), ("q", "ueryb")]
    }
    assert len(keys) == 5
    assert all(len(key) == 16 for key in keys)
    assert text_key("query", "电解液") == text_key("query", "电解液")
    assert text_key("query", "\ud800") != text_key("query", "\ud801")


def test_index_vectors_come_back_as_stored(path):
    """Vectors and what the encoder said come back in the order asked, from the writer and after opening anew."""
    with VectorStore(path, DIMENSION) as store:
        append(store, range(5))
        append(store, range(5, 9))
        again = VectorStore(path, DIMENSION)
        for reader in (store, again):
            assert len(reader) == 9
            assert (reader.get(keys_of([8, 0, 8])) == vectors_of([8, 0, 8])).all()
            facts = reader.facts(keys_of([3, 4]))
            assert (facts.tokens.tolist(), facts.truncated.tolist()) == ([3, 4], [True, False])
            assert facts.windows.tolist() == [1, 1]
            assert reader.missing(keys_of([1, 9, 2])).tolist() == [False, True, False]


def test_index_vectors_keep_windows(path):
    """How many windows a text was read in is kept; more than the field holds is kept as the most it holds."""
    with VectorStore(path, DIMENSION) as store:
        store.append(keys_of([1, 2]), vectors_of([1, 2]), np.array([9, 9]), np.array([False] * 2), np.array([3, 10**6]))
        assert store.facts(keys_of([1, 2])).windows.tolist() == [3, 65_535]


@settings(deadline=None, max_examples=40)
@given(batches=st.lists(st.lists(st.integers(0, 12), max_size=6), max_size=6), reopen=st.booleans())
def test_index_vectors_agree_with_a_dict(tmp_path_factory, batches, reopen):
    """Whatever is appended, the last vector of each text is the one that is found."""
    path = tmp_path_factory.mktemp("vectors") / "fp"
    oracle = {}
    store = VectorStore(path, DIMENSION)
    for number, batch in enumerate(batches):
        vectors = vectors_of(batch) + number
        store.append(keys_of(batch), vectors, np.zeros(len(batch)), np.zeros(len(batch), dtype=np.bool_))
        oracle.update(zip(batch, vectors, strict=True))
        if reopen:
            store.close()
            store = VectorStore(path, DIMENSION)
    assert len(store) == len(oracle)
    assert store.missing(keys_of(range(13))).tolist() == [n not in oracle for n in range(13)]
    assert store.get(keys_of(oracle)).tolist() == [vector.tolist() for vector in oracle.values()]
    assert store.verify().damaged == ()
    store.close()


def test_index_vectors_of_nothing(path):
    """A store that does not exist yet has nothing, misses everything and is intact."""
    store = VectorStore(path, DIMENSION)
    assert len(store) == 0
    assert store.missing(keys_of([1])).tolist() == [True]
    assert store.get([]).shape == (0, DIMENSION)
    assert store.verify().records == 0
    assert not path.exists()


def test_index_vectors_name_what_is_missing(path):
    """Asking for a text that was never stored is an error that says which, not a vector of zeros."""
    with VectorStore(path, DIMENSION) as store:
        append(store, [1])
        with pytest.raises(VectorMissingError, match="2 of the keys") as caught:
            store.get(keys_of([1, 7, 8]))
    assert (caught.value.position, caught.value.count) == (1, 2)


def test_index_vectors_readers_see_what_a_writer_appends(path):
    """A reader that was open before an append finds the new vectors."""
    with VectorStore(path, DIMENSION) as writer:
        append(writer, range(3))
        reader = VectorStore(path, DIMENSION)
        append(writer, range(3, 6))
        assert not reader.missing(keys_of(range(6))).any()
        assert (reader.get(keys_of([5])) == vectors_of([5])).all()


def test_index_vectors_have_writers_side_by_side(path):
    """Two open stores append in turn; each finds what the other wrote, and nobody holds the lock in between."""
    first, second = VectorStore(path, DIMENSION), VectorStore(path, DIMENSION)
    for number in range(0, 10, 2):
        append(first, [number])
        append(second, [number + 1])
        assert holder_of(path / LOCK_NAME) is None
    for store in (first, second):
        assert (store.get(keys_of(range(10))) == vectors_of(range(10))).all()
        assert store.verify().damaged == ()


def test_index_vectors_wait_for_another_writer_and_then_say_who_it_is(path):
    """An append waits as long as it was told to and then names the holder; let go in time, it goes through."""
    store = VectorStore(path, DIMENSION, wait_seconds=0.1)
    holder = FileLock(path / LOCK_NAME, "test")
    with (
        holder,
        pytest.raises(StoreLockedError, match=rf"process {os.getpid()}\) holds the lock: writing vectors of fp1"),
    ):
        append(store, [1])
    assert issubclass(StoreLockedError, LockedError)
    patient = VectorStore(path, DIMENSION, wait_seconds=30)
    holder.acquire()
    release = threading.Timer(0.2, holder.release)
    release.start()
    append(patient, [2])
    release.join()
    assert len(VectorStore(path, DIMENSION)) == 1


def test_index_vectors_closed_can_be_used_again(path):
    """Closing lets memory go; what is asked next is read again."""
    store = VectorStore(path, DIMENSION)
    append(store, range(3))
    store.close()
    assert (store.get(keys_of([2])) == vectors_of([2])).all()
    store.close()
    append(store, [3])
    assert (store.get(keys_of(range(4))) == vectors_of(range(4))).all()


def test_index_vectors_check_the_end_of_the_file_only_when_it_moved(path, monkeypatch):
    """A lone writer's appends read nothing back; an append after another writer's looks at the end once."""
    looked = []
    real = VectorFile.cut_tail
    monkeypatch.setattr(VectorFile, "cut_tail", lambda file: (looked.append(1), real(file))[1])
    store = VectorStore(path, DIMENSION)
    for number in range(5):
        append(store, [number])
    assert len(looked) == 1
    append(VectorStore(path, DIMENSION), [5])
    append(store, [6])
    append(store, [7])
    assert len(looked) == 3


@pytest.fixture
def flushes(monkeypatch):
    """What is written, renamed, cut and flushed, in order, by the kind of thing."""
    done, real = [], {name: getattr(os, name) for name in ("write", "fsync")}
    replace = Path.replace

    def written(descriptor, data):
        done.append("written")
        return real["write"](descriptor, data)

    def flushed(descriptor):
        status = os.fstat(descriptor)
        done.append(
            "folder" if stat.S_ISDIR(status.st_mode) else f"{(status.st_size - HEADER_BYTES) // RECORD} records"
        )
        real["fsync"](descriptor)

    def renamed(path, target):
        done.append("renamed")
        return replace(path, target)

    monkeypatch.setattr(os, "write", written)
    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", renamed)
    return done


def test_index_vectors_are_flushed_before_an_append_returns(path, flushes):
    """A new file is flushed, renamed and its folder flushed; then records are written and flushed, each append."""
    path.mkdir(parents=True)
    store = VectorStore(path, DIMENSION)
    append(store, [1, 2])
    assert flushes[flushes.index("renamed") - 1 :] == ["0 records", "renamed", "folder", "written", "2 records"]
    flushes.clear()
    append(store, [3])
    assert flushes[-2:] == ["written", "3 records"]


def test_index_vectors_cut_of_a_torn_append_is_flushed_before_the_next_is_written(path, flushes):
    """The tail goes for good before new records take its place: no record begins in the middle of another."""
    append(VectorStore(path, DIMENSION), [1, 2])
    with (path / "vectors.bin").open("ab") as tail:
        tail.write(b"torn" * 3)
    flushes.clear()
    store = VectorStore(path, DIMENSION)
    append(store, [3])
    assert flushes[-3:] == ["2 records", "written", "3 records"]
    assert (path / "vectors.bin").stat().st_size == HEADER_BYTES + 3 * RECORD
    assert (store.get(keys_of([1, 2, 3])) == vectors_of([1, 2, 3])).all()


@pytest.mark.parametrize("garbage", [1, RECORD - 1, RECORD, 3 * RECORD + 5])
def test_index_vectors_cut_what_a_killed_writer_left(path, garbage):
    """Bytes after the last whole, intact record are no record for readers' answers and are cut by the next writer."""
    with VectorStore(path, DIMENSION) as store:
        append(store, range(4))
    file = path / "vectors.bin"
    with file.open("ab") as tail:
        tail.write(b"\0" * garbage)
    size = file.stat().st_size
    reader = VectorStore(path, DIMENSION)
    assert reader.verify().partial_tail_bytes == garbage % RECORD
    assert file.stat().st_size == size, "a reader must not write"
    with VectorStore(path, DIMENSION) as store:
        append(store, [4])
        assert (store.get(keys_of(range(5))) == vectors_of(range(5))).all()
        assert len(store) == 5
        assert store.verify().damaged == ()
    assert file.stat().st_size == HEADER_BYTES + 5 * RECORD


@pytest.mark.parametrize("offset", range(0, RECORD, 5))
def test_index_vectors_notice_a_flipped_bit(path, offset):
    """One changed bit of a record is found by ``verify``, never given out, and repaired by storing the text anew."""
    with VectorStore(path, DIMENSION) as store:
        append(store, range(3))
    flip(path / "vectors.bin", HEADER_BYTES + RECORD + offset)
    store = VectorStore(path, DIMENSION)
    assert store.verify().damaged == (1,)
    assert (store.get(keys_of([0, 2])) == vectors_of([0, 2])).all()
    with pytest.raises((VectorStoreDamagedError, VectorMissingError)):  # a changed key is no longer found
        store.get(keys_of([1]))
    append(store, [1])
    assert (store.get(keys_of([1])) == vectors_of([1])).all()
    store.close()


@pytest.mark.parametrize(
    ("offset", "message"), [(0, "does not begin with"), (8, "checksum of its header"), (20, "checksum of its header")]
)
def test_index_vectors_notice_a_damaged_header(path, offset, message):
    """A file whose header changed is refused, for reading and for writing."""
    with VectorStore(path, DIMENSION) as store:
        append(store, range(3))
    flip(path / "vectors.bin", offset)
    with pytest.raises(VectorStoreDamagedError, match=message):
        VectorStore(path, DIMENSION)


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 300])
def test_index_vectors_refuse_a_file_of_something_else(path, content):
    """A file that is no vector store is refused by name and left as it is."""
    path.mkdir(parents=True)
    (path / "vectors.bin").write_bytes(content)
    with pytest.raises(VectorStoreDamagedError, match=r"vectors\.bin: it does not begin"):
        VectorStore(path, DIMENSION)
    assert (path / "vectors.bin").read_bytes() == content


def test_index_vectors_refuse_those_of_another_encoder(path):
    """A store of another dimension or fingerprint is refused, and both are named."""
    with VectorStore(path, DIMENSION) as store:
        append(store, [1])
    with pytest.raises(VectorStoreDamagedError, match="4 dimensions of fingerprint fp1, not 5 of fp1"):
        VectorStore(path, 5)
    with pytest.raises(VectorStoreDamagedError, match="not 4 of other"):
        VectorStore(path, DIMENSION, fingerprint="other")


def test_index_vectors_check_what_is_appended(path):
    """Arrays that do not fit, and values that are no numbers, are refused before anything is written."""
    store = VectorStore(path, DIMENSION)
    one, flags = np.ones(1, dtype=np.int32), np.zeros(1, dtype=np.bool_)
    for keys, vectors, message in [
        (keys_of([1]), np.full((1, DIMENSION), np.nan, dtype=np.float32), "not a finite number"),
        (keys_of([1]), vectors_of([1]).astype(np.float64), "float64"),
        (keys_of([1, 2]), vectors_of([1, 2]), "one length"),
        ([b"short"], vectors_of([1]), "16 bytes"),
    ]:
        with pytest.raises(VectorInputError, match=message):
            store.append(keys, vectors, one, flags)
    assert len(store) == 0


def test_index_vectors_are_a_source_by_position(path):
    """A list of keys gives vectors by position, the same one twice where two records share a text."""
    with VectorStore(path, DIMENSION) as store:
        append(store, range(4))
        source = StoredVectors(store, keys_of([3, 1, 3]))
        assert (len(source), source.dimension) == (3, DIMENSION)
        assert (source.take(np.array([2, 1])) == vectors_of([3, 1])).all()


def test_index_vectors_serve_threads_while_one_appends(path):
    """Threads that read while another appends get whole, right vectors of everything that was acknowledged."""
    store, acknowledged, failures, done = VectorStore(path, DIMENSION), [0], [], threading.Event()

    def read():
        try:
            while not done.is_set():
                known = acknowledged[0]
                assert (store.get(keys_of(range(known))) == vectors_of(range(known))).all()
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(60):
        append(store, [number])
        acknowledged[0] = number + 1
    done.set()
    for reader in readers:
        reader.join()
    store.close()
    assert failures == []


def _append_until_killed(path, pipe):
    store = VectorStore(path, DIMENSION)
    for number in range(100_000):
        append(store, range(number * 7, number * 7 + 7))
        pipe.send(number * 7 + 7)


@pytest.mark.parametrize("wait_for", [7, 70, 350])
def test_index_vectors_survive_kill_9(path, wait_for):
    """What was acknowledged before the writer was killed is there, the rest is cut, and the lock is free."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    writer = context.Process(target=_append_until_killed, args=(path, sender))
    writer.start()
    sender.close()  # else a writer that fails is waited for without end
    acknowledged = 0
    while acknowledged < wait_for:
        acknowledged = receiver.recv()
    writer.kill()
    writer.join()
    try:
        while True:
            acknowledged = receiver.recv()
    except EOFError:
        pass
    with VectorStore(path, DIMENSION) as store:
        append(store, [])
        assert (store.get(keys_of(range(acknowledged))) == vectors_of(range(acknowledged))).all()
        report = store.verify()
        assert (report.damaged, report.partial_tail_bytes) == ((), 0)
        assert report.records >= acknowledged


def _append_own(path, writer, pipe):
    """Append numbers of this writer's own, three at a time, and tell each time how far it got."""
    store = VectorStore(path, DIMENSION)
    first = writer * 100_000
    for number in range(first, first + 100_000, 3):
        append(store, range(number, number + 3))
        pipe.send(number + 3)


def _end_of(receiver, reached):
    """The last number that a dead writer acknowledged."""
    try:
        while True:
            reached = receiver.recv()
    except EOFError:
        return reached


def test_index_vectors_of_several_processes_survive_kill_9_of_any(path):
    """Processes append at once and are killed one after another: nothing acknowledged is lost or damaged."""
    context = multiprocessing.get_context("spawn")
    writers = []
    for number in range(4):
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_append_own, args=(path, number, sender))
        process.start()
        sender.close()
        writers.append((number * 100_000, receiver, process))
    reached = [receiver.recv() for _, receiver, _ in writers]
    ends = []
    for (first, receiver, process), last in zip(writers, reached, strict=True):
        for _ in range(40):  # the others go on after each kill
            last = receiver.recv()
        process.kill()
        process.join()
        ends.append((first, _end_of(receiver, last)))
        receiver.close()
    with VectorStore(path, DIMENSION) as store:
        append(store, [])
        for first, end in ends:
            assert end - first >= 120
            assert (store.get(keys_of(range(first, end))) == vectors_of(range(first, end))).all()
        report = store.verify()
        assert (report.damaged, report.partial_tail_bytes) == ((), 0)


def test_index_vectors_say_their_steps(path, caplog):
    """A test can stop a process between the lock, the write and the flush."""
    caplog.set_level("DEBUG", logger="patmatch.failpoints")
    append(VectorStore(path, DIMENSION), [1])
    assert caplog.messages == ["vectors.locked", "vectors.written", "vectors.synced"]


def test_index_vectors_survive_a_full_disk(path, monkeypatch):
    """When the disk takes only a part, the append fails, the file ends with a whole record, and the next one works."""
    store = VectorStore(path, DIMENSION)
    append(store, range(2))
    real_write, written = os.write, []

    def write_some(descriptor, data):
        if written:
            raise OSError(28, "No space left on device")
        written.append(real_write(descriptor, bytes(data[: RECORD + 10])))
        return written[0]

    monkeypatch.setattr(os, "write", write_some)
    with pytest.raises(VectorStoreWriteError, match="could not be stored: No space left"):
        append(store, range(2, 6))
    monkeypatch.undo()
    append(store, range(2, 6))
    assert (store.get(keys_of(range(6))) == vectors_of(range(6))).all()
    report = store.verify()
    assert (report.damaged, report.partial_tail_bytes, report.distinct) == ((), 0, 6)
    store.close()
