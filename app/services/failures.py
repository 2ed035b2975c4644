"""Errors of the lower rooms, said in the words of `app.errors`. A test proves that every one of them is mapped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import index.errors as ie
import models.errors as me
from app.errors import (
    ConflictError,
    IndexProblem,
    InputError,
    ModelProblem,
    NotFoundError,
    OverloadedError,
    PatmatchError,
)


def as_patmatch_error(error: me.ModelError | ie.IndexRoomError) -> PatmatchError:
    """The error that a user sees for one of `models` or `index`."""
    text = str(error)
    match error:
        case me.EmptyTextError():
            return InputError(
                "The text is empty: there is nothing to match.", "文本为空，无法匹配。", code="empty_text"
            )
        case me.EncoderBusyError():
            return OverloadedError(
                "Too many texts are waiting to be embedded; try again.", "等待编码的文本过多，请稍后重试。"
            )
        case me.ModelError():
            return ModelProblem(text, error.message_zh)
        case ie.LockedError():
            return ConflictError(text, f"另一个任务正在进行：{text}", code="locked")
        case ie.SnapshotMissingError() | ie.SnapshotNameError() | ie.RollbackError():
            return NotFoundError(text, f"没有这个索引快照：{text}", code="no_snapshot")
        case _:
            return IndexProblem(text, f"索引错误：{text}")


@contextmanager
def translated() -> Iterator[None]:
    """Raise what `models` and `index` raise inside the block as the error that a user sees."""
    try:
        yield
    except (me.ModelError, ie.IndexRoomError) as error:
        raise as_patmatch_error(error) from error
