"""Calibrations on the disk: whole or not at all, for one ranking alone, and back again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain import Kind
from app.errors import NotFoundError
from app.ranking.relevance import BUILT_IN_SCALES, CENTRED_SCALE, Scale
from app.serving.calibrations import BUILT_IN, MANIFEST_KEY, Calibration, CalibrationStore, RankingId, Shelf, new_id
from index import Manifest
from index.manifest import IndexParameters, MeasuredRecall, sealed

HERE = RankingId("a" * 64, "centred")
SCALE = Scale(meaning=9.5, cut=3.8, coverage=4.25, weak_from=0.04, strong_from=0.8, alone=7.5, alone_cut=3.25)


def calibration(ranking: RankingId = HERE, scale: Scale = SCALE) -> Calibration:
    """A calibration that could have been fitted."""
    return Calibration(
        id=new_id(Kind.PATENTS),
        target=Kind.PATENTS,
        ranking=ranking,
        scale=scale,
        fitted_at="2026-11-24T09:00:00+00:00",
        by="ops@host",
        material={"needs": 40, "pairs": 900},
        measures={"held_out": {"brier": 0.08}},
    )


@pytest.fixture
def store(tmp_path: Path) -> CalibrationStore:
    """An empty store."""
    return CalibrationStore(tmp_path, Kind.PATENTS)


def file_of(root: Path, one: Calibration) -> Path:
    """Where a calibration lies."""
    return root / "patents" / "calibrations" / f"{one.id}.json"


@settings(deadline=None)
@given(
    st.floats(1e-6, 1e6),
    st.floats(-1e3, 1e3),
    st.floats(0, 1e6),
    st.tuples(st.floats(1e-9, 0.499), st.floats(0.501, 1 - 1e-9)),
    st.one_of(st.none(), st.floats(1e-6, 1e6)),
    st.one_of(st.none(), st.floats(-1e3, 1e3)),
)
def test_calibrations_survive_a_round_trip_to_the_last_bit(
    meaning: float,
    cut: float,
    coverage: float,
    levels: tuple[float, float],
    alone: float | None,
    alone_cut: float | None,
) -> None:
    """What is read is what was written, so that every process gives the same scores."""
    scale = Scale(meaning, cut, coverage, *levels, alone, alone_cut)
    one = calibration(scale=scale)
    assert Calibration.from_json(one.to_json()) == one


def test_calibrations_in_force_are_read_for_their_ranking_alone(store: CalibrationStore) -> None:
    """Another encoder, ranking or version of it reads the built-in scale of its kind, and says why."""
    one = calibration()
    assert store.read().reading(HERE).id == BUILT_IN
    store.publish(one)
    shelf = store.read()
    assert (shelf.reading(HERE).scale, shelf.reading(HERE).id) == (SCALE, one.id)
    for other in (RankingId("b" * 64, "centred"), RankingId("a" * 64, "fused"), RankingId("a" * 64, "centred", 0)):
        reading = shelf.reading(other)
        assert reading.id == BUILT_IN
        assert reading.scale == BUILT_IN_SCALES[other.ranking]
        assert "another encoder or ranking" in reading.why
        assert reading.why_zh


def test_calibrations_roll_back_one_by_one_and_reset(store: CalibrationStore) -> None:
    """A roll-back takes back a publication or a reset; of another ranking's nothing is touched."""
    first, second, other = calibration(), calibration(), calibration(RankingId("b" * 64, "plain"))
    for one in (first, other, second):
        store.publish(one)
    store.reset(HERE)
    assert store.read().reading(HERE).id == BUILT_IN
    assert [store.rollback(HERE) for _ in range(3)] == [second.id, first.id, None]
    assert store.read().reading(HERE).id == BUILT_IN
    assert store.read().reading(other.ranking).id == other.id
    with pytest.raises(NotFoundError, match="nothing to go back to"):
        store.rollback(HERE)


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone", "swapped", "wrong scale"])
def test_calibrations_damaged_are_refused_by_name(store: CalibrationStore, tmp_path: Path, damage: str) -> None:
    """The built-in scale is read in their place, and the reading names the file; a roll-back mends it."""
    before, one, other = calibration(), calibration(scale=CENTRED_SCALE), calibration(RankingId("b" * 64, "plain"))
    for each in (before, one, other):
        store.publish(each)
    path = file_of(tmp_path, one)
    text = path.read_text(encoding="utf-8")
    if damage == "flipped":
        path.write_text(text.replace(f'"cut": {CENTRED_SCALE.cut}', '"cut": 3.0'), encoding="utf-8")
    elif damage == "cut":
        path.write_text(text[:200], encoding="utf-8")
    elif damage == "gone":
        path.unlink()
    elif damage == "swapped":
        path.write_text(other.to_json(), encoding="utf-8")
    else:
        falling = json.loads(text)["scale"] | {"meaning": -1.0}
        assert falling["meaning"] < 0
        path.write_text(json.dumps(json.loads(text) | {"scale": falling}), encoding="utf-8")
    reading = store.read().reading(HERE)
    assert (reading.id, reading.scale) == (BUILT_IN, CENTRED_SCALE)
    assert one.id in reading.why
    assert one.id in reading.why_zh
    assert store.rollback(HERE) == before.id
    assert store.read().reading(HERE).id == before.id


