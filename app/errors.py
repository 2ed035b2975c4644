"""Every error that a user can meet.

    PatmatchError
    ├── InputError              422  what was sent cannot be used
    │   ├── TooLargeError       413  a body, text or batch over a limit
    │   └── UsageError          400  a command or a request that makes no sense as a whole
    ├── UnauthorizedError       401  a token is needed, and another or none was sent
    ├── NotFoundError           404  no such record, snapshot or path
    ├── ConflictError           409  another job holds the lease, or the state does not allow it
    ├── OverloadedError         429  the queue is full; try again
    ├── NotReadyError           503  no model or no usable index yet, with the failing part named
    └── JobError                500  an offline job failed
        ├── ModelProblem        500  a model cannot be prepared or loaded
        ├── IndexProblem        500  a snapshot cannot be built, read or published
        └── CatalogueProblem    500  the database cannot be reached or migrated

Each has a code for programs, a status for HTTP, and a safe message in English and Chinese for people. Errors of
lower libraries are mapped to one of these at the boundary that calls them; `models` and `index` have trees of their
own, which `app.serving.translation` maps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from app.domain import Kind


@dataclass(frozen=True, slots=True)
class FieldError:
    """One bad field of a request or of a row: where it is, what is wrong, in both languages."""

    field: str
    message: str
    message_zh: str


class PatmatchError(Exception):
    """The root. ``message`` and ``message_zh`` are safe to show: they hold no path, no secret and no stack."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"

    def __init__(
        self, message: str, message_zh: str, *, code: str | None = None, fields: tuple[FieldError, ...] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.message_zh = message_zh
        self.fields = fields
        self.error_code = code or type(self).code


class InputError(PatmatchError):
    """What was sent cannot be used."""

    code, status, title = "invalid_input", 422, "Invalid input"


class TooLargeError(InputError):
    """A body, a text or a batch is over a limit."""

    code, status, title = "too_large", 413, "Too large"


class UsageError(InputError):
    """A command or a request that makes no sense as a whole."""

    code, status, title = "usage", 400, "Bad request"


class UnauthorizedError(PatmatchError):
    """A token is needed, and another one or none was sent."""

    code, status, title = "unauthorized", 401, "Unauthorized"


class NotFoundError(PatmatchError):
    """There is no such record, snapshot or path."""

    code, status, title = "not_found", 404, "Not found"


class ConflictError(PatmatchError):
    """Another job holds the lease, or the state does not allow it."""

    code, status, title = "conflict", 409, "Conflict"


class OverloadedError(PatmatchError):
    """The queue is full; the same call may succeed a moment later."""

    code, status, title = "overloaded", 429, "Too many requests"


class NotReadyError(PatmatchError):
    """No model or no usable index yet; the message names the failing part."""

    code, status, title = "not_ready", 503, "Not ready"


class JobError(PatmatchError):
    """An offline job failed."""

    code, status, title = "job_failed", 500, "Job failed"


class ModelProblem(JobError):  # noqa: N818 - named apart from the models package's own ModelError
    """A model cannot be prepared or loaded."""

    code, title = "model", "Model problem"


class IndexProblem(JobError):  # noqa: N818
    """A snapshot cannot be built, read or published."""

    code, title = "index", "Index problem"


class CatalogueProblem(JobError):  # noqa: N818
    """The database cannot be reached or migrated."""

    code, title = "catalogue", "Catalogue problem"


_NAMES = {Kind.PATENTS: ("patent", "专利"), Kind.NEEDS: ("need", "需求"), Kind.FIRMS: ("firm", "企业")}


def unknown_run(name: str | None) -> NotFoundError:
    """The error for a push run that is not there; of none by name, that none is done."""
    shown, shown_zh = (f"named {name[:80]!r}", f"名为 {name[:80]!r} 的") if name else ("that is done", "已完成的")
    return NotFoundError(f"There is no push run {shown}.", f"没有{shown_zh}推送批次。", code="no_push_run")


def unknown_record(kind: Kind, record_id: str) -> NotFoundError:
    """The error for an id that the catalogue does not have."""
    name, name_zh = _NAMES[kind]
    shown = record_id[:80]
    return NotFoundError(
        f"There is no {name} with the id {shown!r}.", f"没有编号为 {shown!r} 的{name_zh}。", code="unknown_id"
    )
