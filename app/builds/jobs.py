"""Builds as jobs: one at a time per target, each with a record that outlives it.

A build holds the lease of its target, a lock that the kernel takes from it when it dies. What the record says and
whether the lease is held decide the state together; no clock does. Times are for people.
"""

from __future__ import annotations

import getpass
import json
import logging
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any

from pydantic import TypeAdapter

from app.domain import Kind
from app.errors import ConflictError, NotFoundError, PatmatchError
from app.progress import Progress
from app.serving.encoders import EncoderSpec
from app.serving.translation import translated
from index import LockedError, SnapshotWriteError
from index.durable import FileLock, Holder, disk_errors, failpoint, holder_of, replace_file

log = logging.getLogger("patmatch.builds")

LEASE = "job.lock"
RECORDS = "builds"
KEPT_RECORDS = 50
"""Some weeks of nightly builds with a few by hand."""

_LEASE_SECONDS = 1.0
"""How long a build waits for the lease: a build that ends at this moment should not refuse the next one."""
_WRITE_SECONDS = 0.5
"""Between two writes of a running build's record: often enough for a bar, seldom enough for any disk."""
_NAME = re.compile(r"build-([a-z]+)-(\d{1,9})")


class BuildState(StrEnum):
    """The state of a build."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRecord:
    """The record of one build.

    Attributes:
        stage: ``starting``, ``embed``, ``index``, ``publish``, ``end``.
        done: records done in this stage, of `total`.
        rate: of these a second, in this stage.
        pid: the process that builds.
        requested_by: who requested it.
        encoder: the specification of the encoder.
        publish: whether publishing was requested.
        published: whether it was published.
        snapshot: the snapshot that was written.
        report: of a build that is done; why one was skipped.
        error: ``code``, ``message`` and ``message_zh`` of the failure.
    """

    id: str
    target: Kind
    state: BuildState
    stage: str
    started_at: str
    updated_at: str
    requested_by: str
    host: str
    pid: int | None = None
    done: int = 0
    total: int | None = None
    rate: float | None = None
    finished_at: str | None = None
    encoder: Mapping[str, Any] | None = None
    publish: bool = False
    published: bool = False
    snapshot: str | None = None
    report: Mapping[str, Any] | None = None
    error: Mapping[str, str] | None = None

    def as_json(self) -> dict[str, Any]:
        """The record as JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, text: str) -> BuildRecord:
        """The record that was written; fields of a later release are passed over.

        Raises:
            ValueError: it is no record.
        """
        return _RECORD.validate_json(text)


_RECORD = TypeAdapter(BuildRecord)


