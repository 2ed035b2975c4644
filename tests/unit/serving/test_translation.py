"""Every error of the lower rooms reaches the user as one of ours."""

from __future__ import annotations

import pytest

import index.errors as ie
import models.errors as me
from app.errors import PatmatchError
from app.serving.translation import as_patmatch_error, translated


def tree(root: type[Exception]) -> list[type[Exception]]:
    """A class and all that derive from it."""
    return [root, *(found for child in root.__subclasses__() for found in tree(child))]


@pytest.mark.parametrize("kind", [*tree(me.ModelError), *tree(ie.IndexRoomError)], ids=lambda kind: kind.__name__)
def test_services_every_lower_error_is_mapped(kind: type[Exception]) -> None:
    """Each has a message in both languages and a status below 600."""
    error = kind.__new__(kind)
    Exception.__init__(error, "what happened")
    if isinstance(error, me.ModelError):
        error.message_zh = "发生了什么"
    mapped = as_patmatch_error(error)
    assert isinstance(mapped, PatmatchError)
    assert mapped.message
    assert any("\u4e00" <= char <= "\u9fff" for char in mapped.message_zh)
    assert 400 <= mapped.status < 600


def test_services_translated_keeps_the_cause() -> None:
    """The original error stays reachable for the log."""
    with pytest.raises(PatmatchError) as caught, translated():
        raise ie.SnapshotMissingError("there is no snapshot x")
    assert isinstance(caught.value.__cause__, ie.SnapshotMissingError)


def test_services_translated_lets_others_through() -> None:
    """An unforeseen error is not dressed up as a known one."""
    with pytest.raises(ZeroDivisionError), translated():
        raise ZeroDivisionError
