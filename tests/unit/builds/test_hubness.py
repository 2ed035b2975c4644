"""Hubs before and after vectors are moved, as a build measures them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hashing_encoder import HashingEncoder

from app.builds.hubness import HUBNESS_KEY, hubness_of, measured_hubness
from app.builds.overview import entry_json
from app.domain import Kind, Need, Patent
from app.ranking.space import ANY, PLAIN, Space
from app.settings import Settings
from app.wiring import Services
from index import ArrayVectors
from index.manifest import read_manifest
from scripts.cli import run

Floats = npt.NDArray[np.float32]


def unit(vectors: npt.NDArray[np.float64]) -> Floats:
    """The same directions, of length 1."""
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


@pytest.fixture
def cone() -> tuple[Floats, Floats, Floats]:
    """600 records in a cone, the first 6 of them near its mean; queries in the same cone; the mean of the records."""
    generator = np.random.default_rng(3)
    middle = np.zeros(64)
    middle[0] = 2.0
    spread = np.concatenate([np.full(6, 0.02), np.full(594, 0.5)])
    records = unit(middle + generator.standard_normal((600, 64)) * spread[:, None])
    queries = unit(middle + generator.standard_normal((60, 64)) * 0.5)
    return records, queries, records.mean(axis=0)


def test_hubness_is_less_where_the_mean_is_taken_away(cone: tuple[Floats, Floats, Floats]) -> None:
    """Records near the mean fill others' places by plain cosines, and hardly any once the mean is subtracted."""
    records, queries, middle = cone
    space = Space({ANY: middle}, {ANY: middle})
    languages: list[str | None] = [None] * len(records)
    found = measured_hubness(ArrayVectors(records), languages, space, lambda: (queries, [None] * 60))[HUBNESS_KEY]
    assert found["queries"] == 60
    assert found["after"]["hub_share@10"] < found["before"]["hub_share@10"] / 2
    assert found["after"]["reach@10"] > found["before"]["reach@10"]


def test_hubness_before_is_that_of_the_plain_nearest_ten(cone: tuple[Floats, Floats, Floats]) -> None:
    """The figures are those of a full sort of all cosines."""
    records, queries, middle = cone
    space = Space({ANY: middle}, {ANY: middle})
    languages: list[str | None] = [None] * len(records)
    measured = measured_hubness(ArrayVectors(records), languages, space, lambda: (queries, [None] * 60))
    found = measured[HUBNESS_KEY]["before"]
    nearest = np.argsort(-(queries @ records.T), axis=1)[:, :10]
    counts = np.sort(np.bincount(nearest.ravel(), minlength=len(records)))[::-1]
    assert found["hub_share@10"] == pytest.approx(counts[:6].sum() / counts.sum(), abs=1e-6)
    assert found["reach@10"] == pytest.approx(np.count_nonzero(counts) / len(records), abs=1e-6)


def test_hubness_is_not_measured_where_nothing_is_moved(cone: tuple[Floats, Floats, Floats]) -> None:
    """In the encoder's own space before and after are one; nothing is asked and nothing kept."""

    def never() -> tuple[Floats, list[str | None]]:
        raise AssertionError("nobody needs queries")

    assert measured_hubness(ArrayVectors(cone[0]), [None] * len(cone[0]), PLAIN, never) == {}


@pytest.mark.parametrize(("count", "needs", "asked"), [(120, 7, 103), (120, 0, 96), (60, 7, None)])
def test_hubness_is_kept_in_the_manifest(tmp_path: Path, count: int, needs: int, asked: int | None) -> None:
    """Needs ask first, then headings of the corpus; a corpus too small to be centred has no figures."""
    services = Services(Settings(home=tmp_path), encoder=HashingEncoder)
    services.catalogue.upsert([Patent(id=f"CN{n}", title=f"一种电池 {n}", abstract="电解液") for n in range(count)])
    services.catalogue.upsert([Need(id=f"N{n}", title=f"需要电池 {n}") for n in range(needs)] or [])
    snapshot = services.indexing.build(Kind.PATENTS, publish=True).snapshot
    found = hubness_of(read_manifest(services.settings.index_dir / "patents" / snapshot))
    assert (found and found["queries"]) == asked
    (entry,) = services.indexing.snapshots(Kind.PATENTS)
    assert entry_json(entry)["hubness"] == found
    services.close()


def test_hubness_is_shown_in_the_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`index list` has a column for each measure, before > after; a snapshot without figures leaves them empty."""
    shown = {}
    for name, centre_from in (("moved", 100), ("plain", 1_000)):
        services = Services(Settings(home=tmp_path / name, centre_from=centre_from), encoder=HashingEncoder)
        services.catalogue.upsert([Patent(id=f"CN{n}", title=f"一种电池 {n}") for n in range(120)])
        services.indexing.build(Kind.PATENTS, publish=True)
        (entry,) = services.indexing.snapshots(Kind.PATENTS)
        services.close()
        assert run(["index", "list", "patents", "--home", str(tmp_path / name)]) == 0
        shown[name] = capsys.readouterr().out
        found = hubness_of(entry.manifest) if entry.manifest else None
        assert (found is None) == (name == "plain")
        if found is not None:
            wanted = (f"{found['before'][key]:.3f} > {found['after'][key]:.3f}" for key in found["before"])
            assert all(cell in shown[name] for cell in wanted)
    assert "hub share" in shown["plain"]
    assert " > " not in shown["plain"]
