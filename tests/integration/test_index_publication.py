"""Publishing, rolling back and pruning."""

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
from index_samples import FINGERPRINT, options, spec_of

from index import (
    LockedError,
    SnapshotDamagedError,
    SnapshotWriteError,
    current_id,
    list_snapshots,
    prune,
    publication,
    publication_log,
    publish,
    rollback,
    write_snapshot,
)
from index.durable import BUILD_LOCK, PUBLISH_LOCK, FileLock
from index.errors import RollbackError, SnapshotMissingError, SnapshotNameError
from index.publication import leftovers, rollback_target

BEGIN = datetime(2026, 11, 23, 13, 0, tzinfo=UTC)


def built(root, count, target="patents"):
    """The ids of ``count`` small snapshots, built a minute apart."""
    return [
        write_snapshot(
            root, spec_of(30, number, target=target, built_at=BEGIN + timedelta(minutes=number)), options()
        ).id
        for number in range(count)
    ]


def test_index_publish_makes_a_snapshot_current_and_logs_it(tmp_path):
    """After publishing, the snapshot is the current one, and the log says what it replaced, when and how."""
    first, second = built(tmp_path, 2)
    assert current_id(tmp_path, "patents") is None
    before = datetime.now(UTC)
    publish(tmp_path, first)
    line = publish(tmp_path, second)
    assert current_id(tmp_path, "patents") == second
    assert [(p.id, p.previous, p.action) for p in publication_log(tmp_path, "patents")] == [
        (first, None, "publish"),
        (second, first, "publish"),
    ]
    assert publication_log(tmp_path, "patents")[-1] == line
    assert before <= datetime.fromisoformat(line.when) <= datetime.now(UTC)


def test_index_publish_of_one_target_leaves_others(tmp_path):
    """Each target has a current snapshot of its own."""
    (patent,), (need,) = built(tmp_path, 1), built(tmp_path, 1, target="needs")
    publish(tmp_path, patent)
    publish(tmp_path, need)
    assert (current_id(tmp_path, "patents"), current_id(tmp_path, "needs")) == (patent, need)


def test_index_publish_verifies_first(tmp_path):
    """A damaged or missing snapshot is not published; what was current stays."""
    good, bad, gone = built(tmp_path, 3)
    publish(tmp_path, good)
    (tmp_path / "patents" / bad / "ids.text.npy").write_bytes(b"")
    (tmp_path / "patents" / gone).rename(tmp_path / "elsewhere")
    with pytest.raises(SnapshotDamagedError, match=r"ids\.text\.npy"):
        publish(tmp_path, bad)
    with pytest.raises(SnapshotMissingError, match=gone):
        publish(tmp_path, gone)
    with pytest.raises(SnapshotNameError):
        publish(tmp_path, "../patents")
    assert current_id(tmp_path, "patents") == good
    assert len(publication_log(tmp_path, "patents")) == 1


def test_index_publish_runs_one_at_a_time(tmp_path):
    """While one process publishes, another gets an error that says so, for publishing, rolling back and pruning."""
    (only,) = built(tmp_path, 1)
    with FileLock(tmp_path / "patents" / PUBLISH_LOCK, "publishing"):
        for action in (lambda: publish(tmp_path, only), lambda: rollback(tmp_path, "patents")):
            with pytest.raises(LockedError, match="holds the lock: publishing for patents"):
                action()
        with pytest.raises(LockedError):
            prune(tmp_path, "patents")
    publish(tmp_path, only)


def test_index_publish_works_while_a_build_runs(tmp_path):
    """A rollback in an emergency need not wait for a build."""
    first, second = built(tmp_path, 2)
    with FileLock(tmp_path / "patents" / BUILD_LOCK, "building"):
        publish(tmp_path, first)
        publish(tmp_path, second)
        assert rollback(tmp_path, "patents").id == first


def test_index_rollback_walks_back(tmp_path):
    """Each rollback goes one publication further back; at the first there is a clear error."""
    a, b, c = built(tmp_path, 3)
    for name in (a, b, c):
        publish(tmp_path, name)
    assert rollback_target(tmp_path, "patents") == b
    assert rollback(tmp_path, "patents").id == b
    line = rollback(tmp_path, "patents")
    assert (line.id, line.previous, line.action) == (a, b, "rollback")
    assert current_id(tmp_path, "patents") == a
    with pytest.raises(RollbackError, match="no earlier snapshot of patents"):
        rollback(tmp_path, "patents")
    assert current_id(tmp_path, "patents") == a


