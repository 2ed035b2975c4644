"""Whether a text holds a term, and what an index can say of it beforehand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.containing import folded_term, holds, needed, told_by_index
from app.text.reading import term_reading
from app.text.terms import terms_of


@pytest.mark.parametrize(
    ("text", "term", "found"),
    [
        ("一种磷酸铁锂电池", "磷酸铁锂", True),
        ("一種磷酸鐵鋰電池", "磷酸铁锂", True),
        ("一种磷 酸 铁 锂电池", "磷酸铁锂", True),
        ("磷酸铁与锂", "磷酸铁锂", False),
        ("LFP/C composite", "lfp", True),
        ("LFP-C复合", "LFP", True),
        ("xLFP", "LFP", False),
        ("LFP811", "LFP", False),
        ("LFP电池", "LFP", True),
        ("permanent  magnets", "Permanent magnet", True),
        ("a magnetic field", "magnet", False),
        ("ＡＢ－１２", "ab-12", True),
    ],
)
def test_a_text_holds_a_term(text: str, term: str, found: bool) -> None:
    """Chinese wherever it stands, in either script; words whole or in the plural."""
    assert holds(term_reading(text), folded_term(term)) is found


PIECES = st.lists(
    st.sampled_from(["磷酸", "铁锂", "锂", "电", " ", "LFP", "-", "ab", "电池の", "リチウム", "리튬", "。"]), max_size=8
)


@given(PIECES.map("".join), PIECES.map("".join))
def test_what_holds_a_term_has_what_is_needed(text: str, term: str) -> None:
    """The index never hides a text that holds the term, and says for sure where it claims to."""
    folded, terms = folded_term(term), terms_of(text)
    if not any(character.isalnum() for character in folded):
        return
    found = holds(term_reading(text), folded)
    may = all(one in terms for one in needed(folded))
    assert may or not found
    if told_by_index(folded):
        assert may == found
