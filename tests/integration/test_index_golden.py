"""Snapshots of every format that was ever written must load, or be refused with the command that converts them."""

import json
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from index import (
    AtLeast,
    Between,
    Equals,
    LiveIndex,
    OneOf,
    Prefix,
    current_id,
    list_snapshots,
    made_with,
    publication_log,
    publish,
    verify_snapshot,
)

GOLDEN = Path(__file__).parents[1] / "golden"
FORMATS = sorted(path.name for path in GOLDEN.glob("index-v*"))
EXPECTED = {name: json.loads((GOLDEN / name / "expected.json").read_text(encoding="utf-8")) for name in FORMATS}

every_snapshot = pytest.mark.parametrize(("form", "target"), [(f, t) for f in FORMATS for t in ("needs", "patents")])


@every_snapshot
def test_index_golden_snapshot_answers_as_it_did(form, target):
    """A snapshot of each format loads and gives the ids and scores that it gave when it was made."""
    live = LiveIndex(GOLDEN / form, target, made_with("golden"))
    assert live.refresh(), live.refusal
    snapshot, expected = live.current(), EXPECTED[form][target]
    hits = snapshot.search(np.array(EXPECTED[form]["queries"], dtype=np.float32), 5)
    assert snapshot.id == expected["id"]
    assert [snapshot.ids.take(row) for row in hits.positions] == expected["ids"]
    assert np.allclose(hits.scores, expected["scores"], atol=1e-6)


@every_snapshot
def test_index_golden_terms_answer_as_they_did(form, target):
    """An inverted index of each format that has one gives the ids and scores that it gave; older formats have none."""
    live = LiveIndex(GOLDEN / form, target, made_with("golden"))
    live.refresh()
    terms, expected = live.current().terms, EXPECTED[form][target].get("terms")
    assert (terms is None) == (form < "index-v4") == (expected is None)
    if terms is not None:
        hits = terms.search({"电池": 2.0, "电": 1.0, "x7": 0.5}, 5)
        assert live.current().ids.take(hits.positions) == expected["ids"]
        assert np.allclose(hits.scores, expected["scores"], atol=1e-5)


@pytest.mark.parametrize(
    ("condition", "passes"),
    [
        (Prefix("ipc", ("H01M",)), lambda n: n % 2 == 1),
        (OneOf("region", ("620102",)), lambda n: n % 3 != 0),
        (Between("filed_on", None, date(2020, 1, 10)), lambda n: n % 5 != 0 and n <= 9),
        (AtLeast("maturity", 7), lambda n: n % 10 >= 7),
        (Equals("agreed", False), lambda n: n % 3 == 1),
    ],
)
@every_snapshot
def test_index_golden_columns_filter_as_they_did(form, target, condition, passes):
    """Each kind of column of each format gives the mask of the values it was made from."""
    live = LiveIndex(GOLDEN / form, target, made_with("golden"))
    live.refresh()
    assert live.current().mask([condition]).tolist() == [passes(n) for n in range(len(live.current()))]


@every_snapshot
def test_index_golden_snapshot_is_verified_listed_and_published(tmp_path, form, target):
    """A snapshot of each format passes every check of today, and can be published again."""
    root = tmp_path / "index"
    shutil.copytree(GOLDEN / form, root)
    (entry,) = list_snapshots(root, target, hashes=True)
    assert (entry.current, entry.damage) == (True, None)
    assert verify_snapshot(entry.path).id == EXPECTED[form][target]["id"] == current_id(root, target)
    publish(root, entry.id)
    assert [line.id for line in publication_log(root, target)] == [entry.id, entry.id]


def test_index_golden_has_every_format():
    """Whoever changes the format adds a golden directory for it."""
    from index.manifest import FORMAT

    assert set(FORMATS) == {f"index-v{number}" for number in range(1, FORMAT + 1)}
