"""Terms that two texts share, found without writing their vocabularies out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.text.terms import Phrases, vocabulary

# Few letters, so that texts share a lot; stock ("方法", "的") and words among them.
TEXTS = st.text(st.sampled_from("锂电池解液方法的一种 abLED-3,。"), max_size=40)


def by_vocabularies(asked: str, title: str, limit: int) -> tuple[str, ...]:
    """The same by the definition: both vocabularies written out."""
    kept: list[str] = []
    for term in sorted(vocabulary(asked) & vocabulary(title), key=lambda term: (-len(term), term)):
        if len(kept) < limit and not any(term in longer for longer in kept):
            kept.append(term)
    return tuple(kept)


@given(TEXTS, TEXTS, st.integers(1, 4))
def test_phrases_share_what_vocabularies_share(asked: str, title: str, limit: int) -> None:
    """The longest terms of both, none inside another, whatever the texts."""
    assert Phrases.of(asked).longest_in(Phrases.of(title), limit) == by_vocabularies(asked, title, limit)


def test_phrases_of_a_profile_and_a_title() -> None:
    """A profile in Traditional characters and a title in Simplified ones share their subject and their model number."""
    profile = Phrases.of("鋰離子電池電解液的研發、生產;LED燈具")
    assert profile.longest_in(Phrases.of("一种锂离子电池电解液添加剂及LED封装"), 3) == ("锂离子电池电解液", "led")
