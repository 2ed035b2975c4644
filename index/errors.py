"""What can go wrong with vectors, snapshots and their files.

    IndexRoomError
    ├── VectorInputError             an array that cannot be stored, indexed or searched with
    ├── ConditionError               a filter condition that does not fit the snapshot's columns
    ├── LockedError                  another process builds or publishes for this target
    │   └── StoreLockedError         another process writes to this vector store
    ├── VectorStoreError
    │   ├── VectorMissingError       no vector is stored under a key
    │   ├── VectorStoreWriteError    the disk did not take vectors: full, read-only or failing
    │   └── VectorStoreDamagedError  the store's file is not what was written
    └── SnapshotError
        ├── SnapshotNameError        not the name of a snapshot or of a target
        ├── SnapshotWriteError       the disk did not take a snapshot or a publication
        ├── SnapshotMissingError     there is no such snapshot, or nothing is published
        ├── RollbackError            there is no earlier snapshot to go back to
        ├── SnapshotDamagedError     a file is missing, cut short or changed
        ├── FingerprintMismatchError made with vectors of another encoder
        └── VerificationError        intact, but it does not find what it should find

Messages name files without their directories and are safe to show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class IndexRoomError(Exception):
    """The root of this package's errors. The message is safe to show."""


class VectorInputError(IndexRoomError):
    """An array of the wrong dtype, shape or layout, or with values that are not finite or not of unit length."""


class ConditionError(IndexRoomError):
    """A filter condition on a field that the snapshot has no column for, or of another kind than the column."""


class LockedError(IndexRoomError):
    """Another process holds the lock. ``holder`` is its process id where it could be read."""

    def __init__(self, purpose: str, holder: int | None) -> None:
        by = f" (process {holder})" if holder is not None else ""
        super().__init__(f"another process{by} holds the lock: {purpose}")
        self.purpose = purpose
        self.holder = holder


class StoreLockedError(LockedError):
    """Another process writes to this vector store; readers are not affected."""


class VectorStoreError(IndexRoomError):
    """The root of what can go wrong with a vector store."""


class VectorMissingError(VectorStoreError):
    """No vector is stored under ``count`` of the keys; ``position`` is the first one's place in the request."""

    def __init__(self, position: int, count: int) -> None:
        super().__init__(f"{count} of the keys asked for have no stored vector, the first is number {position}")
        self.position = position
        self.count = count


class VectorStoreWriteError(VectorStoreError):
    """The disk did not take vectors: full, read-only or failing. What was stored before is not affected."""


class VectorStoreDamagedError(VectorStoreError):
    """The store's file is not what was written. ``records`` are the numbers of the bad records where they are known."""

    def __init__(self, file: str, problem: str, records: Sequence[int] = ()) -> None:
        super().__init__(f"{file}: {problem}")
        self.file = file
        self.problem = problem
        self.records = tuple(records)


class SnapshotError(IndexRoomError):
    """The root of what can go wrong with a snapshot."""


class SnapshotNameError(SnapshotError):
    """Not the name of a snapshot or of a target."""


class SnapshotWriteError(SnapshotError):
    """The disk did not take a snapshot's files or a publication: full, read-only or failing."""


class SnapshotMissingError(SnapshotError):
    """There is no such snapshot, or nothing is published for the target."""


class RollbackError(SnapshotError):
    """There is no earlier published snapshot to go back to."""


@dataclass(frozen=True, slots=True)
class FileProblem:
    """One file of a snapshot and what is wrong with it: ``missing``, ``truncated``, ``sha256 differs``, ..."""

    file: str
    problem: str

    def __str__(self) -> str:
        return f"{self.file}: {self.problem}"


class SnapshotDamagedError(SnapshotError):
    """Files of a snapshot are missing, cut short or changed. ``problems`` names every one of them."""

    def __init__(self, snapshot: str, *problems: FileProblem) -> None:
        super().__init__(f"snapshot {snapshot} is damaged: " + "; ".join(map(str, problems)))
        self.snapshot = snapshot
        self.problems = problems


class FingerprintMismatchError(SnapshotError):
    """The snapshot holds vectors of another encoder than the one that would make the queries."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"the snapshot was made with encoder fingerprint {found}, but this encoder's is {expected}")
        self.expected = expected
        self.found = found


class VerificationError(SnapshotError):
    """The files are intact, but counts differ, a vector does not find itself, or recall is under the floor."""
