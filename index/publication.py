"""Which snapshot is served: ``CURRENT``, replaced atomically, and the log of who was published when.

``CURRENT`` holds the snapshot's name and, on a second line, the line that the log gets, so that publishing the same
snapshot again is a change that followers see. ``published.jsonl`` is the log. When a process dies between the two,
``CURRENT`` is right and the log is completed from it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from index.durable import (
    BUILD_LOCK,
    PUBLISH_LOCK,
    FileLock,
    disk_errors,
    failpoint,
    holder_of,
    replace_file,
    sync_directory,
)
from index.errors import (
    LockedError,
    RollbackError,
    SnapshotDamagedError,
    SnapshotError,
    SnapshotMissingError,
    SnapshotNameError,
    SnapshotWriteError,
)
from index.manifest import (
    BUILDING_PREFIX,
    CURRENT,
    PUBLISHED_LOG,
    REMOVING_PREFIX,
    Manifest,
    SnapshotId,
    read_manifest,
    target_directory,
)
from index.snapshot import file_problems, verify_snapshot

PUBLISH = "publish"
ROLLBACK = "rollback"
NOT_PUBLISHED = "CURRENT could not be changed"


@dataclass(frozen=True, slots=True)
class SnapshotEntry:
    """One snapshot of a list. ``manifest`` is ``None`` and ``damage`` says why where it cannot be used."""

    id: str
    path: Path
    current: bool
    manifest: Manifest | None
    damage: SnapshotError | None


@dataclass(frozen=True, slots=True)
class Publication:
    """One line of the log: ``id`` took the place of ``previous`` at ``when`` (UTC, ISO 8601) by ``action``.

    Attributes:
        by: who did it; ``None`` in lines of earlier releases, as are the three below.
        recall: of the snapshot, as its manifest says.
        fingerprint: of its encoder.
        records: how many it holds.
    """

    id: str
    previous: str | None
    when: str
    action: str
    by: str | None = None
    recall: float | None = None
    fingerprint: str | None = None
    records: int | None = None


_FIELDS = frozenset(field.name for field in dataclasses.fields(Publication))


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a pruning removed: snapshots by name, and how many leftovers of killed builds and removals."""

    removed: tuple[str, ...]
    leftovers: int


def current_id(root: Path, target: str) -> str | None:
    """The name of the published snapshot, or ``None``."""
    content = read_current(root, target)
    return None if content is None else content.partition("\n")[0].strip()


def read_current(root: Path, target: str) -> str | None:
    """What ``CURRENT`` holds; it differs after every publication. ``None`` when there is no such file."""
    try:
        return (target_directory(root, target) / CURRENT).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def list_snapshots(root: Path, target: str, *, hashes: bool = False) -> list[SnapshotEntry]:
    """The snapshots of a target, oldest first, with what is wrong with them.

    Args:
        root: the index root.
        target: whose snapshots.
        hashes: also compare every file's SHA-256; without it, presence and size only.
    """
    directory = target_directory(root, target)
    current = current_id(root, target)
    entries = [
        _entry(name.directory(root), current=str(name) == current, hashes=hashes) for name in _snapshot_names(directory)
    ]
    if current is not None and all(entry.id != current for entry in entries):
        missing = SnapshotMissingError(f"there is no snapshot {current}, which is published")
        entries.append(SnapshotEntry(current, directory / current, current=True, manifest=None, damage=missing))
    return entries


def publication_log(root: Path, target: str) -> list[Publication]:
    """Every publication and rollback, oldest first, the one in force last.

    A line that a power cut left incomplete is left out; where it is the last, ``CURRENT`` still has it.
    """
    log = _logged(target_directory(root, target))
    pending = _current_publication(root, target, log)
    return log if pending is None else [*log, pending]


def publish(root: Path, snapshot: str, *, threads: int | None = None, by: str | None = None) -> Publication:
    """Verify a snapshot, then make it the one that is served.

    Args:
        root: the index root.
        snapshot: its name.
        threads: how many threads the verification may use; ``None`` leaves it to OpenMP.
        by: who requests it, for the log.

    Raises:
        SnapshotNameError: not a snapshot's name.
        SnapshotError: there is no such snapshot, its verification failed, or the disk did not take the change.
        LockedError: another process publishes, rolls back or prunes.
    """
    name = SnapshotId.parse(snapshot)
    with _publisher(root, name.target), disk_errors(SnapshotWriteError, NOT_PUBLISHED):
        return _make_current(root, name, PUBLISH, threads, by)