def requester() -> str:
    """Who runs this process, as ``user@host``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


class BuildJobs:
    """The builds of every target: begins them and reads their records.

    Args:
        index_dir: where the snapshots are.
    """

    def __init__(self, index_dir: Path) -> None:
        self._index_dir = index_dir

    def begin(
        self, target: Kind, *, encoder: EncoderSpec, publish: bool = False, requested_by: str | None = None
    ) -> BuildJob:
        """Take the lease of a target and begin a record.

        Raises:
            ConflictError: a build of this target runs; the message says which and how far it is.
            IndexProblem: the disk does not take the record.
        """
        with translated(), disk_errors(SnapshotWriteError, "the record of a build could not be written"):
            lease = self._lease(target)
            try:
                lease.acquire(_LEASE_SECONDS)
            except LockedError as error:
                raise self._conflict(target, error.holder) from error
            try:
                # Only who holds the lease may say of another build that it was killed.
                for old in self._records(target):
                    if old.state is BuildState.RUNNING:
                        self.write(replace(old, state=BuildState.INTERRUPTED))
                self.forget_old(target)
                ids, now = self._ids(target), _now()
                record = BuildRecord(
                    id=f"build-{target}-{int(ids[-1].rpartition('-')[2]) + 1 if ids else 1}",
                    target=target,
                    state=BuildState.RUNNING,
                    stage="starting",
                    started_at=now,
                    updated_at=now,
                    requested_by=requested_by or requester(),
                    host=socket.gethostname(),
                    pid=os.getpid(),
                    encoder=encoder.as_json(),
                    publish=publish,
                )
                lease.name(record.id)
                self.write(record)
            except BaseException:  # also Ctrl-C: this process may live on, and would hold the lease until it ends
                lease.release()
                raise
        failpoint("build.leased")
        return BuildJob(self, lease, record)

    def adopt(self, build_id: str, lease_descriptor: int) -> BuildJob:
        """Go on with a build that another process began, whose lease this process inherited as an open file.

        Raises:
            NotFoundError: there is no such build.
            ConflictError: another build runs.
        """
        record = self._known(build_id)
        lease = self._lease(record.target)
        try:
            lease.adopt(lease_descriptor)
        except (LockedError, ValueError, OSError) as error:
            raise ConflictError(
                f"The lease of {build_id} was not handed over: {error}",
                f"{build_id} 的租约未能移交：{error}",
                code="no_lease",
            ) from error
        lease.name(build_id)
        job = BuildJob(self, lease, record)
        job.note(pid=os.getpid(), host=socket.gethostname())
        failpoint("build.leased")
        return job

    def get(self, build_id: str) -> BuildRecord:
        """The present state of a build.

        Raises:
            NotFoundError: there is no such build, or its record was removed long ago.
        """
        return self._as_it_stands(self._known(build_id))

    def history(self, target: Kind) -> list[BuildRecord]:
        """The latest builds of a target as they stand now, newest first."""
        return [self._as_it_stands(record) for record in self._records(target)[::-1]]

    def running(self, target: Kind) -> BuildRecord | None:
        """The build of a target that runs now."""
        holder = self._holder(target)
        record = self._read(holder.note) if holder is not None else None
        return record if record is not None and record.state is BuildState.RUNNING else None

    def log_file(self, build_id: str) -> Path:
        """Where the output of a build goes that runs in a process of its own."""
        return self._path(build_id).with_suffix(".log")

    def close_dead(self, build_id: str, state: BuildState, error: PatmatchError) -> None:
        """Record the end of a build whose process could not; a record that has an end stays."""
        record = self._read(build_id)
        if record is not None and record.state is BuildState.RUNNING:
            self.write(_ended(record, state, error=_said(error)))

    def write(self, record: BuildRecord) -> None:
        """Replace a record.

        Raises:
            OSError: the disk does not take it.
        """
        path = self._path(record.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Replaced, not written over: others read it at any moment, and a kill must not leave half of it.
        replace_file(path, (json.dumps(record.as_json(), ensure_ascii=False) + "\n").encode())

    def forget_old(self, target: Kind) -> None:
        """Remove all but the latest records; of skipped builds only one, or a timer would push out the others.

        Raises:
            OSError: they cannot be removed.
        """
        skipped = [record.id for record in self._records(target) if record.state is BuildState.SKIPPED][:-1]
        rest = [build_id for build_id in self._ids(target) if build_id not in skipped]
        for build_id in {*skipped, *rest[:-KEPT_RECORDS]}:
            for path in (self._path(build_id), self.log_file(build_id)):
                path.unlink(missing_ok=True)

    def _as_it_stands(self, record: BuildRecord) -> BuildRecord:
        """A record that says "running" is believed only while a process holds the lease for it."""
        if record.state is not BuildState.RUNNING:
            return record
        holder = self._holder(record.target)
        if holder is not None and holder.note == record.id:
            return record
        # Read again: it may have ended, and let the lease go, between the two looks.
        again = self._read(record.id) or record
        return again if again.state is not BuildState.RUNNING else replace(again, state=BuildState.INTERRUPTED)

    def _conflict(self, target: Kind, pid: int | None) -> ConflictError:
        which, which_zh = f" (process {pid})", f"（进程 {pid}）"
        if (running := self.running(target)) is not None:
            far = f"{running.stage} {running.done} / {running.total if running.total is not None else '?'}"
            process, began = running.pid or pid, running.started_at
            which = f": {running.id}, process {process} since {began}, {far}"
            which_zh = f"：{running.id}，进程 {process}，开始于 {began}，进度 {far}"
        return ConflictError(
            f"A build of {target} is running{which}.", f"{target} 的索引正在构建{which_zh}。", code="build_running"
        )

    def _lease(self, target: Kind) -> FileLock:
        return FileLock(self._index_dir / target.value / LEASE, f"building the index of {target}")

    def _holder(self, target: Kind) -> Holder | None:
        return holder_of(self._index_dir / target.value / LEASE)

    def _ids(self, target: Kind) -> list[str]:
        """Every build with a record, oldest first."""
        folder = self._index_dir / target.value / RECORDS
        # By number: as text, build 10 would come before build 9.
        found = ((int(name[2]), path.stem) for path in folder.glob("*.json") if (name := _NAME.fullmatch(path.stem)))
        return [build_id for _, build_id in sorted(found)]

    def _path(self, build_id: str) -> Path:
        name = _NAME.fullmatch(build_id)
        if name is None or name[1] not in set(Kind):
            raise _unknown(build_id)
        return self._index_dir / name[1] / RECORDS / f"{build_id}.json"

    def _records(self, target: Kind) -> list[BuildRecord]:
        """Every record that can be read, oldest first."""
        return [record for record in map(self._read, self._ids(target)) if record is not None]

    def _known(self, build_id: str) -> BuildRecord:
        record = self._read(build_id)
        if record is None:
            raise _unknown(build_id)
        return record

    def _read(self, build_id: str) -> BuildRecord | None:
        try:
            return BuildRecord.from_json(self._path(build_id).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotFoundError):
            return None
        except ValueError as error:
            log.warning("the record of %s cannot be read: %s", build_id, error)
            return None


class BuildJob:
    """One build that runs, in the hands of one process.

    Leaving its context lets the lease go; an error that leaves it is what the build ended with. A process that
    inherited the lease's open file still holds it then, and goes on with the build by `BuildJobs.adopt`.
    """

    def __init__(self, jobs: BuildJobs, lease: FileLock, record: BuildRecord) -> None:
        self._jobs = jobs
        self._lease = lease
        self._written = self._stage_began = monotonic()
        self.record = record

    def __enter__(self) -> BuildJob:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if isinstance(error, Exception):
                if not isinstance(error, PatmatchError):  # its class alone: its text may hold a path
                    name = type(error).__name__
                    error = PatmatchError(f"unforeseen: {name}", f"意外错误：{name}")
                self.end(BuildState.FAILED, error=_said(error))
            elif error is not None:  # Ctrl-C or the end of the process, which say nothing of the build
                self.end(BuildState.INTERRUPTED)
        finally:
            self._lease.release()

    @property
    def lease_descriptor(self) -> int:
        """The open file that holds the lease, for the process that goes on with this build."""
        return self._lease.descriptor()

    def report(self, progress: Progress) -> None:
        """Record the progress; written at most every half second, and when a stage begins."""
        now, entered = monotonic(), progress.stage != self.record.stage
        if entered:
            self._stage_began = now
        spent = now - self._stage_began
        self.record = replace(
            self.record,
            stage=progress.stage,
            done=progress.done,
            total=progress.total,
            rate=round(progress.done / spent, 2) if spent > 0 and progress.done else None,
        )
        if entered or now - self._written >= _WRITE_SECONDS:
            self.write()

    def note(self, **changes: Any) -> None:  # noqa: ANN401 - fields of the record
        """Change fields of the record."""
        self.record = replace(self.record, **changes)
        self.write()

    def end(self, state: BuildState, **changes: Any) -> None:  # noqa: ANN401 - fields of the record
        """Write how it ended."""
        self.record = _ended(self.record, state, **changes)
        self.write()

    def write(self) -> None:
        """Write the record; a disk that does not take it is logged: the build itself may still go through."""
        self._written = monotonic()
        self.record = replace(self.record, updated_at=_now())
        try:
            self._jobs.write(self.record)
        except OSError as error:
            log.warning("the record of %s could not be written: %s", self.record.id, error.strerror)


def _ended(record: BuildRecord, state: BuildState, **changes: Any) -> BuildRecord:  # noqa: ANN401
    now = _now()
    return replace(record, state=state, updated_at=now, finished_at=now, **changes)


def _said(error: PatmatchError) -> dict[str, str]:
    return {"code": error.error_code, "message": error.message, "message_zh": error.message_zh}


def _unknown(build_id: str) -> NotFoundError:
    shown = build_id[:80]
    return NotFoundError(f"There is no build {shown!r}.", f"没有构建任务 {shown!r}。", code="unknown_build")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
