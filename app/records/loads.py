"""The log of loads as it stands, and taking a load back."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.catalogue import Catalogue, Load
from app.domain import Kind
from app.errors import ConflictError, NotFoundError, UsageError
from app.ingest import FEEDBACK, GRADES, INDUSTRIES
from app.records.imports import load_name, steps

INTERRUPTED = "interrupted"
"""The state of a load, or of taking one back, whose process is gone."""

_SILENT = timedelta(minutes=10)
"""After so long without a sign of life a process counts as gone: it gives one every five seconds of reading rows."""

_NAME = re.compile(r"(?:load-)?(\d{1,18})")

_INSTEAD = {
    INDUSTRIES: (
        "the mapping of industries is replaced as a whole: load the file that was in force before",
        "行业对照表是整体替换的：请重新加载原来的文件",
    ),
    GRADES: (
        "gradings are kept with their history: grade again, as GET /v1/patents/{id}/grades shows what was before",
        "分级保留全部历史：请按 GET /v1/patents/{id}/grades 显示的原值重新分级",
    ),
    FEEDBACK: (
        "what came back is never removed: record what is right beside it",
        "反馈不会删除：请补充记录正确的反馈",
    ),
}
"""Kinds of loads that cannot be taken back, and what to do."""


@dataclass(frozen=True, slots=True)
class LoadState:
    """A load as it stands now.

    Attributes:
        state: ``running``, ``done``, ``failed``, ``interrupted``, ``undoing`` or ``undone``.
    """

    load: Load
    state: str

    @property
    def name(self) -> str:
        """What the load is called."""
        return load_name(self.load.number)

    def as_json(self) -> dict[str, Any]:
        """The load as JSON types."""
        load = self.load
        report = dict(load.report or {})
        error = report.pop("error", None)
        return {
            "id": self.name,
            "kind": load.kind,
            "file": load.file,
            "state": self.state,
            "by": load.by,
            "started_at": load.started_at.isoformat(timespec="seconds"),
            "finished_at": load.finished_at.isoformat(timespec="seconds") if load.finished_at else None,
            "rows": load.rows,
            **{name: load.options.get(name) for name in ("replace", "dry_run", "profile")},
            "report": report or None,
            "error": error,
            "undone": load.undone,
        }


class LoadHistory:
    """Reads the log of loads, and takes loads back.

    Args:
        catalogue: whose log.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def latest(self, most: int, *, before: str | None = None) -> list[LoadState]:
        """Loads as they stand, the latest first; with ``before`` those that began before that one."""
        number = None if before is None else _number(before)
        return [_standing(load) for load in self._catalogue.loads.latest(most, before=number)]

    def get(self, name: str) -> LoadState:
        """A load by its name or number.

        Raises:
            NotFoundError: there is none.
        """
        load = self._catalogue.loads.get(_number(name))
        if load is None:
            raise _unknown(name)
        return _standing(load)

    def check_undo(self, name: str) -> LoadState:
        """The load that is to be taken back.

        Raises:
            NotFoundError: there is none of this name.
            UsageError: loads of its kind cannot be taken back; the message says what to do.
            ConflictError: it runs, or is being taken back, now.
        """
        standing = self.get(name)
        load = standing.load
        if load.kind in _INSTEAD:
            what, what_zh = _INSTEAD[load.kind]
            raise UsageError(
                f"{standing.name} cannot be taken back: {what}.",
                f"{standing.name} 无法撤销：{what_zh}。",
                code="no_undo",
            )
        if standing.state in ("running", "undoing"):
            # A process that was just started has not said its number yet.
            where, where_zh = f"on {load.host}", f"{load.host}"
            if load.pid is not None:
                where, where_zh = f"process {load.pid} {where}", f"{where_zh} 上的进程 {load.pid}"
            raise ConflictError(
                f"{standing.name} is {standing.state} ({where}); wait until it has ended.",
                f"{standing.name} 正在{'加载' if standing.state == 'running' else '撤销'}（{where_zh}），请等待结束。",
                code="load_running",
            )
        return standing

    def undo(
        self, name: str, progress: Callable[[int], None] = lambda _done: None, *, started: bool = False
    ) -> LoadState:
        """Take a load back: what it changed or deleted stands as before, what it added is deleted.

        Records that somebody else changed since stay as they are, and are counted and named. Stopped anywhere, it goes
        on by being run again; run once more, it takes back what a later load had changed and was itself taken back.

        Args:
            name: of the load.
            progress: called with the records done so far.
            started: whether another process has checked this load and noted that it is being taken back.

        Raises:
            NotFoundError, UsageError, ConflictError: as `check_undo` does.
            CatalogueProblem: the database failed.
        """
        load, log = (self.get(name) if started else self.check_undo(name)).load, self._catalogue.loads
        log.note(load.number, state="undoing", host=socket.gethostname(), pid=os.getpid())
        steps.debug("undo.began")
        for kind in Kind:
            while log.take_back(load, kind):
                steps.debug("undo.batch")
                progress(_done(log.get(load.number)))
        log.hand_back(load)
        left = log.left_over(load)
        counts = _again(log.get(load.number)).undone or {}
        log.end(load.number, "undone", undone={"restored": 0, "deleted": 0, **counts, **left})
        steps.debug("undo.ended")
        return self.get(name)


def _again(load: Load | None) -> Load:
    if load is None:
        raise NotFoundError("The load is gone from the log.", "加载记录已不存在。", code="unknown_load")
    return load


def _done(load: Load | None) -> int:
    undone = _again(load).undone or {}
    return int(undone.get("restored", 0)) + int(undone.get("deleted", 0))


def _number(name: str) -> int:
    found = _NAME.fullmatch(name)
    if found is None:
        raise _unknown(name)
    return int(found[1])


def _unknown(name: str) -> NotFoundError:
    shown = name[:80]
    return NotFoundError(f"There is no load {shown!r}.", f"没有加载记录 {shown!r}。", code="unknown_load")


def _standing(load: Load) -> LoadState:
    """A load that says that it runs is believed while its process lives and is heard of."""
    if load.state not in ("running", "undoing"):
        return LoadState(load, load.state)
    silent = datetime.now(UTC) - load.seen_at > _SILENT
    gone = load.host == socket.gethostname() and load.pid is not None and not _lives(load.pid)
    return LoadState(load, INTERRUPTED if silent or gone else load.state)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's, but there
        return True
    return True


def without_report(standing: LoadState) -> LoadState:
    """The same for a list, in which reports would be most of it."""
    counts = ("added", "changed", "unchanged", "repeated", "rejected", "rows")
    report = {name: value for name, value in (standing.load.report or {}).items() if name in (*counts, "error")}
    return LoadState(replace(standing.load, report=report or None), standing.state)
