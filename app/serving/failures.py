"""Errors of the lower rooms, said in the words of `app.errors`. A test proves that every one of them is mapped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

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

_CHINESE: tuple[tuple[type[Exception], str], ...] = (
    (ie.LockedError, "另一个任务正在进行"),
    (ie.FingerprintMismatchError, "快照由其他模型生成，不能使用"),
    (ie.SnapshotDamagedError, "快照文件缺失或已损坏"),
    (ie.VerificationError, "快照未通过校验"),
    (ie.RollbackError, "没有可以回滚到的更早快照"),
    (ie.SnapshotNameError, "不是有效的快照名称"),
    (ie.SnapshotMissingError, "没有这个快照，或尚未发布"),
    (ie.VectorStoreDamagedError, "向量文件已损坏"),
    (OSError, "无法读取或写入文件"),
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a snapshot is not served, in both languages."""

    text: str
    text_zh: str


def as_refusal(error: Exception) -> Refusal:
    """Why a snapshot is not served: a Chinese sentence with the detail as the room below gave it."""
    # Errors other than the index's own may name paths.
    text = str(error) if isinstance(error, ie.IndexRoomError) else f"it cannot be read: {type(error).__name__}"
    said = next((sentence for kind, sentence in _CHINESE if isinstance(error, kind)), "索引出错")
    return Refusal(text, f"{said}（{text}）")


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
            return ConflictError(text, as_refusal(error).text_zh, code="locked")
        case ie.SnapshotMissingError() | ie.SnapshotNameError() | ie.RollbackError():
            return NotFoundError(text, as_refusal(error).text_zh, code="no_snapshot")
        case _:
            return IndexProblem(text, as_refusal(error).text_zh)


@contextmanager
def translated() -> Iterator[None]:
    """Raise what `models` and `index` raise inside the block as the error that a user sees."""
    try:
        yield
    except (me.ModelError, ie.IndexRoomError) as error:
        raise as_patmatch_error(error) from error
