"""Files that come over HTTP: kept on the disk, then loaded by a process of their own."""

from __future__ import annotations

import logging
import shutil
import socket
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from threading import Lock, Thread
from time import time

from app.catalogue import Asked, Catalogue
from app.domain import Kind
from app.errors import FieldError, InputError, JobError, NotFoundError, OverloadedError, PatmatchError, TooLargeError
from app.ingest import GRADES, INDUSTRIES
from app.records.imports import load_name, said
from app.records.loads import LoadHistory, LoadState

log = logging.getLogger("patmatch.records")

Launch = Callable[[Sequence[str], Path], "subprocess.Popen[bytes]"]
"""Starts `patmatch` with these arguments; its output goes to the file."""

KINDS = (*(kind.value for kind in Kind), INDUSTRIES, GRADES)
"""What a file's rows may be."""

_MOST_AT_ONCE = 2
"""Files that are received or loaded at once: each load takes a core and up to 300 MB."""
_MOST_NAME_BYTES = 180
"""With what the rejects file adds to it a name is then within the 255 bytes of a file system."""
_RECEIVING = "receiving-"
_FORGOTTEN_SECONDS = 86_400
"""After a day a file that never came to its end is no longer on its way."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be made of a file.

    Attributes:
        kind: of its rows.
        name: of the file; its last suffix may say the format.
        profile: the known export that it is, where its headers are not to tell.
        replace: whether a row is the whole record.
        dry_run: whether nothing is to be written.
    """

    kind: str
    name: str
    profile: str | None = None
    replace: bool = False
    dry_run: bool = False


class FileService:
    """Takes files, and starts the processes that load them and take loads back.

    Args:
        catalogue: where rows go.
        folder: where files wait to be read.
        rejects_dir: where rejects files are.
        launch: starts the processes.
        max_bytes: of one file.
    """

    def __init__(
        self, catalogue: Catalogue, folder: Path, rejects_dir: Path, launch: Launch, *, max_bytes: int
    ) -> None:
        self._catalogue = catalogue
        self._history = LoadHistory(catalogue)
        self._folder = folder
        self._rejects_dir = rejects_dir
        self._launch = launch
        self._lock = Lock()
        self._taken = 0
        self.max_bytes = max_bytes

    def receive(self, wanted: Wanted, declared: int | None) -> Receiving:
        """Make room for a file that is on its way.

        Args:
            wanted: what is to be made of it.
            declared: its size, where that was said.

        Raises:
            InputError: its kind or name cannot be used.
            TooLargeError: it is larger than allowed.
            OverloadedError: as many files as may be are on their way.
        """
        _check(wanted)
        if declared is not None and declared > self.max_bytes:
            raise self._too_large()
        with self._lock:
            if self._taken >= _MOST_AT_ONCE:
                raise OverloadedError(
                    f"{self._taken} files are being received or loaded; send this one when one of them is done.",
                    f"正在接收或加载 {self._taken} 个文件，请待其中一个完成后再发送。",
                )
            self._taken += 1
        place = self._folder / f"{_RECEIVING}{token_hex(8)}"
        try:
            self._sweep()
            place.mkdir(parents=True)
            return Receiving(self, wanted, place)
        except BaseException as error:
            shutil.rmtree(place, ignore_errors=True)
            self._give_back()
            if isinstance(error, OSError):
                raise _not_stored(error) from error
            raise

    def undo(self, name: str) -> LoadState:
        """Begin to take a load back, in a process of its own.

        Raises:
            NotFoundError, UsageError, ConflictError: as `LoadHistory.check_undo` does.
            JobError: the process could not be started.
        """
        load = self._history.check_undo(name).load
        before = load.state
        self._catalogue.loads.note(load.number, state="undoing", host=socket.gethostname(), pid=None)
        place = self._folder / load_name(load.number)
        try:
            place.mkdir(parents=True, exist_ok=True)
            process = self._started(["ingest", "undo", load_name(load.number), "--started", "--json"], place)
        except (OSError, JobError) as error:
            self._catalogue.loads.note(load.number, state=before)
            shutil.rmtree(place, ignore_errors=True)
            raise error if isinstance(error, JobError) else _not_stored(error) from error
        Thread(target=self._reap, args=(load.number, process, place), name=place.name, daemon=True).start()
        return self._history.get(name)

    def rejects(self, name: str) -> Path:
        """The rejects file of a load.

        Raises:
            NotFoundError: there is no such load, or it has none.
        """
        report = self._history.get(name).load.report or {}
        listed = report.get("rejects_file")
        # By its name alone: the log may be of a process with another home.
        path = self._rejects_dir / Path(str(listed)).name
        if not listed or not path.is_file():
            raise NotFoundError(
                f"{name[:80]} has no list of rejects and warnings here.",
                f"{name[:80]} 在此没有退回与警告清单。",
                code="no_rejects",
            )
        return path

    def start(self, receiving: Receiving) -> LoadState:
        """Begin the load of a file that has come in whole."""
        wanted, log_of_loads = receiving.wanted, self._catalogue.loads
        options = {"profile": wanted.profile, "replace": wanted.replace, "dry_run": wanted.dry_run}
        number = log_of_loads.begin(Asked(wanted.kind, wanted.name, "api", socket.gethostname(), None, options))
        begun, place = self._history.get(load_name(number)), self._folder / load_name(number)
        try:
            receiving.folder.rename(place)
            process = self._started([*_arguments(wanted, place / wanted.name), "--load", str(number)], place)
        except (OSError, JobError) as error:
            failure = error if isinstance(error, JobError) else _not_stored(error)
            log_of_loads.end(number, "failed", report={"error": said(failure)})
            shutil.rmtree(place, ignore_errors=True)
            raise failure from error
        # A daemon, since the load may outlast this process; it then says itself how it ended.
        Thread(target=self._reap, args=(number, process, place, True), name=place.name, daemon=True).start()
        return begun

    def give_up(self, receiving: Receiving) -> None:
        """Forget a file that did not come in whole."""
        shutil.rmtree(receiving.folder, ignore_errors=True)
        self._give_back()

    def _too_large(self) -> TooLargeError:
        return TooLargeError(
            f"The file is larger than {self.max_bytes} bytes; split it, or load it with `patmatch ingest`.",
            f"文件超过 {self.max_bytes} 字节，请拆分，或用 `patmatch ingest` 加载。",
            code="file_too_large",
        )

    def _started(self, arguments: Sequence[str], place: Path) -> subprocess.Popen[bytes]:
        try:
            return self._launch(arguments, place / ".log")
        except OSError as error:
            raise JobError(
                f"The process could not be started: {error.strerror}", f"无法启动进程：{error.strerror}"
            ) from error

    def _reap(self, number: int, process: subprocess.Popen[bytes], place: Path, counted: bool = False) -> None:
        """Wait for a process, note its end where it could not, and remove the file."""
        status = process.wait()
        shutil.rmtree(place, ignore_errors=True)
        if counted:
            self._give_back()
        try:
            load = self._catalogue.loads.get(number)
            if load is not None and load.state == "running" and load.pid is None:
                failure = JobError(f"Its process ended with status {status}.", f"进程异常结束（状态 {status}）。")
                self._catalogue.loads.end(number, "failed", report={"error": said(failure)})
        except PatmatchError as error:
            log.warning("the end of %s could not be noted: %s", load_name(number), error.message)

    def _give_back(self) -> None:
        with self._lock:
            self._taken -= 1

    def _sweep(self) -> None:
        """Remove what a server left that ended before its loads did."""
        if not self._folder.is_dir():
            return
        for place in self._folder.iterdir():
            if place.name.startswith(_RECEIVING):
                gone = time() - place.stat().st_mtime > _FORGOTTEN_SECONDS
            else:
                gone = self._ended(place.name)
            if gone:
                shutil.rmtree(place, ignore_errors=True)

    def _ended(self, name: str) -> bool:
        try:
            return self._history.get(name).state not in ("running", "undoing")
        except NotFoundError:
            return True


