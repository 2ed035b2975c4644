"""Texts are embedded once, and one that the model cannot see stops nobody."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hashing_encoder import HashingEncoder

from app.serving.embedding import CHUNK_TEXTS, Embedder
from index import VectorStore
from models import Role


def test_services_embedder_embeds_each_text_once(tmp_path: Path) -> None:
    """Repeated texts and a second call cost nothing; another role is another vector."""
    encoder = HashingEncoder()
    with VectorStore(tmp_path / "f", encoder.dimension) as store:
        embedder = Embedder(encoder, store)
        embedder.embed(["电池", "电池", "水泥"], Role.PASSAGE)
        embedder.embed(["水泥"], Role.PASSAGE)
        assert encoder.texts == 2
        embedder.embed(["水泥"], Role.QUERY)
        assert encoder.texts == 3
        assert embedder.counts.texts == 3


def test_services_embedder_keeps_what_was_done_before_it_was_stopped(tmp_path: Path) -> None:
    """What one embedder appended, the next one after a stop does not embed again."""
    encoder, texts = HashingEncoder(), [f"text {n}" for n in range(CHUNK_TEXTS + 5)]
    with VectorStore(tmp_path / "f", encoder.dimension) as store:
        Embedder(encoder, store).embed(texts[:CHUNK_TEXTS], Role.PASSAGE)
    with VectorStore(tmp_path / "f", encoder.dimension) as store:
        embedder = Embedder(encoder, store)
        embedder.embed(texts, Role.PASSAGE)
        assert embedder.counts.texts == 5


def test_services_embedder_passes_over_what_the_model_cannot_see(tmp_path: Path) -> None:
    """The others get their vectors; the empty one is named."""
    encoder = HashingEncoder()
    with VectorStore(tmp_path / "f", encoder.dimension) as store:
        embedder = Embedder(encoder, store)
        vectors = embedder.vectors(["电池", "\u200b", "水泥"], Role.PASSAGE)
        assert embedder.empty == {"\u200b"}
        np.testing.assert_array_equal(vectors, encoder.encode(["电池", "水泥"], Role.PASSAGE).vectors)
