"""A filtered match is exact: the true nearest records that pass, over a snapshot, what changed since and what is gone.

Every field of the filter, every direction, against brute force over the records of the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

import pytest
from hashing_encoder import HashingEncoder
from hypothesis import given, note, settings
from hypothesis import strategies as st
from live_samples import asked, assert_answer, one, passes, question, ranking, record, text

from app.domain import AnyRecord, Filter, Kind, MatchRequest, Query
from app.ranking.relevance import PLAIN_SCALE, level_from_score, score_from_logit
from app.settings import Settings
from app.text.reading import need_text_parts, passage_of, text_parts_of
from app.wiring import Services

COUNT = 300
IDS = tuple(f"R{number:03}" for number in range(COUNT + 60))  # the last thirty were never there
ENCODER = HashingEncoder(32)
RANDOM = st.integers(0, 2**32 - 1).map(Random)


@dataclass(frozen=True)
class World:
    """Services, and what they should know: the records of each kind by id."""

    services: Services
    records: dict[Kind, dict[str, AnyRecord]]


@pytest.fixture(scope="module", params=["flat", "ivf"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """300 records of each kind published; then a third changed, deleted, put back, or new."""
    flat_below = 50_000 if request.param == "flat" else 1
    settings = Settings(
        home=tmp_path_factory.mktemp("home"), flat_below=flat_below, recall_floor=0.5, centre_from=10**9
    )
    services, random = Services(settings, encoder=lambda: ENCODER), Random(20261123)  # noqa: S311
    records = {kind: {key: record(random, kind, key) for key in IDS[:COUNT]} for kind in Kind}
    for kind in Kind:
        services.catalogue.upsert(list(records[kind].values()))
        services.indexing.build(kind, publish=True)
    services.serving.open()
    for kind in Kind:
        for _ in range(12):
            changed = {key: record(random, kind, key) for key in random.sample(IDS[: COUNT + 30], 8)}
            same_text = random.choice(sorted(records[kind]))
            changed.setdefault(same_text, replace(records[kind][same_text], region="620102", lang="ja"))
            gone = set(random.sample(sorted(records[kind]), 3)) - set(changed)
            services.serving.embed(kind, list(changed.values()))
            services.catalogue.apply(kind, list(changed.values()), gone)
            records[kind] = {k: r for k, r in {**records[kind], **changed}.items() if k not in gone}
            services.match.match(one("电池", kind))  # each batch is a change of the view of its own
    assert all(len(index.fresh().index_state.layers) > 1 for index in services.serving.indexes.values())
    yield World(services, records)
    services.close()


def expected(world: World, target: Kind, query: Query, wanted: Filter) -> list[tuple[str, float]]:
    """The ranking of all records that pass; the query's own record is none of them."""
    text_parts, titled = need_text_parts(query.title or "", query.text or "", None), True
    if query.record_kind is not None and query.record_id is not None:
        asking = world.records[query.record_kind][query.record_id]
        text_parts, titled = text_parts_of(asking), query.record_kind is not Kind.FIRMS
    own = query.record_id if query.record_kind is target else None
    texts = {
        there.id: passage_of(there)
        for there in world.records[target].values()
        if there.id != own and passes(there, wanted)
    }
    return ranking(ENCODER, question(ENCODER, text_parts, titled=titled), texts)


def some_query(random: Random, world: World, number: int) -> Query:
    """A text, a text with a title, or a record of any kind."""
    name = f"q{number}"
    if random.random() < 0.5:
        return Query(id=name, text=text(random), title=random.choice([None, text(random)]))
    kind = random.choice(list(Kind))
    return Query(id=name, record_kind=kind, record_id=random.choice(sorted(world.records[kind])))


@pytest.mark.parametrize("target", Kind)
@settings(max_examples=80, deadline=None)
@given(RANDOM)
def test_filters_answer_is_the_true_nearest(world: World, target: Kind, random: Random) -> None:
    """Any queries under any filter, in one batch: ids, their order and cosines; fewer than asked for say why."""
    k, wanted = random.choice([1, 5, 40, 400]), asked(random, IDS)
    # Only a filtered search of an approximate index is exact.
    if wanted.empty and world.services.settings.flat_below == 1:
        wanted = Filter(not_ids=("no such record",))
    note(f"{target} {wanted}")
    queries = tuple(some_query(random, world, number) for number in range(random.randint(1, 4)))
    answer = world.services.match.match(MatchRequest(queries=queries, target=target, k=k, filter=wanted))
    for query, result in zip(queries, answer.results, strict=True):
        ranked = expected(world, target, query, wanted)
        assert_answer(result, ranked, k, wanted, world.records[target])
        for match in result.matches:
            assert match.score == pytest.approx(float(score_from_logit(PLAIN_SCALE.logits(match.cosine, 0.0, False))))
            assert match.level is level_from_score(match.score)


@pytest.mark.parametrize("target", Kind)
def test_filters_each_field_alone(world: World, target: Kind) -> None:
    """Twenty filters of every single field: none of them passes by accident of being one of several."""
    random, seen = Random(7), dict[str, int]()  # noqa: S311
    while min(seen.values(), default=0) < 20 or len(seen) < 19:
        wanted = asked(random, IDS, fields=1)
        (name,) = [name for name in Filter.__slots__ if getattr(wanted, name) is not None] or ("none",)
        if name == "none" or seen.get(name, 0) >= 20:
            continue
        seen[name] = seen.get(name, 0) + 1
        query = Query(id="q", text=text(random))
        answer = world.services.match.match(MatchRequest(queries=(query,), target=target, k=400, filter=wanted))
        assert_answer(answer.results[0], expected(world, target, query, wanted), 400, wanted, world.records[target])
        passing = sum(plan.passing for plan in answer.plans)
        assert passing == sum(passes(there, wanted) for there in world.records[target].values())
