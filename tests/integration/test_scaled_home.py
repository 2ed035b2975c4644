"""A home made larger than the one it is made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hashing_encoder import HashingEncoder
from push_samples import SAMPLE, push_services, request

from app.domain import Firm, Kind
from app.errors import NotReadyError
from app.text.reading import text_parts_of
from index import text_key
from models import Role
from scripts.bench.home import HomeScaler, Side, interpolated, near_ones


def test_scaled_home_is_built_and_pushed_from_without_embedding(tmp_path: Path) -> None:
    """Every record of the larger home has the vectors that a build and a run ask for, and every firm an industry."""
    real, made = push_services(tmp_path / "real"), push_services(tmp_path / "made")
    real.importing.load(SAMPLE / "industries.csv", "industries")
    real.catalogue.upsert([Firm(id=f"R{n}", name=f"第{n}公司", business_scope=f"电池材料{n}的研发") for n in range(30)])
    real.pushing.run(request())
    encoder = HashingEncoder()
    before = len(made.serving.store_of(encoder))
    sides = [Side(one.catalogue, one.serving.store_of(encoder)) for one in (real, made)]
    scaler = HomeScaler(sides[0], sides[1], lambda _progress: None)
    scaler.patents(400)
    scaler.firms(120)
    assert len(sides[1].store) - before == 400 + 2 * 120
    own = {firm.id for page in real.catalogue.iterate(Kind.FIRMS) for firm in page}
    firms = [one for page in made.catalogue.iterate(Kind.FIRMS) for one in page if one.id not in own]
    assert len(firms) == 120
    assert all(firm.industry for firm in firms)
    keys = [text_key(Role.QUERY, index_state) for firm in firms for index_state in text_parts_of(firm)]
    assert not sides[1].store.missing(keys).any()
    made.indexing.build(Kind.PATENTS, publish=True)
    made.serving.open()
    real_ones = {one.id: one.industry for page in real.catalogue.iterate(Kind.PATENTS) for one in page}
    mixed = [one for page in made.catalogue.iterate(Kind.PATENTS) for one in page if one.id not in real_ones]
    assert [one.industry for one in mixed] == [real_ones[one.id.rpartition("-")[0]] for one in mixed]
    run = made.pushing.run(request("large", industry="section")).run
    assert run.firms >= 120
    for services in (real, made):
        services.close()


def test_scaled_home_needs_real_vectors(tmp_path: Path) -> None:
    """Without a run the firms have none, and the error says what to do."""
    real = push_services(tmp_path / "real")
    side = Side(real.catalogue, real.serving.store_of(HashingEncoder()))
    with pytest.raises(NotReadyError, match="push run"):
        HomeScaler(side, side, lambda _progress: None).firms(10)
    real.close()


def test_scaled_vectors_lie_between_real_ones() -> None:
    """Unit vectors, nearer to the two that they were made of than to others."""
    real = np.random.default_rng(1).standard_normal((300, 32)).astype(np.float32)
    real /= np.linalg.norm(real, axis=1, keepdims=True)
    first = np.arange(300)
    second = near_ones(real)[first, 1]
    made = interpolated(real, first, second, 0.1, np.random.default_rng(2))
    assert np.allclose(np.linalg.norm(made, axis=1), 1, atol=1e-5)
    cosines = made @ real.T
    own = np.maximum(cosines[first, first], cosines[first, second])
    assert (own >= cosines.max(axis=1) - 1e-6).mean() > 0.95
