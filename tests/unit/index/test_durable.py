"""Files that survive a power cut: what is flushed, and in which order."""

import os
from pathlib import Path

import pytest

from index import durable


@pytest.fixture
def calls(monkeypatch):
    """What is flushed and renamed, in order, by the kind of thing."""
    done, fsync, replace = [], os.fsync, Path.replace

    def flushed(number):
        done.append("folder" if os.path.isdir(f"/proc/self/fd/{number}") else f"file of {os.fstat(number).st_size}")  # noqa: PTH112
        fsync(number)

    def renamed(path, target):
        done.append("renamed")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", renamed)
    return done


def test_index_durable_file_is_flushed_before_and_its_folder_after_the_rename(tmp_path, calls):
    """The content first, whole, then the name, then the folder that holds the name."""
    durable.replace_file(tmp_path / "CURRENT", b"12345")
    assert calls == ["file of 5", "renamed", "folder"]
    assert (tmp_path / "CURRENT").read_bytes() == b"12345"


def test_index_durable_folders_are_flushed_in_their_parents(tmp_path, calls):
    """Each new folder is an entry of its parent, which is flushed; one that is there costs nothing."""
    durable.make_directory(tmp_path / "a" / "b")
    assert calls == ["folder", "folder"]
    durable.make_directory(tmp_path / "a" / "b")
    assert len(calls) == 2


def test_index_durable_file_and_folder_are_really_flushed(tmp_path, calls):
    """Both helpers reach the disk."""
    (tmp_path / "x").write_bytes(b"123")
    durable.sync_file(tmp_path / "x")
    durable.sync_directory(tmp_path)
    assert calls == ["file of 3", "folder"]


def test_index_durable_failed_replacement_leaves_the_old_content(tmp_path, monkeypatch):
    """Where the disk refuses, the old file stays and nothing lies beside it."""
    (tmp_path / "x").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", lambda _number: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        durable.replace_file(tmp_path / "x", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_bytes() == b"old"
