"""One holder at a time, known by name, waited for, handed over."""

import os
import subprocess
import sys
import threading

import pytest

from index import LockedError
from index.durable import FileLock, holder_of

HOLD = """
import sys
from pathlib import Path
from index.durable import FileLock
lock = FileLock(Path(sys.argv[1]), "test", note="from the child")
lock.acquire() if len(sys.argv) < 3 else lock.adopt(int(sys.argv[2]))
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path):
    """Where the lock is; nothing is there yet."""
    return tmp_path / "folder" / "job.lock"


def holding(path, *arguments, **options):
    """A process that holds the lock until its stdin is closed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )
    assert process.stdout.readline() == "held\n"
    return process


def ended(process):
    """End a process and close its pipes."""
    process.kill()
    process.communicate()


def test_index_lock_names_its_holder(path):
    """Whoever asks learns the process and its note; nobody holds a lock that was let go or never taken."""
    assert holder_of(path) is None
    lock = FileLock(path, "test", note="first")
    with lock:
        assert lock.held
        holder = holder_of(path)
        assert (holder.pid, holder.note) == (os.getpid(), "first")
        lock.name("second, and longer than before")
        assert holder_of(path).note == "second, and longer than before"
        lock.name("x")
        assert holder_of(path).note == "x"
    assert holder_of(path) is None
    with pytest.raises(ValueError, match="not held"):
        lock.descriptor()


def test_index_lock_ends_with_its_holder(path):
    """A killed process holds nothing, whatever its file still says."""
    process = holding(path)
    assert holder_of(path).pid == process.pid
    with pytest.raises(LockedError, match=rf"process {process.pid}\)"):
        FileLock(path, "test").acquire()
    ended(process)
    assert holder_of(path) is None
    with FileLock(path, "test"):
        assert holder_of(path).pid == os.getpid()


def test_index_lock_is_waited_for(path):
    """Taken when it is let go in time."""
    first, second = FileLock(path, "test"), FileLock(path, "test")
    first.acquire()
    timer = threading.Timer(0.2, first.release)
    timer.start()
    second.acquire(wait_seconds=30)
    assert second.held
    timer.join()
    second.release()


def test_index_lock_is_not_lost_to_those_who_ask(path):
    """Asking for the holder again and again does not keep anybody from taking the lock."""
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            holder_of(path)
            stop.wait(0.001)

    with FileLock(path, "test"):
        pass
    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    for _ in range(200):
        with FileLock(path, "test"):
            pass
    stop.set()
    for asker in askers:
        asker.join()


def test_index_lock_is_handed_over_without_a_gap(path):
    """A process that inherits the open file holds the lock when its parent lets go, and until it dies."""
    lock = FileLock(path, "test", note="parent")
    lock.acquire()
    child = holding(path, str(lock.descriptor()), pass_fds=(lock.descriptor(),))
    holder = holder_of(path)
    assert (holder.pid, holder.note) == (child.pid, "from the child")
    lock.release()
    assert holder_of(path).pid == child.pid
    ended(child)
    assert holder_of(path) is None


def test_index_lock_refuses_a_descriptor_of_something_else(path, tmp_path):
    """Another file, no file, or a lock file that somebody else holds cannot be adopted."""
    with FileLock(path, "test"):
        with (tmp_path / "other").open("w") as other, pytest.raises(ValueError, match="not that of"):
            FileLock(path, "test").adopt(other.fileno())
        with pytest.raises(OSError, match="Bad file descriptor"):
            FileLock(path, "test").adopt(999)
        descriptor = os.open(path, os.O_RDWR)
        with pytest.raises(LockedError):
            FileLock(path, "test").adopt(descriptor)


def test_index_lock_taken_twice_is_let_go_once(path):
    """Whoever holds a lock may take it again, and one release ends it."""
    lock = FileLock(path, "test")
    lock.acquire()
    lock.acquire()
    lock.release()
    assert not lock.held
    assert holder_of(path) is None


def test_index_lock_refused_leaves_no_open_file(path):
    """A service that asks again and again for a lock that another holds must not run out of files."""
    with FileLock(path, "test"):
        before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208
        for _ in range(5):
            with pytest.raises(LockedError):
                FileLock(path, "test").acquire()
        assert set(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_index_lock_adopted_is_not_inherited_by_children(path):
    """What an adopter starts must not hold the lock after it: it would block everybody until it ends."""
    given, lock = FileLock(path, "test"), FileLock(path, "test")
    given.acquire()
    descriptor = os.dup(given.descriptor())
    os.set_inheritable(descriptor, True)
    lock.adopt(descriptor)
    given.release()
    code = "print('runs', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, close_fds=False
    ) as child:
        assert child.stdout.readline() == "runs\n"
        assert holder_of(path).pid == os.getpid()
        lock.release()
        assert holder_of(path) is None
        child.communicate("\n")
