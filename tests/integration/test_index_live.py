"""Following what is published, without a request noticing."""

import threading
import time

import numpy as np
import pytest
from index_samples import DIMENSION, FINGERPRINT, clustered, made_with, options, spec_of

from index import (
    Equals,
    FingerprintMismatchError,
    Ids,
    LiveIndex,
    SnapshotDamagedError,
    live,
    prune,
    publish,
    write_snapshot,
)
from index.errors import SnapshotMissingError, SnapshotNameError


def published(root, generation=0, count=60, **changes):
    """The id of a snapshot that was built and published."""
    name = write_snapshot(root, spec_of(count, generation, **changes), options()).id
    publish(root, name)
    return name


def flip(path):
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.fixture
def index(tmp_path):
    """A live index of an empty root."""
    return LiveIndex(tmp_path, "patents", made_with(FINGERPRINT), threads=1)


def test_index_live_has_nothing_before_anything_is_published(tmp_path, index):
    """Without a published snapshot there is none, and a reason."""
    write_snapshot(tmp_path, spec_of(), options())
    assert not index.refresh()
    assert index.current() is None
    assert isinstance(index.refusal, SnapshotMissingError)
    assert "nothing is published for patents" in str(index.refusal)


def test_index_live_follows_publications(tmp_path, index):
    """A refresh after a publication gives the new snapshot; without one it changes nothing."""
    first = published(tmp_path, 0)
    assert index.refresh()
    held = index.current()
    assert (held.id, index.refusal) == (first, None)
    assert not index.refresh()
    second = published(tmp_path, 1)
    assert index.current() is held
    assert index.refresh()
    assert index.current().id == second
    assert held.ids[0] == "g0-0", "a request that holds the old snapshot still can use it"
    assert held.search(clustered(1, 3), 1).positions.shape == (1, 1)


def test_index_live_survives_pruning_of_what_a_request_holds(tmp_path, index):
    """A snapshot that a request holds answers to its end, even when its files are removed meanwhile."""
    first = published(tmp_path, 0)
    index.refresh()
    held = index.current()
    expected = held.search(clustered(5, 3), 5).positions.tolist()
    for generation in (1, 2):
        published(tmp_path, generation)
    assert first in prune(tmp_path, "patents", keep=0).removed
    assert held.search(clustered(5, 3), 5).positions.tolist() == expected
    assert held.ids.take(np.array([0])) == ["g0-0"]
    assert held.mask([Equals("agreed", True), Ids(("g0-1",), negate=True)]).sum() == 30


def test_index_live_does_no_work_when_nothing_changed(tmp_path, index, monkeypatch):
    """A refresh without a publication opens no snapshot."""
    published(tmp_path)
    index.refresh()
    monkeypatch.setattr(live, "load_snapshot", lambda *_: pytest.fail("it was opened again"))
    monkeypatch.setattr(live, "read_manifest", lambda *_: pytest.fail("it was read again"))
    assert not any(index.refresh() for _ in range(5))


@pytest.mark.parametrize(
    "file",
    ["manifest.json", "index.faiss", "ids.text.npy", "columns.json", "sample.npy", "terms-0.idx"],
)
@pytest.mark.parametrize("damage", ["flip", "remove"])
def test_index_live_refuses_a_damaged_snapshot_and_keeps_what_it_has(tmp_path, index, file, damage, monkeypatch):
    """A damaged file refuses the snapshot by name; the one served stays; it is not tried again until published."""
    good = published(tmp_path, 0)
    index.refresh()
    bad = published(tmp_path, 1)
    path = tmp_path / "patents" / bad / file
    intact = path.read_bytes()
    flip(path) if damage == "flip" else path.unlink()
    assert not index.refresh()
    assert index.current().id == good
    assert isinstance(index.refusal, SnapshotDamagedError)
    assert file in str(index.refusal)
    with monkeypatch.context() as patch:
        patch.setattr(live, "read_manifest", lambda *_: pytest.fail("it was tried again"))
        assert not index.refresh()
    assert isinstance(index.refusal, SnapshotDamagedError)
    path.write_bytes(intact)
    publish(tmp_path, bad)
    assert index.refresh()
    assert (index.current().id, index.refusal) == (bad, None)


def test_index_live_refuses_a_damaged_snapshot_at_the_start(tmp_path, index):
    """At the start there is nothing to keep: no snapshot, and the reason."""
    name = published(tmp_path)
    flip(tmp_path / "patents" / name / "index.faiss")
    assert not index.refresh()
    assert index.current() is None
    assert "index.faiss: sha256 differs" in str(index.refusal)


