"""The table of terms that reasons are looked up in: made by a build, kept in its snapshot, read by the service."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hashing_encoder import HashingEncoder

from app.domain import Kind, MatchRequest, Query
from app.match.explain import Explainer
from app.ranking.reasons import meanings
from app.ranking.relevance import score_from_logit
from app.serving.served import Served
from app.serving.term_tables import FEWEST_TERMS, measured_table, table_arrays, table_of
from app.settings import Settings
from app.wiring import Services
from index import Snapshot
from models import Role

SAMPLE = Path(__file__).parents[2] / "sample"


def served_sample(home: Path, **settings: object) -> tuple[Services, Served]:
    """Services over a new home with the sample's patents published, and what is served."""
    services = Services(Settings(home=home, **settings), encoder=HashingEncoder)
    services.importing.load(SAMPLE / "patents.jsonl", Kind.PATENTS)
    services.importing.load(SAMPLE / "needs.jsonl", Kind.NEEDS)
    services.indexing.build(Kind.PATENTS, publish=True)
    services.serving.open()
    served = services.serving.indexes[Kind.PATENTS].current()
    assert served is not None
    return services, served


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory):
    """Services and what is served, shared by the tests that only read."""
    services, served = served_sample(tmp_path_factory.mktemp("home"))
    yield services, served
    services.close()


def matches_of(services: Services, text: str, k: int = 10, **asked: bool):
    """The matches of one text."""
    request = MatchRequest(queries=(Query(id="q1", text=text),), k=k, **asked)
    return services.match.match(request).results[0].matches


def without_table(served: Served) -> Served:
    """The same as an older version would have built it."""
    kept = {name: array for name, array in served.snapshot.arrays.items() if not name.startswith("meanings.")}
    old: Snapshot = replace(served.snapshot, arrays=kept)
    return Served(served.encoder, replace(served.state, index_state=replace(served.index_state, snapshot=old)))


def test_explaining_table_comes_back_as_it_was_written(sample) -> None:
    """Terms, directions, weights, means and thresholds survive the snapshot."""
    _, served = sample
    table = table_of(served.snapshot.arrays)
    assert table is not None
    assert len(table.places) >= FEWEST_TERMS
    again = table_of(table_arrays(table))
    assert again is not None
    assert (list(again.places), again.lexicon, again.thresholds) == (
        list(table.places),
        table.lexicon,
        table.thresholds,
    )
    np.testing.assert_array_equal(again.codes, table.codes)
    np.testing.assert_array_equal(again.weights, table.weights)
    np.testing.assert_array_equal(again.space.queries["han"], table.space.queries["han"])
    assert {"han", "spaced"} <= {script for pair in table.thresholds for script in pair}


def test_explaining_table_places_terms_where_the_encoder_does(sample) -> None:
    """A term that is looked up lies where the same term does that is embedded when it is asked."""
    _, served = sample
    table = table_of(served.snapshot.arrays)
    assert table is not None
    names = list(table.places)[:50]
    embedded = table.moved(names, HashingEncoder().encode(names, Role.QUERY).vectors)
    assert np.einsum("nd,nd->n", table.terms(names).vectors, embedded).min() > 0.99


def test_explaining_few_texts_make_no_table(tmp_path: Path) -> None:
    """From a handful of texts nothing can be told about chance; their reasons are by letters."""
    services = Services(Settings(home=tmp_path), encoder=HashingEncoder)
    services.importing.load(SAMPLE / "needs.jsonl", Kind.NEEDS)
    ids = [record.id for page in services.catalogue.iterate(Kind.NEEDS, batch_size=3) for record in page][:3]
    assert measured_table(services.catalogue, Kind.PATENTS, ids, None) is None  # type: ignore[arg-type]
    assert table_arrays(None) == {}
    services.close()


def test_explaining_a_snapshot_of_an_older_version_by_letters(sample) -> None:
    """Without a table there are shared terms, a passage and signals, and no meanings."""
    services, served = sample
    text = "锂离子电池电解液"
    old = Explainer().explained(without_table(served), (text,), matches_of(services, text), titled=True)
    new = matches_of(services, text, explain=True)
    assert [match.why.terms for match in old] == [match.why.terms for match in new]
    assert all(match.why.passage and not match.why.meanings for match in old)
    assert [match.why.signals for match in old] == [match.why.signals for match in new]


def test_explaining_embeds_no_text_of_a_record(sample) -> None:
    """Reasons for ten matches embed a few new terms of the query at most, and these only once."""
    services, served = sample
    matches, encoder, explainer = matches_of(services, "鋰電池電解液之添加劑"), HashingEncoder(), Explainer()
    asked = Served(encoder, served.state)
    explainer.explained(asked, ("鋰電池電解液之添加劑", "unheardofword"), matches, titled=True)
    assert 0 < encoder.texts <= 4
    before = encoder.texts
    explainer.explained(asked, ("鋰電池電解液之添加劑", "unheardofword"), matches, titled=True)
    assert encoder.texts == before
    explainer.explained(asked, ("g" * 2000,), matches, titled=True)
    assert encoder.texts == before


def test_explaining_a_changed_record_with_the_same_table(tmp_path: Path) -> None:
    """A record that came after the snapshot is explained like those in it; one that is only a title by its title."""
    services, _ = served_sample(tmp_path)
    title = "高镍三元电解液添加剂"
    services.writing.put(Kind.PATENTS, "NEW1", {"title": title, "abstract": "水泥砂浆。一种电解液添加剂！"})
    services.writing.put(Kind.PATENTS, "NEW2", {"title": title})
    whys = {match.id: match.why for match in matches_of(services, title, k=5, explain=True)}
    assert whys["NEW1"].passage == "一种电解液添加剂!"
    assert whys["NEW2"].passage == title
    assert whys["NEW1"].terms
    services.close()


def test_explaining_signals_are_the_evidence_that_ranked(tmp_path: Path) -> None:
    """The scale of what is served makes the score of them, which never rises along the list."""
    services, _ = served_sample(tmp_path)
    matches = matches_of(services, "轴承热处理淬火变形", explain=True)
    signals = [match.why.signals for match in matches]
    scale = services.serving.indexes[Kind.PATENTS].fresh().reading(shared_terms=True).scale
    logits = scale.logits(*zip(*((one.meaning, one.coverage, one.alone) for one in signals), strict=True))
    scores = score_from_logit(logits)
    assert [match.score for match in matches] == pytest.approx(scores.tolist(), abs=1e-6)
    assert scores.tolist() == sorted(scores.tolist(), reverse=True)
    assert signals == [match.evidence for match in matches]
    assert any(one.coverage > 0 for one in signals)
    services.close()


def test_explaining_thresholds_hold_for_every_pair_shown(sample) -> None:
    """Nothing below the threshold of its two scripts is shown."""
    _, served = sample
    table = table_of(served.snapshot.arrays)
    assert table is not None
    names = list(table.places)
    query, record = table.terms(names[:200]), table.terms(names[200:])
    scripts = dict(zip((*query.names, *record.names), (*query.scripts, *record.scripts), strict=True))
    found = meanings(query, record, table.thresholds, (), 100)
    assert found
    for pair in found:
        first, second = sorted((scripts[pair.query], scripts[pair.record]))
        assert pair.similarity >= table.thresholds[first, second]
