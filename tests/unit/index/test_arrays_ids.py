"""The ids of a snapshot."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import IdList
from index.arrays import IDS_FILES, write_array
from index.errors import VectorInputError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@settings(deadline=None)
@given(ids=st.lists(TEXTS, unique=True, max_size=40), others=st.lists(st.text(max_size=12), max_size=5))
def test_index_ids_agree_with_a_list_and_a_dict(ids, others):
    """Position to id and back is what a list and a dict give, also for ids that are not there."""
    listed, oracle = IdList.of(ids), {text: at for at, text in enumerate(ids)}
    assert list(listed) == ids
    assert len(listed) == len(ids)
    for text in [*ids, *others]:
        assert listed.position_of(text) == oracle.get(text)
    assert listed.positions_of([*others, *ids]).tolist() == [oracle[t] for t in [*others, *ids] if t in oracle]


@settings(deadline=None)
@given(ids=st.lists(TEXTS, unique=True, max_size=20))
def test_index_ids_survive_a_file(tmp_path_factory, ids):
    """What was written is what is read."""
    path = tmp_path_factory.mktemp("ids")
    IdList.of(ids).write(path)
    read = IdList.read(path)
    assert list(read) == ids
    assert all(read.position_of(text) == at for at, text in enumerate(ids))


def test_index_ids_are_taken_in_the_order_asked():
    """``take`` gives the ids of positions, repeated and in any order."""
    assert IdList.of(["a", "乙", "c"]).take(np.array([2, 1, 1])) == ["c", "乙", "乙"]


@pytest.mark.parametrize("position", [-1, 3])
def test_index_ids_refuse_positions_outside(position):
    """A padded position (-1) is an error, never the last id."""
    with pytest.raises(IndexError):
        IdList.of(["a", "b", "c"]).take(np.array([position]))


def test_index_ids_must_be_unique_and_not_empty():
    """A repeated or empty id is refused and named."""
    with pytest.raises(VectorInputError, match="'b' occurs twice, at positions 1 and 3"):
        IdList.of(["a", "b", "c", "b"])
    with pytest.raises(VectorInputError, match="position 1 is empty"):
        IdList.of(["a", ""])


def test_index_ids_refuse_a_file_of_something_else(tmp_path):
    """A file that holds other arrays is a ValueError that says so."""
    IdList.of(["a", "b"]).write(tmp_path)
    write_array(tmp_path / IDS_FILES[1], np.zeros(2, dtype=np.int64))
    with pytest.raises(ValueError, match="do not fit"):
        IdList.read(tmp_path)
    (tmp_path / IDS_FILES[1]).write_bytes(b"something else")
    with pytest.raises(ValueError, match="magic"):
        IdList.read(tmp_path)
