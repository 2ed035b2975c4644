"""One holder at a time, also between processes: ``flock`` on a file that stays.

The kernel drops the lock when its holder dies, so a killed build blocks nobody. The file is never deleted: two
processes would each lock a file of their own.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from index.durable import make_directory
from index.errors import LockedError

BUILD_LOCK = "build.lock"
PUBLISH_LOCK = "publish.lock"


class FileLock:
    """An exclusive lock on ``path``; as a context manager it is held inside the block.

    Args:
        path: the lock file; its directory is created.
        purpose: what the lock is for, in the words of the error that the next one gets.
        error: the class of that error.
    """

    def __init__(self, path: Path, purpose: str, error: type[LockedError] = LockedError) -> None:
        self._path = path
        self._purpose = purpose
        self._error = error
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def acquire(self) -> None:
        """Take the lock without waiting; holding it already is fine.

        Raises:
            LockedError: (or the class given) another holder has it.
        """
        if self._descriptor is not None:
            return
        make_directory(self._path.parent)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise self._error(self._purpose, int(holder) if holder.isdigit() else None) from None
        except BaseException:
            os.close(descriptor)
            raise
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Let the lock go; not holding it is fine."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> FileLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
