"""What training learns from and judges by: splits by need, hard negatives, the score, the losses."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue import Catalogue
from app.domain import Kind
from app.errors import InputError
from app.evaluation.collection import QueryRun, Ranked, Served, TextRow
from app.evaluation.files import KnownJudgements
from app.match.queries import QueryResolver, ResolvedQuery
from app.quality.material import EvaluationMaterial
from app.quality.train_material import Corpus, CorpusTerms, Need, folds, hard_negatives, judged_needs, passages, split
from app.quality.train_measures import MEASURES, Rows, differences, level_score, means, score
from app.ranking.lexical import query_terms
from app.ranking.space import text_part_weights
from app.text.reading import passage_of
from app.text.terms import terms_of
from index import TermIndex
from index.terms_build import write_terms
from models.training import _apart, _ordered
from models.training_data import JudgedQuery, TuningOptions, steps_of


def need(number: int, title: str) -> Need:
    """A need with two judgements."""
    judged = JudgedQuery(text_parts=(title,), weights=(1.0,), passages=("x", "y"), levels=(4, 1))
    return Need(id=str(number), title=title, lang=None, judged=judged, documents=("x", "y"))


@given(titles=st.lists(st.sampled_from("abcdefghijkl"), min_size=30, max_size=60), seed=st.integers(0, 99))
def test_training_splits_keep_a_title_on_one_side(titles: list[str], seed: int) -> None:
    """Every need is on exactly one side, and needs that repeat a title are on the same one."""
    needs = [need(number, title) for number, title in enumerate(titles)]
    if len(set(titles)) < 8:
        return
    learn, held = split(needs, 0.25, seed)
    for groups in ([learn, held], folds(needs, 3, seed)):
        assert sorted(one.id for group in groups for one in group) == sorted(one.id for one in needs)
        assert all(len(group) >= 2 for group in groups)
        sides = [{one.title for one in group} for group in groups]
        assert sum(map(len, sides)) == len(set(titles))
    assert split(needs, 0.25, seed) == (learn, held)


def test_training_needs_enough_titles() -> None:
    """Many needs of few titles are few needs: that is said, not trained on."""
    needs = [need(number, "ab"[number % 2]) for number in range(20)]
    with pytest.raises(InputError, match="2 different needs") as caught:
        split(needs, 0.2, 1)
    assert "2 个不同的需求" in caught.value.message_zh
    with pytest.raises(InputError):
        folds(needs, 2, 1)


def test_training_hard_negatives_are_near_unjudged_and_below_what_is_relevant() -> None:
    """Judged documents, those that score like relevant ones and those without a text are left out."""
    order = ("likely", "good", "near", "silent", "bad", "far")
    run = QueryRun(
        query_id="q",
        ranked=tuple(Ranked(key, 0.9 - place / 10) for place, key in enumerate(order)),
        served={"good": Served(0.8, 3), "bad": Served(0.5, 2)},
    )
    texts = {key: key.upper() for key in order if key != "silent"}
    qrels = {"q": {"good": 3, "bad": 1}}
    assert hard_negatives(run, qrels, texts, 5) == ("NEAR", "FAR")
    assert hard_negatives(run, qrels, texts, 1) == ("NEAR",)
    assert hard_negatives(run, {"q": {"bad": 1}}, texts, 5) == ()


def test_training_score_puts_a_model_that_loses_a_measure_below_its_base() -> None:
    """A gain in one measure does not pay for a loss in another; recall must not fall, but its rise is not sought."""
    base = {"judged_ndcg@10": 0.6, "judged_spearman": 0.4, "recall@100": 0.7}
    assert score(base, base) == pytest.approx(0.5)
    assert score({**base, "judged_ndcg@10": 0.61}, base) > score(base, base)
    assert score({**base, "recall@100": 0.8}, base) == score(base, base)
    for lost in base:
        assert score({name: 1.0 if name != lost else base[name] - 0.01 for name in base}, base) < score(base, base)


def rows(name: str, *served: float | None, pairs: tuple[tuple[tuple[float, float, float], int], ...] = ()) -> Rows:
    """One need's measures as served; nothing by vectors alone."""
    measured, alone = (dict(zip(MEASURES, values, strict=True)) for values in (served, (0.5, None, None)))
    return Rows(need=name, served=measured, vectors=alone, title=name, pairs=pairs)


def test_training_differences_pair_needs() -> None:
    """A need that does not count for a measure is left out of it; each ranking has measures of its own."""
    before = [rows("a", 0.5, None, 1.0), rows("b", 0.7, 0.1, None)]
    after = [rows("a", 0.6, None, 0.5), rows("b", 0.9, 0.4, None)]
    found = differences(before, after)
    assert means(after) == pytest.approx({"judged_ndcg@10": 0.75, "judged_spearman": 0.4, "recall@100": 0.5})
    assert means(after, "vectors") == {"judged_ndcg@10": 0.5, "judged_spearman": 0.0, "recall@100": 0.0}
    assert found["judged_ndcg@10"].value == pytest.approx(0.15)
    assert found["judged_ndcg@10"].excludes_zero is True
    assert found["judged_spearman"].interval is None
    assert differences(before, after, "vectors")["judged_ndcg@10"].value == 0


def test_training_level_score_is_of_scales_fitted_to_other_needs() -> None:
    """Levels that the evidence tells are nearly all right; one need alone leaves nothing to fit to."""
    pairs = tuple(((place / 40 + level, 0.1 * level, 0.0), level) for place in range(10) for level in (1, 2, 3, 4))
    told = [rows(name, None, None, None, pairs=pairs) for name in "abcdef"]
    found = level_score(told)
    assert found is not None
    assert found > 0.95
    assert level_score(told[:1]) is None
    assert level_score([]) is None


