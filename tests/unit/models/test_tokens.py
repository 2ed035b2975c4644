"""The window policy and the batches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tokens import Frame, WindowPolicy, batches, plan

FRAME = Frame(before=(101,), after=(102,), limit=10)
IDS = st.lists(st.integers(1000, 2000), min_size=1, max_size=120)


@given(ids=IDS, most=st.integers(3, 60))
def test_models_windows_hold_every_kept_token_once(ids, most):
    """Windows in order hold the tokens up to the declared limit, each once; weights count them."""
    made = plan(ids, FRAME, WindowPolicy(max_tokens_per_text=most))
    kept = ids[: most - 2]
    assert [token for window in made.windows for token in window[1:-1]] == kept
    assert made.weights == tuple(len(window) - 2 for window in made.windows)
    assert made.tokens == len(ids) + 2
    assert made.truncated == (len(kept) < len(ids))


@given(ids=IDS)
def test_models_windows_stay_within_the_limit_and_keep_their_frame(ids):
    """Each window has the special tokens, none is longer than the model's limit, and only the last is shorter."""
    windows = plan(ids, FRAME, WindowPolicy()).windows
    assert all(window[0] == 101 and window[-1] == 102 for window in windows)
    assert all(len(window) <= FRAME.limit for window in windows)
    assert all(len(window) == FRAME.limit for window in windows[:-1])


def test_models_windows_of_a_text_within_the_limit_are_the_text_itself():
    """Up to the limit there is one window: the ids as the tokenizer gave them, between the special tokens."""
    made = plan([7, 8, 1, 2, 3, 4, 5, 6], FRAME, WindowPolicy())
    assert made.windows == ((101, 7, 8, 1, 2, 3, 4, 5, 6, 102),)


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