def test_calibrations_of_another_encoder_are_refused(store: CalibrationStore, tmp_path: Path) -> None:
    """A whole file with the right name, but fitted to another encoder's relevance, is not in force."""
    one = calibration()
    store.publish(one)
    other = replace(one, ranking=RankingId("b" * 64, "centred"))
    file_of(tmp_path, one).write_text(other.to_json(), encoding="utf-8")
    reading = store.read().reading(HERE)
    assert (reading.id, reading.scale) == (BUILT_IN, CENTRED_SCALE)
    assert f"{one.id} is damaged: it is another calibration's" in reading.why


def manifest_with(fingerprint: str, kept: object) -> Manifest:
    """The manifest of a snapshot of an encoder that keeps calibrations."""
    return Manifest(
        id="patents-20261123T130700Z-1a2b3c4d",
        target="patents",
        fingerprint=fingerprint,
        encoder="test",
        dimension=8,
        count=3,
        index=IndexParameters("flat"),
        source_revision="42",
        built_at="2026-11-23T13:07:00+00:00",
        build_seconds=1.25,
        recall=MeasuredRecall(20, 1.0, 3, "needs"),
        files={},
        extra={MANIFEST_KEY: kept},
    )


def test_calibrations_kept_with_a_snapshot_are_those_of_its_encoder(store: CalibrationStore) -> None:
    """A snapshot takes along what is in force for its encoder, and what it has of another one is not read."""
    mine, other = calibration(), calibration(RankingId("b" * 64, "centred"), CENTRED_SCALE)
    for one in (mine, other):
        store.publish(one)
    kept = store.read().kept_with(mine.ranking.fingerprint)
    assert [said["id"] for said in kept] == [mine.id]
    elsewhere = Shelf()
    assert elsewhere.readings(manifest_with("a" * 64, kept))["centred"].id == mine.id
    assert elsewhere.readings(manifest_with("a" * 64, kept))["fused"].id == BUILT_IN
    assert elsewhere.readings(manifest_with("b" * 64, kept))["centred"].id == BUILT_IN


def test_calibrations_with_a_damaged_pointer_are_not_in_force(store: CalibrationStore, tmp_path: Path) -> None:
    """Which one is in force is not guessed; the next publication writes the pointer anew."""
    one = calibration()
    store.publish(one)
    pointer = tmp_path / "patents" / "calibrations" / "CURRENT"
    pointer.write_bytes(pointer.read_bytes()[:-20])
    assert "CURRENT is damaged" in store.read().reading(HERE).why
    store.publish(one)
    assert store.read().reading(HERE).id == one.id


def test_calibrations_of_a_killed_publication_are_not_in_force(store: CalibrationStore, tmp_path: Path) -> None:
    """A file without the pointer's word, or half a file, changes nothing and is cleared away."""
    one = calibration()
    store.publish(one)
    half = tmp_path / "patents" / "calibrations" / ".CURRENT.1a2b3c4d"
    half.write_bytes(b"{")
    file_of(tmp_path, calibration()).write_text(calibration().to_json(), encoding="utf-8")
    assert store.read().reading(HERE).id == one.id
    store.publish(one)
    assert not half.exists()


def test_calibrations_are_read_again_only_when_they_have_changed(store: CalibrationStore) -> None:
    """What a service looks at twice a second is one small file."""
    store.publish(calibration())
    shelf = store.read()
    assert store.read(shelf) is shelf
    store.reset(HERE)
    assert store.read(shelf) is not shelf


@pytest.mark.parametrize(
    "before",
    [
        {"format": 1, "scale": {"midpoint": 0.4, "steepness": 9.5, "bends": [], "weak_from": 0.05, "strong_from": 0.8}},
        {"format": 1},
        {"scale": {"midpoint": 0.4, "steepness": 9.5}},
    ],
    ids=["as it was", "format alone", "scale alone"],
)
def test_calibrations_of_an_earlier_format_are_not_applied(
    store: CalibrationStore, tmp_path: Path, before: dict[str, object]
) -> None:
    """A scale of one sum says nothing of two pieces of evidence: the built-in scale is read, and the file named."""
    one = calibration()
    store.publish(one)
    file_of(tmp_path, one).write_text(sealed(one.as_json() | before), encoding="utf-8")
    reading = store.read().reading(HERE)
    assert (reading.id, reading.scale) == (BUILT_IN, CENTRED_SCALE)
    assert one.id in reading.why
    assert "patmatch calibrate" in reading.why
