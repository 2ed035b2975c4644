"""Keys to record numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import vector_file
from index.vector_file import KeyTable, as_words

# Keys that share their first or their second half, so that neither half alone tells them apart.
KEYS = st.tuples(
    st.sampled_from([b"aaaaaaaa", b"bbbbbbbb", b"\xff" * 8]), st.sampled_from([b"x" * 8, b"y" * 8, b"\0" * 8])
)
KEYS = KEYS.map(b"".join) | st.binary(min_size=16, max_size=16)


@settings(deadline=None)
@given(batches=st.lists(st.lists(KEYS, max_size=8), max_size=8), merge_at=st.integers(1, 12), others=st.lists(KEYS))
def test_index_key_table_agrees_with_a_dict(batches, merge_at, others):
    """After any sequence of additions the latest record of each key is found, wherever the merging happens."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vector_file, "MERGE_AT", merge_at)
        table, oracle, row = KeyTable(), {}, 0
        for batch in batches:
            table.add(as_words(b"".join(batch)), row)
            for key in batch:
                oracle[key] = row
                row += 1
            assert len(table) == len(oracle)
        wanted = [*oracle, *others]
        expected = [oracle.get(key, -1) for key in wanted]
        assert table.find(as_words(b"".join(wanted))).tolist() == expected


def test_index_key_table_takes_24_bytes_a_key():
    """A large table holds two words and a record number for each key, and nothing else."""
    table = KeyTable()
    words = np.random.default_rng(0).integers(0, 2**63, (vector_file.MERGE_AT, 2)).astype(np.uint64)
    table.add(words, 0)
    held = sum(array.nbytes for array in vars(table).values() if isinstance(array, np.ndarray))
    assert held == 24 * len(table)
    assert table._recent == {}