def rollback(root: Path, target: str, *, threads: int | None = None, by: str | None = None) -> Publication:
    """Go back to the snapshot that was published before the current one; called twice, to the one before that.

    Args:
        root: the index root.
        target: whose snapshot.
        threads: how many threads the verification may use; ``None`` leaves it to OpenMP.
        by: who requests it, for the log.

    Raises:
        RollbackError: there is none left.
        SnapshotError: its verification failed (publish another by name), or the disk did not take the change.
        LockedError: another process publishes, rolls back or prunes.
    """
    if not target_directory(root, target).is_dir():
        raise RollbackError(f"nothing was ever published for {target}")
    with _publisher(root, target), disk_errors(SnapshotWriteError, NOT_PUBLISHED):
        previous = rollback_target(root, target)
        if previous is None:
            raise RollbackError(f"there is no earlier snapshot of {target} to go back to")
        return _make_current(root, SnapshotId.parse(previous), ROLLBACK, threads, by)


def rollback_target(root: Path, target: str) -> str | None:
    """The snapshot that ``rollback`` would go to: the latest published before the current one that still exists."""
    directory = target_directory(root, target)
    stack: list[str] = []  # the publications that are still in force: a rollback takes off what it rolled back
    for line in publication_log(root, target):
        if line.action == ROLLBACK and line.id in stack:
            while stack[-1] != line.id:
                stack.pop()
        elif not stack or stack[-1] != line.id:
            stack.append(line.id)
    below = [name for name in stack if name != stack[-1] and (directory / name).is_dir()]
    return below[-1] if below else None


def prune(root: Path, target: str, keep: int = 3) -> Pruned:
    """Remove old snapshots and what killed builds left; never the current one nor the one that a rollback would go to.

    Args:
        root: the index root.
        target: whose snapshots.
        keep: how many of the newest undamaged ones stay.

    Raises:
        SnapshotWriteError: the disk did not let them be removed.
        LockedError: another process publishes, rolls back or prunes.
    """
    directory = target_directory(root, target)
    if not directory.is_dir():
        return Pruned((), 0)
    with _publisher(root, target), disk_errors(SnapshotWriteError, "snapshots could not be removed"):
        entries = list_snapshots(root, target)
        sound = [entry.id for entry in entries if entry.damage is None]
        kept = {current_id(root, target), rollback_target(root, target), *(sound[-keep:] if keep > 0 else ())}
        removed = tuple(entry.id for entry in entries if entry.id not in kept and entry.path.is_dir())
        for name in removed:
            # Renamed first: a removal that is killed half-way must not leave what looks like a snapshot.
            doomed = directory / f"{REMOVING_PREFIX}{name}"
            (directory / name).rename(doomed)
            failpoint("prune.renamed")
            shutil.rmtree(doomed)
            failpoint("prune.removed")
        leftovers = _remove_leftovers(directory)
        sync_directory(directory)
    return Pruned(removed, leftovers)


@contextmanager
def _publisher(root: Path, target: str) -> Iterator[None]:
    lock = FileLock(target_directory(root, target) / PUBLISH_LOCK, f"publishing for {target}")
    with disk_errors(SnapshotWriteError, NOT_PUBLISHED):
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _make_current(root: Path, name: SnapshotId, action: str, threads: int | None, by: str | None) -> Publication:
    path = name.directory(root)
    report = verify_snapshot(path, threads=threads)
    if report.manifest.target != name.target:
        raise SnapshotNameError(f"snapshot {name} is one of {report.manifest.target}")
    failpoint("publish.verified")
    directory, manifest = path.parent, report.manifest
    publication = Publication(
        id=str(name),
        previous=current_id(root, name.target),
        when=datetime.now(UTC).isoformat(),
        action=action,
        by=by,
        recall=manifest.recall.value,
        fingerprint=manifest.fingerprint,
        records=manifest.count,
    )
    pending = _current_publication(root, name.target, _logged(directory))
    if pending is not None:
        _append_line(directory / PUBLISHED_LOG, pending)
    replace_file(directory / CURRENT, f"{name}\n{_line(publication)}\n".encode())
    failpoint("publish.current")
    _append_line(directory / PUBLISHED_LOG, publication)
    failpoint("publish.logged")
    return publication