def test_index_rollback_after_a_rollback_and_a_new_publication(tmp_path):
    """What was rolled back is not gone back to: after A, B, back to A, then C, a rollback gives A."""
    a, b, c = built(tmp_path, 3)
    publish(tmp_path, a)
    publish(tmp_path, b)
    rollback(tmp_path, "patents")
    publish(tmp_path, c)
    assert rollback(tmp_path, "patents").id == a


def test_index_rollback_counts_a_repeated_publication_once(tmp_path):
    """Publishing the current snapshot again adds no step to go back; publishing an older one does."""
    a, b = built(tmp_path, 2)
    for name in (a, b, b, a):
        publish(tmp_path, name)
    assert rollback(tmp_path, "patents").id == b
    assert rollback(tmp_path, "patents").id == a


def test_index_rollback_skips_what_was_removed(tmp_path):
    """A snapshot that is gone is passed over; one that is damaged is named, and nothing changes."""
    a, b, c = built(tmp_path, 3)
    for name in (a, b, c):
        publish(tmp_path, name)
    (tmp_path / "patents" / b).rename(tmp_path / "b")
    (tmp_path / "patents" / a / "index.faiss").unlink()
    with pytest.raises(SnapshotDamagedError, match=r"index\.faiss: missing"):
        rollback(tmp_path, "patents")
    assert current_id(tmp_path, "patents") == c
    (tmp_path / "patents" / a).rename(tmp_path / "a")
    with pytest.raises(RollbackError):
        rollback(tmp_path, "patents")


def test_index_rollback_needs_something_published(tmp_path):
    """Without a publication there is nothing to go back to."""
    with pytest.raises(RollbackError, match="nothing was ever published"):
        rollback(tmp_path, "patents")
    built(tmp_path, 1)
    with pytest.raises(RollbackError):
        rollback(tmp_path, "patents")


def test_index_log_survives_a_torn_line(tmp_path):
    """A log line that a power cut left half-written is passed over, and the next one is whole."""
    a, b, c = built(tmp_path, 3)
    publish(tmp_path, a)
    publish(tmp_path, b)
    log = tmp_path / "patents" / "published.jsonl"
    log.write_bytes(log.read_bytes()[:-20])
    assert [line.id for line in publication_log(tmp_path, "patents")] == [a, b]
    publish(tmp_path, c)
    assert [line.id for line in publication_log(tmp_path, "patents")] == [a, b, c]
    assert rollback(tmp_path, "patents").id == b


