"""Patents that share a label, directly or by way of others, are one family of a push."""

from __future__ import annotations

import numpy as np

from app.push.allocation.lists import NOBODY
from app.push.patents import joined_labels


def test_push_families_join_by_any_label() -> None:
    """One by its application, one by its publication, one by both; what has no label is nobody's."""
    labels = np.array([[5, 5, NOBODY, NOBODY, 9], [NOBODY, 7, 7, NOBODY, NOBODY]], dtype=np.int64)
    first, second, third, alone, other = joined_labels(labels).tolist()
    assert first == second == third
    assert alone == NOBODY
    assert len({first, other, alone}) == 3


def test_push_families_of_a_long_chain_are_one() -> None:
    """Each shares one label with the next."""
    count = 50_000
    places = np.arange(count, dtype=np.int64)
    assert set(joined_labels(np.stack([places // 2, (places + 1) // 2 + count])).tolist()) == {0}