def _logged(directory: Path) -> list[Publication]:
    path = directory / PUBLISHED_LOG
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    parsed = (_parse_line(line) for line in lines)
    return [line for line in parsed if line is not None]


def _current_publication(root: Path, target: str, log: list[Publication]) -> Publication | None:
    """What ``CURRENT`` says and the log does not: its writer died between the two, or it was written by hand."""
    name, _, line = (read_current(root, target) or "").partition("\n")
    publication = _parse_line(line)
    if not name.strip() or (log and (publication == log[-1] or (publication is None and log[-1].id == name.strip()))):
        return None
    if publication is None or publication.id != name.strip():
        return Publication(name.strip(), log[-1].id if log else None, datetime.now(UTC).isoformat(), PUBLISH)
    return publication


def _line(publication: Publication) -> str:
    return json.dumps(dataclasses.asdict(publication))


def _append_line(path: Path, publication: Publication) -> None:
    existed = path.exists()
    with path.open("a+b") as file:
        # A line that a power cut left incomplete must not swallow this one.
        file.seek(0, os.SEEK_END)
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(_line(publication).encode("utf-8") + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if not existed:
        sync_directory(path.parent)


def _parse_line(line: str) -> Publication | None:
    try:
        said = json.loads(line)
        return Publication(**{key: value for key, value in said.items() if key in _FIELDS})  # a later release says more
    except (ValueError, TypeError, AttributeError):
        return None


def _snapshot_names(directory: Path) -> list[SnapshotId]:
    if not directory.is_dir():
        return []
    names: list[tuple[datetime, int, SnapshotId]] = []
    for path in directory.iterdir():
        try:
            name, written = SnapshotId.parse(path.name), path.stat().st_mtime_ns
        except (SnapshotNameError, FileNotFoundError):
            continue  # CURRENT, the log, locks, builds in progress; or pruned at this moment
        if path.is_dir() and name.target == directory.name:
            names.append((name.built_at, written, name))
    return [name for _, _, name in sorted(names, key=lambda entry: entry[:2])]


def _entry(path: Path, *, current: bool, hashes: bool) -> SnapshotEntry:
    try:
        manifest = read_manifest(path)
        problems = file_problems(path, manifest, hashes=hashes)
        if problems:
            raise SnapshotDamagedError(path.name, *problems)
    except SnapshotError as error:
        return SnapshotEntry(path.name, path, current, None, error)
    return SnapshotEntry(path.name, path, current, manifest, None)


def leftovers(root: Path, target: str) -> list[Path]:
    """What killed builds, publications and removals left; nothing of a build that is running now."""
    directory = target_directory(root, target)
    found = [*directory.glob(f".{CURRENT}.*"), *directory.glob(f"{REMOVING_PREFIX}*")]
    if holder_of(directory / BUILD_LOCK) is None:
        found += directory.glob(f"{BUILDING_PREFIX}*")
    return found


def _remove_leftovers(directory: Path) -> int:
    """Remove half-done publications and removals, and half-done builds unless one is running now."""
    unpublished = list(directory.glob(f".{CURRENT}.*"))  # nobody else publishes now: the caller holds that lock
    for path in unpublished:
        path.unlink()
    try:
        with FileLock(directory / BUILD_LOCK, "removing leftovers of builds"):
            # Only renamed under the lock: a build that is ready to write must not wait for gigabytes to be removed.
            for path in directory.glob(f"{BUILDING_PREFIX}*"):
                path.rename(directory / f"{REMOVING_PREFIX}{path.name.removeprefix('.')}")
    except LockedError:
        pass  # a build is running, and what it writes is no leftover
    doomed = list(directory.glob(f"{REMOVING_PREFIX}*"))
    for path in doomed:
        shutil.rmtree(path)
    return len(unpublished) + len(doomed)
