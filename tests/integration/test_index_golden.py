"""The golden snapshots of the format load and answer as they did; others are refused with the command that mends."""

import json
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from index_samples import made_with

from index import (
    AtLeast,
    Between,
    Equals,
    LiveIndex,
    OneOf,
    Prefix,
    current_id,
    list_snapshots,
    publication_log,
    publish,
    verify_snapshot,
)
from index.manifest import FORMAT

GOLDEN = Path(__file__).parents[1] / "golden"
FORM = GOLDEN / f"index-v{FORMAT}"
EXPECTED = json.loads((FORM / "expected.json").read_text(encoding="utf-8"))

every_snapshot = pytest.mark.parametrize("target", ["needs", "patents"])


@every_snapshot
def test_index_golden_snapshot_answers_as_it_did(target):
    """A snapshot loads and gives the ids and scores that it gave when it was made."""
    live = LiveIndex(FORM, target, made_with("golden"))
    assert live.refresh(), live.refusal
    snapshot, expected = live.current(), EXPECTED[target]
    hits = snapshot.search(np.array(EXPECTED["queries"], dtype=np.float32), 5)
    assert snapshot.id == expected["id"]
    assert [snapshot.ids.take(row) for row in hits.positions] == expected["ids"]
    assert np.allclose(hits.scores, expected["scores"], atol=1e-6)


@every_snapshot
def test_index_golden_terms_answer_as_they_did(target):
    """The inverted index gives the ids and scores that it gave."""
    live = LiveIndex(FORM, target, made_with("golden"))
    live.refresh()
    terms, expected = live.current().terms, EXPECTED[target]["terms"]
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
def test_index_golden_columns_filter_as_they_did(target, condition, passes):
    """Each kind of column gives the mask of the values it was made from."""
    live = LiveIndex(FORM, target, made_with("golden"))
    live.refresh()
    assert live.current().mask([condition]).tolist() == [passes(n) for n in range(len(live.current()))]


@every_snapshot
def test_index_golden_snapshot_is_verified_listed_and_published(tmp_path, target):
    """A snapshot passes every check of today, and can be published again."""
    root = tmp_path / "index"
    shutil.copytree(FORM, root)
    (entry,) = list_snapshots(root, target, hashes=True)
    assert (entry.current, entry.damage) == (True, None)
    assert verify_snapshot(entry.path).id == EXPECTED[target]["id"] == current_id(root, target)
    publish(root, entry.id)
    assert [line.id for line in publication_log(root, target)] == [entry.id, entry.id]


@every_snapshot
def test_index_golden_snapshot_of_another_format_is_refused(tmp_path, target):
    """A manifest of a later format, whole otherwise, is refused with the command that mends."""
    root = tmp_path / "index"
    shutil.copytree(FORM, root)
    (entry,) = list_snapshots(root, target)
    manifest = (entry.path / "manifest.json").read_text(encoding="utf-8")
    later = manifest.replace(f'"format": {FORMAT}', f'"format": {FORMAT + 1}')
    assert later != manifest
    (entry.path / "manifest.json").write_text(later, encoding="utf-8")
    live = LiveIndex(root, target, made_with("golden"))
    assert not live.refresh()
    assert f"patmatch index build {target} --publish" in str(live.refusal)


def test_index_golden_is_of_the_current_format():
    """Whoever changes the format makes its golden folder, and deletes the old one."""
    assert [path.name for path in GOLDEN.glob("index-v*")] == [FORM.name]