class Receiving:
    """A file on its way: write all of it, then `finish`; leaving the context before that forgets it."""

    def __init__(self, files: FileService, wanted: Wanted, folder: Path) -> None:
        self._files = files
        self.wanted = wanted
        self.folder = folder
        self._bytes = 0
        self._finished = False
        self._stream = (folder / wanted.name).open("wb")

    def write(self, content: bytes) -> None:
        """Add to the file.

        Raises:
            TooLargeError: it is larger than allowed now.
            JobError: the disk does not take it.
        """
        self._bytes += len(content)
        if self._bytes > self._files.max_bytes:
            raise self._files._too_large()
        try:
            self._stream.write(content)
        except OSError as error:
            raise _not_stored(error) from error

    def finish(self) -> LoadState:
        """Begin the load.

        Raises:
            InputError: nothing came.
            JobError: the disk does not take the file, or no process could be started.
        """
        if not self._bytes:
            wrong = FieldError("body", "it is empty; send the file's bytes", "为空，请发送文件内容")
            raise InputError("There is no file in the body.", "请求体中没有文件。", code="empty_file", fields=(wrong,))
        try:
            self._stream.close()
        except OSError as error:
            raise _not_stored(error) from error
        found = self._files.start(self)
        self._finished = True
        return found

    def close(self) -> None:
        """Forget the file unless its load has begun."""
        if not self._finished:
            self._stream.close()
            self._files.give_up(self)


def _arguments(wanted: Wanted, path: Path) -> list[str]:
    arguments = ["ingest", wanted.kind, str(path), "--json"]
    arguments += ["--replace", "--yes"] if wanted.replace else []
    arguments += ["--dry-run"] if wanted.dry_run else []
    arguments += ["--profile", wanted.profile] if wanted.profile is not None else []
    return arguments


def _check(wanted: Wanted) -> None:
    wrong: list[FieldError] = []
    if wanted.kind not in KINDS:
        wrong.append(FieldError("kind", f"one of {', '.join(KINDS)}", f"应为 {'、'.join(KINDS)} 之一"))
    elif wanted.kind not in set(Kind) and (wanted.replace or wanted.dry_run or wanted.profile is not None):
        wrong.append(
            FieldError(
                "kind",
                "only records can be tried, replaced or of a profile",
                "仅记录支持试运行、整条替换或指定来源",
            )
        )
    name = wanted.name
    good = 0 < len(name.encode("utf-8", "replace")) <= _MOST_NAME_BYTES
    if not good or not name.isprintable() or "/" in name or "\\" in name or name.startswith((".", "-")):
        wrong.append(
            FieldError(
                "name",
                "the file's own name, as patents.xlsx, of at most 180 bytes",
                "应为文件名，如 patents.xlsx，最多 180 字节",
            )
        )
    if wrong:
        names = ", ".join(one.field for one in wrong)
        raise InputError(f"Cannot take the file: see {names}.", f"无法接收文件，请检查：{names}。", fields=tuple(wrong))


def _not_stored(error: OSError) -> JobError:
    return JobError(f"The file could not be stored: {error.strerror}.", f"文件无法保存：{error.strerror}。")
