"""Answers in sheets of feedback, as people choose and write them."""

from __future__ import annotations

import pytest

from app.domain import Event, Level
from app.ingest.fields.words import event_word, level_word


@pytest.mark.parametrize(
    ("word", "event"),
    [
        ("感兴趣", Event.INTERESTED),
        ("感興趣", Event.INTERESTED),
        (" 拒绝。", Event.REJECTED),
        ("已拒絕！", Event.REJECTED),
        ("无意向", Event.REJECTED),
        ("已签合同", Event.SIGNED),
        ("Interested", Event.INTERESTED),
        ("已联系（对接）", Event.CONTACTED),
    ],
)
def test_answers_of_firms_are_known_in_other_spellings(word: str, event: Event) -> None:
    """Traditional characters, marks behind, words of the same event."""
    assert event_word(word) == event


@pytest.mark.parametrize("word", ["感兴趣/已联系", "不拒绝", "拒绝（价格高）", "√", "是", "待定", "。", "拒绝" * 100])
def test_answers_that_say_two_things_or_none_are_no_event(word: str) -> None:
    """Nobody guesses."""
    assert event_word(word) is None


@pytest.mark.parametrize(
    ("word", "level"),
    [
        ("强", Level.STRONG),
        ("強相關", Level.STRONG),
        ("强相关（4）", Level.STRONG),
        ("4-强相关", Level.STRONG),
        ("4.0", Level.STRONG),
        ("3.较强相关", Level.FAIRLY_STRONG),
        ("较强", Level.FAIRLY_STRONG),
        ("弱相关。", Level.WEAK),
        ("1、无相关", Level.NONE),
    ],
)
def test_answers_of_judges_are_known_in_other_spellings(word: str, level: Level) -> None:
    """Number and word together are one level."""
    assert level_word(word) == level


@pytest.mark.parametrize("word", ["3-4", "强相关（3）", "无", "一般", "高", "较强或弱", "5", "0"])
def test_answers_that_are_no_level(word: str) -> None:
    """Two levels, words of no scale, numbers out of it."""
    assert level_word(word) is None