def test_training_corpus_keeps_what_is_judged_and_draws_the_rest() -> None:
    """The same draw for a seed; never more unjudged passages than asked for."""
    documents = {f"d{n}": TextRow(id=f"d{n}", title=f"电池 {n}") for n in range(30)}
    known = KnownJudgements({"q": {"d3": 4, "d7": 1}}, 0, 0, 0)
    material = EvaluationMaterial(documents=documents, queries={}, known=known, counts={})
    texts = {key: row.title for key, row in documents.items() if key != "d7"}
    first, again, other = (Corpus.of(material, texts, 5, seed) for seed in (1, 1, 2))
    assert first == again != other
    assert len(first.ids) == 6
    assert "d3" in first.ids
    assert "d7" not in first.ids  # a passage without a character
    assert list(first.ids) == sorted(first.ids)
    assert set(first.headings["zh"]) == set(first.texts)
    assert Corpus.of(material, texts, 0, 1).ids == ("d3",)


def test_training_texts_are_those_that_are_served(tmp_path: Path) -> None:
    """Script, torn words, stock and language are read, and text parts weighed, as a request's and an index's are."""
    query = TextRow(id="q", title="高 鎳 三元電解液", text="我公司成立于2005年，注册资本500万元。寻求电解液添加剂。")
    row = TextRow(id="d", title="電解液 及其製備 (diàn jiě yè)", text="一種\n電解液。")
    known = KnownJudgements({"q": {"d": 4}}, 0, 0, 0)
    material = EvaluationMaterial(documents={"d": row}, queries={"q": query}, known=known, counts={})
    catalogue = Catalogue.open(f"sqlite:///{tmp_path / 'catalogue.sqlite3'}")
    try:
        material.store(catalogue)
        stored = catalogue.get_many(Kind.PATENTS, ["d"])["d"]
        (resolved,) = QueryResolver(catalogue, max_text_chars=1000).resolve(material.asked(), Kind.PATENTS)
    finally:
        catalogue.close()
    assert isinstance(resolved, ResolvedQuery)
    texts = passages(material)
    (learned,) = judged_needs(material, texts)
    assert texts == {"d": passage_of(stored)}
    assert texts["d"] != f"{row.title}\n{row.text}"
    assert (learned.judged.text_parts, learned.lang) == (resolved.text_parts, resolved.lang)
    assert learned.judged.text_parts != (query.title, query.text)
    assert learned.judged.weights == text_part_weights(2, titled=True)


def test_training_shared_terms_are_those_of_the_inverted_index(tmp_path: Path) -> None:
    """The same BM25 of every passage as a snapshot's own index gives, rarity included."""
    texts = ["高镍三元电解液", "电解液添加剂 LiPF6", "矿山机械", "三元三元材料", ""]
    text_parts = ("高镍三元电解液的开发", "LiPF6 电解液 没有的词")
    write_terms(tmp_path, [terms_of(text) for text in texts], len(texts), 0)
    index = TermIndex.open(tmp_path)
    expected = index.scores(query_terms(text_parts, index.weight, titled=True), np.arange(len(texts)))
    terms = CorpusTerms(texts)
    found = terms.scores(query_terms(text_parts, terms.weight, titled=True))
    assert found.tolist() == expected.tolist()
    assert found[0] > found[1] > 0 == found[2]


def test_training_loss_of_levels_is_cosent() -> None:
    """log(1 + sum of exp(scale * (lower - higher))), by hand; equal levels have no order."""
    scores, levels = torch.tensor([0.9, 0.5, 0.7]), torch.tensor([3, 1, 1])
    expected = math.log(1 + math.exp(2 * (0.5 - 0.9)) + math.exp(2 * (0.7 - 0.9)))
    assert float(_ordered(scores, levels, 2.0)) == pytest.approx(expected)
    assert float(_ordered(scores, torch.tensor([2, 2, 2]), 2.0)) == 0


def test_training_loss_of_relevant_passages_is_infonce() -> None:
    """-log softmax of each relevant passage against all others; nothing to learn where one side is missing."""
    relevant, others = torch.tensor([0.8, 0.2]), torch.tensor([0.5, 0.1])
    expected = np.mean([-math.log(math.exp(s) / (math.exp(s) + math.exp(0.5) + math.exp(0.1))) for s in (0.8, 0.2)])
    assert float(_apart(relevant, others, 1.0)) == pytest.approx(expected)
    assert float(_apart(relevant[:0], others, 1.0)) == float(_apart(relevant, others[:0], 1.0)) == 0


def test_training_epoch_sees_each_judgement_once() -> None:
    """In parts that have their query's mix of levels; queries of one level teach no order and are left out."""
    levels = tuple([4] * 4 + [1] * 8)
    queries = [
        JudgedQuery(text_parts=("a",), weights=(1.0,), passages=tuple(f"p{n}" for n in range(12)), levels=levels),
        JudgedQuery(text_parts=("b",), weights=(1.0,), passages=("x", "y"), levels=(2, 2)),
    ]
    options = TuningOptions(epochs=1, passages=3, queries=2)
    steps = list(steps_of(queries, options, np.random.default_rng(1)))
    parts = [part for step in steps for part in step]
    assert [len(step) for step in steps] == [2, 2]
    assert sorted(place for part in parts for place in part.places) == list(range(12))
    assert [sorted(levels[place] for place in part.places) for part in parts] == [[1, 1, 4]] * 4
