"""Files that survive a power cut, and locks that their holder's death ends.

A file is written, flushed to the disk, then put in place by one rename. A lock is ``flock`` on a file that stays: the
kernel drops it when its holder dies, so a killed job blocks nobody, and no clock matters. The file is never deleted,
or two processes would each lock a file of their own.

A failpoint is a named point of work that writes, logged to ``patmatch.failpoints`` at the level of debugging, where a
test can stop a process. The message is exactly its name.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from index.errors import LockedError

HASH_BLOCK_BYTES = 1 << 22  # 4 MiB: large enough that the hash, not the system calls, is what takes time


@contextmanager
def disk_errors(error: Callable[[str], Exception], task: str) -> Iterator[None]:
    """Raise what the disk reports inside the block as ``error``, in words that hold no path.

    Args:
        error: an error class of this package that takes a message.
        task: what did not work, as the message's beginning.
    """
    try:
        yield
    except OSError as caught:
        raise error(f"{task}: {caught.strerror or type(caught).__name__}") from caught


def sync_file(path: Path) -> None:
    """Flush a file's content to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Flush a directory's entries, without which a rename or a new file can be lost in a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> None:
    """Create ``path`` and its missing parents, each durable in its own parent."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(exist_ok=True)
    sync_directory(path.parent)


def replace_file(path: Path, content: bytes) -> None:
    """Give ``path`` a new content atomically: a reader sees all of the old or all of the new."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(HASH_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


_STEPS = logging.getLogger("patmatch.failpoints")


def failpoint(name: str) -> None:
    """Say that ``name`` has just been done."""
    _STEPS.debug(name)


BUILD_LOCK = "build.lock"
PUBLISH_LOCK = "publish.lock"

_POLL_SECONDS = 0.01
_GRACE_SECONDS = 0.05
"""Always waited for: whoever looks up the holder takes a shared lock for some microseconds."""
_MOST_BYTES = 256
"""Of what a holder writes into its lock file: a process id and a short note."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock, as far as its file says: the process id, and what that process noted."""

    pid: int | None
    note: str


class FileLock:
    """An exclusive lock on ``path``; as a context manager it is held inside the block.

    Args:
        path: the lock file; its directory is created.
        purpose: what the lock is for, in the words of the error that the next one gets.
        error: the class of that error.
        note: a line for whoever looks up the holder.
    """

    def __init__(self, path: Path, purpose: str, error: type[LockedError] = LockedError, note: str = "") -> None:
        self._path = path
        self._purpose = purpose
        self._error = error
        self._note = note
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def acquire(self, wait_seconds: float = 0.0) -> None:
        """Take the lock; holding it already is fine.

        Args:
            wait_seconds: how long to wait for another holder.

        Raises:
            LockedError: (or the class given) another holder has it.
        """
        if self._descriptor is not None:
            return
        make_directory(self._path.parent)
        self._take(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644), wait_seconds)

    def adopt(self, descriptor: int) -> None:
        """Go on with the lock that another process took and handed over as an open, inherited descriptor.

        Raises:
            LockedError: (or the class given) the lock was not handed over, and another holder has it.
            OSError: it is not a descriptor, or there is no lock file.
            ValueError: it is a descriptor of another file.
        """
        if not os.path.samestat(os.fstat(descriptor), self._path.stat()):
            raise ValueError(f"the descriptor handed over is not that of {self._path.name}")
        os.set_inheritable(descriptor, False)
        self._take(descriptor, 0.0)

    def descriptor(self) -> int:
        """The open file that holds the lock, to be handed to a process that adopts it.

        Raises:
            ValueError: it is not held.
        """
        if self._descriptor is None:
            raise ValueError(f"{self._path.name} is not held")
        return self._descriptor

    def name(self, note: str) -> None:
        """Write the process id and a note into the lock file, for whoever looks up the holder."""
        self._note = note
        # In one write of one length: who asks at this moment must not read an empty file.
        os.pwrite(self.descriptor(), f"{os.getpid()}\n{note}\n".encode().ljust(_MOST_BYTES)[:_MOST_BYTES], 0)

    def _take(self, descriptor: int, wait_seconds: float) -> None:
        try:
            if not _locked(descriptor, wait_seconds):
                raise self._error(self._purpose, _read_holder(descriptor).pid)
            self._descriptor = descriptor
            self.name(self._note)
        except BaseException:
            self._descriptor = None
            os.close(descriptor)
            raise

    def release(self) -> None:
        """Let the lock go; not holding it is fine."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> FileLock:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def holder_of(path: Path) -> Holder | None:
    """Who holds the lock on ``path`` now, or ``None``.

    Asking takes a shared lock for a moment; who takes the lock itself waits for that long.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_holder(descriptor)
    finally:
        os.close(descriptor)
    return None


def _locked(descriptor: int, wait_seconds: float) -> bool:
    """Whether the lock could be had in time."""
    end = time.monotonic() + max(wait_seconds, _GRACE_SECONDS)
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(_POLL_SECONDS)
        else:
            return True


def _read_holder(descriptor: int) -> Holder:
    first, _, note = os.pread(descriptor, _MOST_BYTES, 0).decode("utf-8", "replace").partition("\n")
    return Holder(int(first) if first.isdigit() else None, note.strip())
