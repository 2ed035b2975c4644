"""What can go wrong with a model.

ModelError
├── SourceError      the source names no model, or its files are missing or damaged
├── EmptyTextError   a text without a character that the model can see
├── EncoderBusyError the queue of waiting texts is full
└── TrainingError    a model cannot learn from these judgements
"""

from __future__ import annotations


class ModelError(Exception):
    """The root of this package's errors. The message is safe to show; ``message_zh`` says the same in Chinese.

    Args:
        message: in English.
        message_zh: in Chinese; the English one where it is not given.
    """

    def __init__(self, message: str = "", message_zh: str | None = None) -> None:
        super().__init__(message)
        self.message_zh = message_zh or message


class SourceError(ModelError):
    """The source names no model, or its files are missing or damaged."""


class EmptyTextError(ModelError):
    """A text without a character that the model can see. ``position`` is its place in the batch."""

    def __init__(self, position: int) -> None:
        super().__init__(f"text {position} is empty", f"第 {position} 条文本为空")
        self.position = position


class EncoderBusyError(ModelError):
    """The queue of waiting texts is full."""


class TrainingError(ModelError):
    """A model cannot learn from these judgements, or with these options."""
