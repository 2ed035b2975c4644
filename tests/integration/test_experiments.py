"""`patmatch bench quality`: every experiment over the bundled sample, with the test encoder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from evaluation_samples import BUNDLED, services_with

from app import bootstrap
from app.evaluation.experiment_page import BEGIN, END
from app.evaluation.experiments import COMPARED
from app.ranking.lexical import query_terms
from app.services.evaluation_material import EvaluationMaterial
from app.services.experiment_material import ExperimentMaterial, experiment_material
from app.services.experiment_terms import Counting, characters_and_words, pairs_and_words
from app.services.experiment_vectors import Centred, components, item_terms, smoothed
from app.services.experiments import SERVED, Experiments
from index import TermCounts
from index.bm25 import Postings
from models import HashingEncoder
from scripts.cli import run


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Experiments, HashingEncoder, int]:
    """All experiments, the encoder, and how many texts a second run embedded."""
    encoder = HashingEncoder()
    services = services_with(tmp_path_factory.mktemp("home"), encoder)
    experiments = services.experiments.run(BUNDLED)
    before = encoder.texts
    assert services.experiments.run(BUNDLED) == experiments
    services.close()
    return experiments, encoder, encoder.texts - before


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> ExperimentMaterial:
    """What experiments over the sample are made from."""
    home = tmp_path_factory.mktemp("home")
    return experiment_material(EvaluationMaterial.read(BUNDLED), HashingEncoder(), home, lambda _progress: None)


def test_experiments_compare_everything_with_what_is_served(found: tuple[Experiments, HashingEncoder, int]) -> None:
    """The served row is first and differs from itself by 0; every row has every measure; names do not repeat."""
    rows = found[0].rows
    assert rows[0].name == SERVED
    assert all(figure.difference == 0 for figure in rows[0].figures.values())
    assert all(set(row.figures) == set(COMPARED) for row in rows)
    names = [(row.group, row.name) for row in rows]
    assert len(set(names)) == len(names) > 80


def test_experiments_embed_each_text_once(found: tuple[Experiments, HashingEncoder, int]) -> None:
    """A second run embeds nothing and gives the same table."""
    assert found[2] == 0


def test_experiments_agree_with_the_service(found: tuple[Experiments, HashingEncoder, int]) -> None:
    """Plain cosines of kept vectors list what the service lists by plain cosines.

    The scores of judged documents are not compared: cosines of the test encoder lie where the plain scale gives all
    the same score.
    """
    experiments = found[0]
    plain = [row for row in experiments.rows if row.name == "plain cosine"]
    assert len(plain) == 2
    for name in ("recall@100", "ndcg@10"):
        assert plain[0].figures[name].value == pytest.approx(plain[1].figures[name].value, abs=1e-6)
    assert (plain[0].hub_share, plain[0].reach) == pytest.approx((plain[1].hub_share, plain[1].reach))


def test_experiments_oracles_are_the_bound(found: tuple[Experiments, HashingEncoder, int]) -> None:
    """Nothing orders judged documents better than their levels, and knowing who was listed spreads the places most."""
    oracles = [one for one in found[0].rows if one.name.startswith("oracle: ")]
    assert len(oracles) == 3
    for oracle in oracles:
        assert oracle.figures["judged_ndcg@10"].value == pytest.approx(1.0)
        assert oracle.figures["judged_spearman"].value > found[0].rows[0].figures["judged_spearman"].value
    assert oracles[2].hub_share <= min(oracle.hub_share for oracle in oracles)
    assert oracles[2].reach >= max(oracle.reach for oracle in oracles)


def test_experiments_count_terms_as_the_product_does(material: ExperimentMaterial) -> None:
    """With the product's k1 and b, BM25 is that of its index of changed records; left-out terms are in no length."""
    counting = Counting.of(material.terms)
    queries = counting.queries(material)
    assert queries == [query_terms(views, counting.rarity, titled=True) for views in material.views]
    postings = Postings.of([TermCounts.of(text) for text in material.terms])

    class Corpus:
        mean_length = float(postings.lengths.mean())

        def weight(self, term: str) -> float:
            return counting.rarity(term)

    wanted = np.stack([postings.scores(terms, Corpus()) for terms in queries])
    assert np.allclose(counting.scores(queries), wanted, rtol=1e-4, atol=1e-4)
    singles = Counting.of(material.terms, characters_and_words)
    pairs = Counting.of(material.terms, pairs_and_words)
    assert singles.rarity("电池") == pairs.rarity("电") == 0.0
    assert int(singles.postings.lengths.sum()) < int(counting.postings.lengths.sum())


def test_experiments_change_vectors_as_they_say(material: ExperimentMaterial) -> None:
    """Removed components are gone, a heading's own record does not count, moved documents come nearer each other."""
    centred = Centred.of(material)
    removed = dict(components(centred))["first 1 principal components removed"]
    assert not np.allclose(removed, centred.cosines, atol=1e-3)
    titles = [f"t{n}" for n in range(len(material.query_ids))]
    with_term = dict(item_terms(centred, material, titles))["item term of CSLS among headings, 1"]
    term = centred.cosines - with_term
    assert np.allclose(term, term[0], atol=1e-5)  # one number a document, whatever is asked
    assert float(term.max()) < 0.999
    moved = dict(smoothed(centred))["documents moved to their 10 nearest, 1"]
    assert float(moved.std()) > 0
    assert not np.allclose(moved, centred.cosines, atol=1e-3)


def test_experiments_are_printed_and_written(
    found: tuple[Experiments, HashingEncoder, int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The command prints every row and writes it between the markers; what --json prints are JSON types."""
    monkeypatch.setattr(bootstrap, "load_encoder", lambda *_parts: HashingEncoder())
    page = tmp_path / "page.md"
    given = {"--corpus": BUNDLED.corpus, "--queries": BUNDLED.queries, "--qrels": BUNDLED.qrels, "--out": page}
    options = [str(part) for pair in given.items() for part in pair]
    assert run(["bench", "quality", "--home", str(tmp_path / "home"), *options]) == 0
    printed, text = capsys.readouterr().out, page.read_text(encoding="utf-8")
    assert all(one.name in printed and f"| {one.name} |" in text for one in found[0].rows)
    assert text.startswith(BEGIN)
    assert text.rstrip().endswith(END)
    said = json.loads(json.dumps(found[0].as_json()))
    assert [one["name"] for one in said["rows"]] == [one.name for one in found[0].rows]