@pytest.mark.parametrize("action", ["publish", "rollback"])
def test_index_log_is_completed_after_a_crash(tmp_path, action, monkeypatch):
    """When a process dies after replacing CURRENT and before its log line, the next rollback still knows the way."""
    a, b, c = built(tmp_path, 3)
    for name in (a, b, c):
        publish(tmp_path, name)
    monkeypatch.setattr(publication, "_append_line", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        rollback(tmp_path, "patents") if action == "rollback" else publish(tmp_path, b)
    monkeypatch.undo()
    assert current_id(tmp_path, "patents") == b
    expected = {"rollback": a, "publish": c}[action]
    assert rollback(tmp_path, "patents").id == expected
    assert [line.action for line in publication_log(tmp_path, "patents")][-2:] == [action, "rollback"]


def test_index_current_may_be_written_by_hand(tmp_path):
    """A CURRENT that holds only a name works, is logged by the next publication, and can be rolled back from."""
    a, b, c = built(tmp_path, 3)
    publish(tmp_path, a)
    (tmp_path / "patents" / "CURRENT").write_text(b + "\n")
    assert current_id(tmp_path, "patents") == b
    publish(tmp_path, c)
    assert [line.id for line in publication_log(tmp_path, "patents")] == [a, b, c]
    assert rollback(tmp_path, "patents").id == b


def test_index_list_shows_every_snapshot_and_its_state(tmp_path):
    """The list is by age, marks the current one, and says what is wrong with a damaged or vanished one."""
    a, b, c = built(tmp_path, 3)
    publish(tmp_path, b)
    (tmp_path / "patents" / c / "columns.json").write_bytes(b"x")
    entries = list_snapshots(tmp_path, "patents")
    assert [(entry.id, entry.current, entry.damage is None) for entry in entries] == [
        (a, False, True),
        (b, True, True),
        (c, False, False),
    ]
    assert entries[0].manifest.count == 30
    assert "columns.json: truncated: 1 bytes" in str(entries[2].damage)
    (tmp_path / "patents" / b).rename(tmp_path / "b")
    vanished = list_snapshots(tmp_path, "patents")[-1]
    assert (vanished.id, vanished.current, vanished.manifest) == (b, True, None)
    assert isinstance(vanished.damage, SnapshotMissingError)
    assert list_snapshots(tmp_path, "needs") == []


def test_index_list_finds_a_flipped_bit_only_when_it_hashes(tmp_path):
    """The quick list compares sizes; with hashes it reads everything."""
    (name,) = built(tmp_path, 1)
    path = tmp_path / "patents" / name / "index.faiss"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    assert list_snapshots(tmp_path, "patents")[0].damage is None
    assert "index.faiss: sha256 differs" in str(list_snapshots(tmp_path, "patents", hashes=True)[0].damage)


def test_index_prune_keeps_the_newest_the_current_and_the_way_back(tmp_path):
    """Old snapshots go, but never the current one nor the one that a rollback goes to, however old."""
    names = built(tmp_path, 7)
    publish(tmp_path, names[0])
    publish(tmp_path, names[2])
    pruned = prune(tmp_path, "patents", keep=2)
    assert set(pruned.removed) == {names[1], names[3], names[4]}
    assert {entry.id for entry in list_snapshots(tmp_path, "patents")} == {names[i] for i in (0, 2, 5, 6)}
    assert rollback(tmp_path, "patents").id == names[0]
    assert set(prune(tmp_path, "patents", keep=0).removed) == {names[i] for i in (2, 5, 6)}
    assert current_id(tmp_path, "patents") == names[0]


def test_index_prune_does_not_count_damaged_ones_as_kept(tmp_path):
    """Damaged snapshots are removed and take no sound one's place; a damaged current one stays, to be looked into."""
    names = built(tmp_path, 4)
    publish(tmp_path, names[0])
    for damaged in (names[0], names[3]):
        (tmp_path / "patents" / damaged / "index.faiss").write_bytes(b"")
    assert set(prune(tmp_path, "patents", keep=1).removed) == {names[1], names[3]}
    assert current_id(tmp_path, "patents") == names[0]


def test_index_prune_removes_leftovers_but_not_a_running_build(tmp_path):
    """What killed builds and removals left is removed, unless a build is running, whose files they may be."""
    built(tmp_path, 1)
    directory = tmp_path / "patents"
    for name in (".building-patents-20261123T130700Z-1a2b3c4d", ".removing-patents-20261123T130700Z-1a2b3c4e"):
        (directory / name).mkdir()
        (directory / name / "index.faiss").write_bytes(b"half")
    with FileLock(directory / BUILD_LOCK, "building"):
        assert prune(tmp_path, "patents").leftovers == 1
    assert [path.name for path in directory.glob(".*")] == [".building-patents-20261123T130700Z-1a2b3c4d"]
    assert prune(tmp_path, "patents").leftovers == 1
    assert list(directory.glob(".*")) == []
    assert prune(tmp_path, "firms").removed == ()


def test_index_current_is_always_whole(tmp_path):
    """A reader that looks at any moment of many publications finds one of the published names."""
    names = built(tmp_path, 2)
    publish(tmp_path, names[0])
    seen, done = set(), threading.Event()

    def look():
        while not done.is_set():
            seen.add(current_id(tmp_path, "patents"))

    reader = threading.Thread(target=look)
    reader.start()
    for turn in range(30):
        publish(tmp_path, names[turn % 2])
    done.set()
    reader.join()
    assert seen == set(names)


def test_index_log_lines_are_json(tmp_path):
    """The log is one JSON object a line, with the documented fields, for other programs."""
    (name,) = built(tmp_path, 1)
    publish(tmp_path, name)
    (line,) = (tmp_path / "patents" / "published.jsonl").read_text().splitlines()
    assert set(json.loads(line)) == {"id", "previous", "when", "action", "by", "recall", "fingerprint", "records"}


@pytest.mark.parametrize("failing", ["replace_file", "_append_line"])
def test_index_publish_says_when_the_disk_fails(tmp_path, failing, monkeypatch):
    """A full or read-only disk is an error of this package, in words without a path; what is current stays whole."""
    a, b = built(tmp_path, 2)
    publish(tmp_path, a)

    def read_only(*_arguments):
        raise OSError(30, "Read-only file system", str(tmp_path))

    monkeypatch.setattr(publication, failing, read_only)
    with pytest.raises(SnapshotWriteError, match=r"^CURRENT could not be changed: Read-only file system$"):
        publish(tmp_path, b)
    monkeypatch.undo()
    assert current_id(tmp_path, "patents") in (a, b)
    publish(tmp_path, b)
    assert rollback(tmp_path, "patents").id == a


def test_index_log_says_who_published_what_and_how_good_it_was(tmp_path):
    """Each line names who asked, the recall, the encoder and the size; a rollback names what it took back."""
    first, second = (write_snapshot(tmp_path, spec_of(60, generation), options()) for generation in range(2))
    publish(tmp_path, first.id, threads=1, by="ann@host")
    publish(tmp_path, second.id, threads=1, by="bob@host")
    rollback(tmp_path, "patents", threads=1, by="cy@host")
    log = publication_log(tmp_path, "patents")
    assert [(line.action, line.id, line.previous, line.by) for line in log] == [
        ("publish", first.id, None, "ann@host"),
        ("publish", second.id, first.id, "bob@host"),
        ("rollback", first.id, second.id, "cy@host"),
    ]
    assert {(line.recall, line.fingerprint, line.records) for line in log} == {
        (first.recall.value, FINGERPRINT, 60),
        (second.recall.value, FINGERPRINT, 60),
    }


def test_index_log_reads_lines_of_other_releases(tmp_path):
    """Lines without the newer fields, and lines with fields unknown here, are read; what is no line is left out."""
    made = write_snapshot(tmp_path, spec_of(60), options()).id
    old = {
        "id": "patents-20260101T000000Z-00000000",
        "previous": None,
        "when": "2026-01-01T00:00:00",
        "action": "publish",
    }
    later = {**old, "by": "x@y", "colour": "red"}
    text = "\n".join([json.dumps(old), json.dumps(later), "[1]", "nonsense"]) + "\n"
    (tmp_path / "patents" / "published.jsonl").write_text(text, encoding="utf-8")
    publish(tmp_path, made, threads=1)
    log = publication_log(tmp_path, "patents")
    assert [(line.id, line.by, line.recall is None) for line in log] == [
        (old["id"], None, True),
        (old["id"], "x@y", True),
        (made, None, False),
    ]


def test_index_leftovers_are_those_of_no_running_build(tmp_path):
    """What a killed build left is listed, what a running one writes is not."""
    write_snapshot(tmp_path, spec_of(60), options())
    directory = tmp_path / "patents"
    for name in (".building-x", ".removing-y"):
        (directory / name).mkdir()
    assert [path.name for path in leftovers(tmp_path, "patents")] == [".removing-y", ".building-x"]
    with FileLock(directory / BUILD_LOCK, "test"):
        assert [path.name for path in leftovers(tmp_path, "patents")] == [".removing-y"]
    assert prune(tmp_path, "patents").leftovers == 2
    assert leftovers(tmp_path, "patents") == []


def test_index_publication_says_its_steps(tmp_path, caplog):
    """A test can stop a process between the check, the change and the log, and within a removal."""
    names = [write_snapshot(tmp_path, spec_of(60, generation), options()).id for generation in range(3)]
    caplog.set_level("DEBUG", logger="patmatch.failpoints")
    publish(tmp_path, names[0], threads=1)
    assert caplog.messages == ["publish.verified", "publish.current", "publish.logged"]
    caplog.clear()
    prune(tmp_path, "patents", keep=1)
    assert caplog.messages == ["prune.renamed", "prune.removed"]
