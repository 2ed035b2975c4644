"""Sentences of a text in any script."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.text.sentences import sentences


def test_ranking_sentences_end_where_their_script_ends_them() -> None:
    """Chinese marks, semicolons and full stops end a sentence; decimals and abbreviations do not."""
    assert sentences("本发明涉及电池。电压3.5 V；成本低。\n") == ["本发明涉及电池。", "电压3.5 V；", "成本低。"]
    english = "At 4.35 V, e.g. in a cell, it gasses. The additive helps. 본 발명은 좋다. 끝."
    assert sentences(english) == [
        "At 4.35 V, e.g. in a cell, it gasses.",
        "The additive helps.",
        "본 발명은 좋다.",
        "끝.",
    ]
    assert sentences(" ... ;") == []


@given(st.text(max_size=200))
def test_ranking_sentences_lose_no_word(text: str) -> None:
    """Whatever the text, each letter and digit of it is in exactly one sentence, in order."""
    kept = "".join(character for character in text if character.isalnum())
    assert "".join(c for sentence in sentences(text) for c in sentence if c.isalnum()) == kept