def test_index_live_refuses_another_encoders_snapshot(tmp_path, index):
    """A snapshot of another fingerprint is refused, naming both; going back clears the refusal."""
    good = published(tmp_path, 0)
    index.refresh()
    published(tmp_path, 1, fingerprint="0" * 16)
    assert not index.refresh()
    assert index.current().id == good
    assert isinstance(index.refusal, FingerprintMismatchError)
    assert (index.refusal.expected, index.refusal.found) == (FINGERPRINT, "0" * 16)
    publish(tmp_path, good)
    assert not index.refresh(), "the same snapshot is served, so nothing changed for requests"
    assert index.refusal is None


def test_index_live_refuses_a_wrong_current(tmp_path, index):
    """A CURRENT that names nothing, another target's snapshot or no snapshot at all is refused in words."""
    good = published(tmp_path)
    index.refresh()
    current = tmp_path / "patents" / "CURRENT"
    for content, kind in [
        ("patents-20200101T000000Z-00000000\n", SnapshotMissingError),
        ("needs-20200101T000000Z-00000000\n", SnapshotNameError),
        ("../../etc\n", SnapshotNameError),
        ("", SnapshotNameError),
        ("\udcff\n", SnapshotNameError),
    ]:
        current.write_bytes(content.encode("utf-8", "surrogateescape"))
        assert not index.refresh()
        assert isinstance(index.refusal, kind)
        assert index.current().id == good
    current.unlink()
    assert not index.refresh()
    assert isinstance(index.refusal, SnapshotMissingError)
    assert index.current().id == good


def test_index_live_keeps_what_it_has_when_current_cannot_be_read(tmp_path, index):
    """An error of the disk is a refusal with its reason, and is tried again at the next refresh."""
    good = published(tmp_path)
    index.refresh()
    current = tmp_path / "patents" / "CURRENT"
    content = current.read_bytes()
    current.unlink()
    current.mkdir()
    assert not index.refresh()
    assert isinstance(index.refusal, IsADirectoryError)
    assert index.current().id == good
    current.rmdir()
    current.write_bytes(content)
    index.refresh()
    assert (index.current().id, index.refusal) == (good, None)


def test_index_live_tries_again_when_the_machine_failed(tmp_path, index, monkeypatch):
    """Too many open files at the moment of a change refuse the snapshot for that round only."""
    name = published(tmp_path)

    def too_many(*_arguments, **_keywords):
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(live, "load_snapshot", too_many)
        assert not index.refresh()
    assert "Too many open files" in str(index.refusal)
    assert index.refresh()
    assert (index.current().id, index.refusal) == (name, None)


def test_index_live_never_mixes_snapshots_while_readers_search(tmp_path, index):
    """Threads that search through many publications get every answer whole, from one snapshot, and none fails."""
    published(tmp_path, 0)
    index.refresh()
    names = [write_snapshot(tmp_path, spec_of(40 + 10 * g, g), options()).id for g in range(1, 4)]
    failures, seen, answers, done = [], set(), [0], threading.Event()

    def search(seed):
        queries = clustered(3, seed)
        try:
            while not done.is_set():
                held = index.current()
                hits = held.search(queries, 7, allowed=held.mask([Equals("agreed", True)]))
                ids = held.ids.take(hits.positions.ravel())
                generation = held.manifest.extra["generation"]
                assert all(text.startswith(f"g{generation}-") for text in ids)
                assert all(int(text.split("-")[1]) % 2 == 0 for text in ids)
                assert [held.position_of(text) for text in ids] == hits.positions.ravel().tolist()
                seen.add(generation)
                answers[0] += 1
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=search, args=(seed,)) for seed in range(4)]
    for reader in readers:
        reader.start()
    for turn in range(12):
        publish(tmp_path, names[turn % 3])
        index.refresh()
        time.sleep(0.02)
    done.set()
    for reader in readers:
        reader.join()
    assert failures == []
    assert len(seen) >= 3
    assert answers[0] > 50


def test_index_live_snapshot_searches_and_filters(tmp_path, index):
    """A snapshot finds its own vectors, gives ids of positions and positions of ids, and filters by its columns."""
    published(tmp_path)
    index.refresh()
    held, vectors = index.current(), clustered(60, 0)
    assert held.ids.take(held.search(vectors[:3], 1).positions[:, 0]) == ["g0-0", "g0-1", "g0-2"]
    assert (held.position_of("g0-59"), held.position_of("nobody"), len(held)) == (59, None, 60)
    allowed = held.mask([Ids(("g0-4", "g0-9", "nobody"))])
    hits = held.search(vectors[:1], 5, allowed=allowed)
    assert sorted(hits.positions[0].tolist()) == [-1, -1, -1, 4, 9]
    assert held.manifest.dimension == DIMENSION
