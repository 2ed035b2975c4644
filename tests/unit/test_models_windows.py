"""The window policy and the batches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.windows import Frame, WindowPolicy, batches, plan

FRAME = Frame(before=(101,), prefix=(7, 8), after=(102,), limit=10)
TEXT = st.lists(st.integers(1000, 2000), min_size=1, max_size=120)


@given(text=TEXT, most=st.integers(5, 60))
def test_models_windows_hold_every_kept_token_once(text, most):
    """Windows in order hold the text's tokens up to the declared limit, each once; weights count them."""
    made = plan([*FRAME.prefix, *text], FRAME, WindowPolicy(max_tokens_per_text=most))
    kept = text[: most - 4]
    read = [token for window in made.windows for token in window.ids[1:-1] if token >= 1000]
    assert read == kept
    assert [window.weight for window in made.windows] == [
        sum(token >= 1000 for token in window.ids) for window in made.windows
    ]
    assert made.tokens == len(text) + 4
    assert made.truncated == (len(kept) < len(text))


@given(text=TEXT)
def test_models_windows_stay_within_the_limit_and_keep_their_frame(text):
    """Each window has the special tokens, is no longer than the model's limit, and only the last is shorter."""
    made = plan([*FRAME.prefix, *text], FRAME, WindowPolicy())
    assert all(window.ids[0] == 101 and window.ids[-1] == 102 for window in made.windows)
    assert all(len(window.ids) <= FRAME.limit for window in made.windows)
    assert all(len(window.ids) == FRAME.limit for window in made.windows[:-1])


def test_models_windows_of_a_text_within_the_limit_are_the_text_itself():
    """Up to the limit there is one window: prefix and text as the tokenizer gave them, between the special tokens."""
    (window,) = plan([7, 8, 1, 2, 3, 4, 5, 6], FRAME, WindowPolicy()).windows
    assert window.ids == (101, 7, 8, 1, 2, 3, 4, 5, 6, 102)
    assert window.weight == 6


def test_models_windows_count_a_prefix_that_melts_into_the_text():
    """Where the tokenizer joins the prefix's end with the text, only the prefix tokens that remain are left out."""
    (window,) = plan([7, 99, 1], FRAME, WindowPolicy()).windows
    assert window.weight == 2


@pytest.mark.parametrize("limits", [(0, 16), (8192, 0)])
def test_models_windows_refuse_a_policy_without_room(limits):
    """A policy that lets nothing through is a mistake."""
    with pytest.raises(ValueError, match="at least 1"):
        WindowPolicy(*limits)


@given(lengths=st.lists(st.integers(1, 512), max_size=80), budget=st.integers(1, 4096))
def test_models_batches_take_every_input_once_within_the_budget(lengths, budget):
    """Batches partition the inputs; padded to its longest, none exceeds the budget unless it is one input alone."""
    groups = batches(lengths, budget)
    assert sorted(place for group in groups for place in group) == list(range(len(lengths)))
    for group in groups:
        assert len(group) == 1 or max(lengths[place] for place in group) * len(group) <= budget


def test_models_batches_do_not_pad_a_short_query_to_a_long_text():
    """Inputs of like length go together."""
    assert batches([10, 512, 12, 500], 1024) == [[1, 3], [2, 0]]
