"""The same pair has the same score to the last digit, whoever asks: one scorer behind five doors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hashing_encoder import HashingEncoder

from app.alerts.watched import WatchedNeeds
from app.alerts.watcher import AlertFinder, NewPatent
from app.domain import Exclusions, Firm, Kind, MatchRequest, Need, Patent, Query, WatchLevel
from app.match.scorer import Scorer
from app.push.patents import FeedbackState
from app.push.rules import PushRequest, PushRules
from app.push.run import PushFiles, PushWork
from app.quality.material import EvaluationFiles, EvaluationMaterial
from app.quality.train_material import Corpus, judged_needs, passages
from app.quality.train_measures import HeldOut
from app.ranking.relevance import score_from_logit
from app.serving.served import Served
from app.settings import Settings
from app.wiring import Services

WORDS = {
    "zh": ["电解液", "正极", "隔膜", "涂层", "防腐", "焊接", "水稻", "育种", "纳滤", "超声波", "三元", "钢"],
    "en": ["battery", "coating", "membrane", "welding", "alloy", "rice", "lithium", "sensor", "steel", "filter"],
    "ja": ["電池の", "めっき", "溶接する", "センサー", "フィルター", "リチウムの", "育種の", "鋼板"],
}
EACH, CENTRED, AMONG_NEIGHBOURS = 45, 50, 60
NEEDS = [
    Need(id="N0", title="三元电解液", text="寻求高镍三元电解液与隔膜涂层技术。", lang="zh", firm_id="F0"),
    Need(id="N1", title="battery coating", text="lithium battery membrane with steel filter", lang="en", firm_id="F1"),
    Need(id="N2", text="溶接するセンサーとリチウムの電池の部品", lang="ja", firm_id="F2"),
]
Scores = dict[tuple[str, str], float]


def patent(number: int, lang: str, random: Random, key: str = "P") -> Patent:
    """Some words of a language."""
    title, text = (" ".join(random.choices(WORDS[lang], k=count)) for count in (3, 9))
    return Patent(id=f"{key}{number:04}", title=title, abstract=f"{text} {number}", lang=lang, status="active")


def bank() -> list[Patent]:
    """As many of each language."""
    random = Random(3)  # noqa: S311 - invented texts, no secret
    return [patent(n, sorted(WORDS)[n % 3], random) for n in range(3 * EACH)]


def home(folder: Path, *, shared_terms: bool) -> Services:
    """A published bank, and the needs with their firms."""
    settings = Settings(home=folder, centre_from=CENTRED, neighbours_from=AMONG_NEIGHBOURS, shared_terms=shared_terms)
    services = Services(settings, encoder=HashingEncoder)
    services.catalogue.upsert(bank())
    services.indexing.build(Kind.PATENTS, publish=True)
    services.catalogue.upsert([Firm(id=f"F{n}", name=f"第{n}公司", lang="zh") for n in range(len(NEEDS))])
    services.catalogue.upsert(NEEDS)
    services.serving.open()
    return services


def change(services: Services) -> list[str]:
    """Patents that are new, and one that is another now, in an index over the snapshot; their ids."""
    random = Random(4)  # noqa: S311
    fresh = [patent(n, sorted(WORDS)[n % 3], random, "NEW") for n in range(12)]
    fresh += [replace(fresh[0], id="P0007")]
    services.catalogue.upsert(fresh)
    index = services.serving.indexes[Kind.PATENTS]
    index.refresh()
    while index.embed_pending():
        pass
    return [record.id for record in fresh]


def matched(services: Services) -> Scores:
    """By `match`."""
    queries = tuple(Query(id=need.id, record_kind=Kind.NEEDS, record_id=need.id) for need in NEEDS)
    answer = services.match.match(MatchRequest(queries=queries, target=Kind.PATENTS, k=1000))
    return {(result.id, match.id): match.score for result in answer.results for match in result.matches}


def pushed(services: Services, served: Served, folder: Path, *, shared_terms: bool) -> Scores:
    """By a push run, before it rounds what it stores."""
    rules = PushRules(
        candidates=500, min_level="none", min_score=0, months=0, per_holder=0, per_family=0, exclude_status=(),
        shared_terms=shared_terms,
    )  # fmt: skip
    store = services.serving.store_of(served.encoder)
    work = PushWork(services.catalogue, served, store, PushRequest(name="x", rules=rules), lambda _progress: None)
    work.gather(FeedbackState(frozenset(), ()), datetime.now(UTC))
    files = PushFiles(folder)
    files.begin({"state": {}})
    found = work.lists("a", rules, files)[0].found
    return {
        (str(work.firms.queries[query].need_id), work.patents["a"].ids[address]): score
        for row in zip(found.queries.tolist(), found.patents.tolist(), found.scores.tolist(), strict=True)
        for query, address, score in zip(*row, strict=True)
        if address >= 0
    }


def alerted(services: Services, served: Served, *, shared_terms: bool) -> Scores:
    """By the watcher, every patent taken for new and every score for enough."""
    follower = WatchedNeeds(services.catalogue, services.serving.store_of, WatchLevel.WEAK, shared_terms=shared_terms)
    assert follower.follow(served, lambda: True)
    scorer = Scorer.of(served, shared_terms=shared_terms)
    watched = follower.watched(scorer.scale)
    watched = replace(watched, began=np.full(len(NEEDS), -1), floors=np.zeros(len(NEEDS)))
    ids = [record.id for page in services.catalogue.iterate(Kind.PATENTS) for record in page]
    arrivals = services.catalogue.alerts.arrivals(Kind.PATENTS, ids)
    records = services.catalogue.get_many(Kind.PATENTS, ids)
    new = [NewPatent(arrivals[key], records[key], served.index_state.address_of(key)) for key in ids]
    finder = AlertFinder(scorer, watched, services.catalogue, lambda _firms: Exclusions())
    return {(alert.need_id, alert.patent_id): alert.score for alert in finder.find(new)}


def material(folder: Path) -> EvaluationFiles:
    """The bank and the needs as an evaluator brings them; every pair is judged."""
    rows = [{"id": one.id, "title": one.title, "text": one.abstract, "lang": one.lang} for one in bank()]
    asked = [{"id": need.id, "title": need.title, "text": need.text, "lang": need.lang} for need in NEEDS]
    for name, lines in (("corpus", rows), ("queries", asked)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf8")
    pairs = [f"{need.id}\t{row['id']}\t{1 + n % 4}\n" for need in NEEDS for n, row in enumerate(rows)]
    (folder / "qrels.tsv").write_text("query\tdoc\tlevel\n" + "".join(pairs), encoding="utf8")
    return EvaluationFiles(corpus=folder / "corpus.jsonl", queries=folder / "queries.jsonl", qrels=folder / "qrels.tsv")


def held_out(files: EvaluationFiles, *, shared_terms: bool) -> Scores:
    """By what training measures a model with."""
    read = EvaluationMaterial.read(files)
    texts = passages(read)
    measuring = HeldOut(
        Corpus.of(read, texts, 0, 0), centre_from=CENTRED, neighbours_from=AMONG_NEIGHBOURS, shared_terms=shared_terms
    )
    return {
        (answer.need.id, key): float(score_from_logit(np.float32(served.score)))
        for answer in measuring.answers(HashingEncoder(), judged_needs(read, texts))
        for key, served in answer.served.served.items()
    }


def evaluated(services: Services, files: EvaluationFiles) -> Scores:
    """By `evaluate`, which builds an index of its own."""
    return {
        (run.query_id, key): served.score
        for run in services.evaluating.evaluate(files).runs
        for key, served in run.served.items()
    }


@pytest.fixture(params=[True, False], ids=["fused", "centred"])
def shared_terms(request: pytest.FixtureRequest) -> bool:
    """Whether shared terms count."""
    return bool(request.param)


@pytest.fixture
def services(tmp_path: Path, shared_terms: bool) -> Iterator[Services]:
    """A home of its own."""
    made = home(tmp_path / "home", shared_terms=shared_terms)
    yield made
    made.close()


def test_a_pair_has_one_score_at_all_five_doors(services: Services, tmp_path: Path, shared_terms: bool) -> None:
    """Match, push, alerts, training and evaluation agree on each pair of three languages, also after changes."""
    files = material(tmp_path)
    evaluation = evaluated(services, files)
    index = services.serving.indexes[Kind.PATENTS]
    before = matched(services)
    scorer = Scorer.of(index.fresh(), shared_terms=shared_terms)
    assert scorer.mode == ("fused" if shared_terms else "centred")
    training = held_out(files, shared_terms=shared_terms)
    assert len(before) == len(NEEDS) * 3 * EACH
    assert evaluation == before
    assert training == before

    changed = change(services)
    served = index.fresh()
    assert len(served.index_state.layers) > 1
    match = matched(services)
    assert {pair: score for pair, score in match.items() if pair[1] not in changed} == {
        pair: score for pair, score in before.items() if pair[1] not in changed
    }
    push = pushed(services, served, tmp_path / "run", shared_terms=shared_terms)
    alerts = alerted(services, served, shared_terms=shared_terms)
    assert len(match) == len(before) + 12 * len(NEEDS)
    assert push == match
    assert alerts == match


def test_a_pair_has_one_score_in_whatever_company(services: Services, shared_terms: bool) -> None:
    """A record alone, among all, or looked up beforehand has the same relevance for a query, either way round."""
    change(services)
    served = services.serving.indexes[Kind.PATENTS].fresh()
    scorer = Scorer.of(served, shared_terms=shared_terms)
    everything = np.flatnonzero(served.index_state.passing(()))
    prepared = Scorer.of(
        served, shared_terms=shared_terms, rows=scorer.records.vectors_at(np.arange(len(served.index_state.ids)))
    )
    need = NEEDS[0]
    vector = HashingEncoder().encode([need.title], "query").vectors[0]
    query = scorer.query((need.title, need.text), need.lang, vector, titled=True)
    together = scorer.relevance(query, everything).total.tolist()
    alone = [float(scorer.relevance(query, everything[n : n + 1]).total[0]) for n in range(len(everything))]
    assert alone == together
    assert prepared.relevance(query, everything[::-1]).total.tolist() == together[::-1]
