"""Whatever is written, built, published, rolled back or restarted, in any order: every search is exact, everywhere.

Hypothesis draws the order. Two sets of services over one home stand for two processes; what is written through one is
asked of both. The oracle is a dictionary of records, and for each service the texts that it finds them by: a text
that was written past the service, as a load does, is found by its old one until it is embedded.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from catalogue.catalogue_databases import postgres_schema
from hashing_encoder import HashingEncoder
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from live_samples import asked, assert_answer, by_logit, one, passes, question, ranking, record, text

from app.domain import AnyRecord, Filter, Kind, MatchRequest, Query
from app.errors import NotFoundError
from app.serving.encoders import EncoderSpec
from app.settings import Settings
from app.text.reading import need_text_parts, passage_of, text_parts_of
from app.wiring import Services
from index import text_key
from models import Encoder, Role

OTHER = EncoderSpec(source="hub:other")
TARGETS = (Kind.PATENTS, Kind.NEEDS)
IDS = tuple(f"R{number:02}" for number in range(24))


@lru_cache
def encoder_of(spec: EncoderSpec) -> Encoder:
    """An encoder of another dimension for another specification: vectors that get mixed up cannot go unnoticed."""
    return HashingEncoder(48 if spec == OTHER else 32, name=spec.source)


def fields(there: AnyRecord) -> dict[str, Any]:
    """A record as it is written over HTTP."""
    named = ((field.name, getattr(there, field.name)) for field in dataclass_fields(there))
    plain = {
        name: list(value) if isinstance(value, tuple) else value for name, value in named if value not in ((), None, {})
    }
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in plain.items()}


class Life(RuleBasedStateMachine):
    """A home, two services over it, and what they should answer.

    ``fixed`` records are never touched: an IVF index needs some hundreds to have several lists.
    """

    database: str | None = None
    flat_below = 50_000
    fixed = 0

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="patmatch-life-"))
        self.databases = ExitStack()
        url = self.databases.enter_context(postgres_schema()) if self.database else None
        self.settings = Settings(
            home=self.home, database_url=url, flat_below=self.flat_below, recall_floor=0.0, centre_from=10**9
        )
        self.services = [self.opened() for _ in range(2)]
        self.records: dict[Kind, dict[str, AnyRecord]] = {kind: {} for kind in Kind}

    def opened(self) -> Services:
        """Services over the home, opened as a server does but without its threads."""
        services = Services(self.settings, encoders=encoder_of)
        services.serving.open()
        return services

    def teardown(self) -> None:
        """Leave nothing behind."""
        for services in self.services:
            services.close()
        self.databases.close()
        shutil.rmtree(self.home)

    @initialize(random=st.randoms(use_true_random=False))
    def begin(self, random: Random) -> None:
        """Some records of each kind, built and published; both services serve them."""
        steady = Random(5)  # noqa: S311
        for kind in Kind:
            made = [record(random, kind, key) for key in IDS[:8]]
            made += [record(steady, kind, f"S{number:03}") for number in range(self.fixed)]
            self.services[0].catalogue.upsert(made)
            self.records[kind] = {there.id: there for there in made}
        for kind in TARGETS:
            self.services[0].indexing.build(kind, publish=True)
        self.follow(0)
        self.follow(1)

    # Writing

    @rule(
        random=st.randoms(use_true_random=False),
        kind=st.sampled_from(list(Kind)),
        key=st.sampled_from(IDS),
        through=st.integers(0, 1),
    )
    def put(self, random: Random, kind: Kind, key: str, through: int) -> None:
        """A new record or a new version, found by both services in their next search."""
        there = record(random, kind, key)
        written = self.services[through].writing.put(kind, key, fields(there))
        self.wrote(kind, [key])
        self.assert_seen(kind, through, written.revision)

    @precondition(lambda self: any(set(IDS) & set(self.records[kind]) for kind in TARGETS))
    @rule(random=st.randoms(use_true_random=False), through=st.integers(0, 1))
    def change_metadata(self, random: Random, through: int) -> None:
        """The same text with other filter values: it passes what it passes now, and no more what it passed before."""
        kind = random.choice([kind for kind in TARGETS if set(IDS) & set(self.records[kind])])
        before = self.records[kind][random.choice(sorted(set(IDS) & set(self.records[kind])))]
        other = record(random, kind, before.id)
        changed = replace(
            before, region=other.region, lang=other.lang, status=other.status, industry=other.industry, original={}
        )
        written = self.services[through].writing.put(kind, before.id, fields(changed))
        self.wrote(kind, [before.id])
        self.assert_seen(kind, through, written.revision)
        for there in (before, self.records[kind][before.id]):
            for name in ("region", "lang", "status"):
                wanted = Filter(**{name: (getattr(there, name) or "none",)})
                for number in range(len(self.services)):
                    self.assert_exact(number, kind, random, self.texts(kind), wanted)

    @rule(kind=st.sampled_from(list(Kind)), key=st.sampled_from(IDS), through=st.integers(0, 1))
    def delete(self, kind: Kind, key: str, through: int) -> None:
        """A record is gone from both services' next answers."""
        if self.records[kind].pop(key, None) is not None:
            self.services[through].writing.delete(kind, key)

    @rule(random=st.randoms(use_true_random=False), kind=st.sampled_from(TARGETS), through=st.integers(0, 1))
    def batch(self, random: Random, kind: Kind, through: int) -> None:
        """Several at once, some of them deleted, in one transaction."""
        keys = random.sample(IDS, random.randint(1, 10))
        cut = random.randint(0, len(keys))
        written = [record(random, kind, key) for key in keys[:cut]]
        done = self.services[through].writing.batch(kind, [fields(there) for there in written], keys[cut:])
        self.wrote(kind, keys[:cut])
        for key in keys[cut:]:
            self.records[kind].pop(key, None)
        self.assert_seen(kind, through, done.revision)

    @rule(random=st.randoms(use_true_random=False), kind=st.sampled_from(TARGETS))
    def load(self, random: Random, kind: Kind) -> None:
        """Records written without vectors: found by their old texts, new ones not at all, until they are embedded."""
        before = dict(self.records[kind])
        written = [record(random, kind, key) for key in random.sample(IDS, random.randint(1, 10))]
        self.services[0].catalogue.upsert(written)
        self.records[kind] |= {there.id: there for there in written}
        for number, services in enumerate(self.services):
            found_by = {}
            encoder = self.encoder(number, kind)
            for key, there in self.records[kind].items():
                (missing,) = self.store(services, encoder).missing([text_key(Role.PASSAGE, passage_of(there))])
                found_by[key] = passage_of(there) if not missing else passage_of(before[key]) if key in before else None
            self.assert_exact(number, kind, Random(1), found_by)  # noqa: S311
        self.embed()

    # Building

    @rule(kind=st.sampled_from(TARGETS), publish=st.booleans(), other=st.booleans(), by=st.integers(0, 1))
    def build(self, kind: Kind, publish: bool, other: bool, by: int) -> None:
        """A snapshot with the configured encoder or the other one; published, it is followed in the next round."""
        if self.records[kind]:
            self.services[by].indexing.build(kind, publish=publish, encoder=OTHER if other else None)

    @rule(kind=st.sampled_from(TARGETS), random=st.randoms(use_true_random=False))
    def publish(self, kind: Kind, random: Random) -> None:
        """Any snapshot there is, an old one among them."""
        entries = self.services[0].indexing.snapshots(kind)
        self.services[1].indexing.publish(random.choice(entries).id)

    @rule(kind=st.sampled_from(TARGETS))
    def roll_back(self, kind: Kind) -> None:
        """To what was published before, where there is such a one."""
        with suppress(NotFoundError):
            self.services[0].indexing.rollback(kind)

    @rule(kind=st.sampled_from(TARGETS), keep=st.integers(0, 2))
    def prune(self, kind: Kind, keep: int) -> None:
        """Old snapshots are removed while services may hold them."""
        self.services[0].indexing.prune(kind, keep)

    # Running

    @rule(number=st.integers(0, 1))
    def follow(self, number: int) -> None:
        """One round of a service's background threads."""
        self.services[number].serving._follow()
        for kind in TARGETS:
            self.services[number].serving.indexes[kind].embed_pending()

    @rule(number=st.integers(0, 1))
    def restart(self, number: int) -> None:
        """A service is stopped and started."""
        self.services[number].close()
        self.services[number] = self.opened()
        self.embed()

    @invariant()
    def every_search_is_exact(self) -> None:
        """A random search through each service agrees with the dictionary."""
        self.looks += 1
        random = Random(self.looks)  # noqa: S311
        for number in range(len(self.services)):
            for kind in TARGETS:
                if self.services[number].serving.indexes[kind].current() is not None:
                    self.assert_exact(number, kind, random, self.texts(kind))
                    self.assert_exact(number, kind, random, self.texts(kind))

    looks = 0

    # The oracle

    def texts(self, kind: Kind) -> dict[str, str | None]:
        """The text of each record."""
        return {key: passage_of(there) for key, there in self.records[kind].items()}

    def wrote(self, kind: Kind, keys: list[str]) -> None:
        """Take note of records as they were kept: what is written through the service is normalised first."""
        kept = self.services[0].catalogue.get_many(kind, keys)
        assert len(kept) == len(keys)
        self.records[kind] |= kept

    def embed(self) -> None:
        """What the background does with texts that have no vector yet."""
        for services in self.services:
            for kind in TARGETS:
                services.match.match(one("电池", kind))
                assert not services.serving.indexes[kind].embed_pending()

    def encoder(self, number: int, kind: Kind) -> Encoder:
        """The encoder of the snapshot that a service serves."""
        return self.services[number].serving.indexes[kind].current().encoder

    def store(self, services: Services, encoder: Encoder) -> Any:
        """The vectors of an encoder."""
        return services.serving._stores.of(encoder)

    def assert_seen(self, kind: Kind, through: int, revision: int) -> None:
        """A write is in the next answer of every service with the same encoder; another one's is embedded first."""
        if kind not in TARGETS:
            return
        for number, services in enumerate(self.services):
            answer = services.match.match(one("电池", kind))
            assert answer.snapshot.revision >= revision
            if self.encoder(number, kind) is self.encoder(through, kind):
                assert answer.pending == 0
            else:
                services.serving.indexes[kind].embed_pending()

    def assert_exact(
        self,
        number: int,
        kind: Kind,
        random: Random,
        found_by: dict[str, str | None],
        wanted: Filter | None = None,
    ) -> None:
        """A random search of a service, by a text or a record, agrees with brute force over these texts."""
        services, k = self.services[number], random.choice([1, 3, 10, 500])
        wanted = wanted or (asked(random, IDS) if random.random() < 0.7 else Filter())
        query = Query(id="q", text=text(random), title=random.choice([None, text(random)]))
        asking = random.choice([None, *(there for other in Kind for there in self.records[other].values())])
        if asking is not None:
            query = Query(id="q", record_kind=asking.kind, record_id=asking.id)
        text_parts = (
            text_parts_of(asking) if asking is not None else need_text_parts(query.title or "", query.text or "", None)
        )
        own = asking.id if asking is not None and asking.kind is kind else ""
        answer = services.match.match(MatchRequest(queries=(query,), target=kind, k=k, filter=wanted))
        assert answer.snapshot.id == services.serving.indexes[kind].current().snapshot.id
        encoder = self.encoder(number, kind)
        vector = question(encoder, text_parts, titled=asking is None or asking.kind is not Kind.FIRMS)
        records = self.records[kind]
        texts = {key: words for key, words in found_by.items() if words is not None and passes(records[key], wanted)}
        assert sum(plan.passing for plan in answer.plans) == len(texts), "what is gone takes places, or is counted"
        texts.pop(own, None)
        ranked = ranking(encoder, vector, texts)
        if wanted.empty and self.flat_below < len(records):
            self.assert_sound(answer.results[0].matches, dict(ranked), k)
        else:
            assert_answer(answer.results[0], ranked, k, wanted, records)

    def assert_sound(self, matches: Any, cosines: dict[str, float], k: int) -> None:
        """An unfiltered answer of an approximate index: full, in order, rightly scored, nine in ten the nearest."""
        found = [match.id for match in matches]
        assert len(found) == len(set(found)) == min(k, len(cosines))
        np.testing.assert_allclose([match.cosine for match in matches], [cosines[key] for key in found], atol=2e-6)
        assert found == sorted(found, key=lambda key: by_logit((key, cosines[key])))
        self.nearest += len(set(found) & set(sorted(cosines, key=lambda key: (-cosines[key], key))[:k]))
        self.places += len(found)
        assert self.places < 200 or self.nearest / self.places >= 0.9

    nearest = places = 0


class IvfLife(Life):
    """The same over an approximate index of several lists."""

    flat_below = 40
    fixed = 240


class PostgresLife(Life):
    """The same over PostgreSQL."""

    database = "postgres"


def run(life: type[Life], examples: int, steps: int) -> None:
    """Live so many lives of so many steps."""
    if life.database:
        with postgres_schema():  # skips where there is no server
            pass
    run_state_machine_as_test(
        life,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


LIVES = [(Life, 8), (IvfLife, 3), (PostgresLife, 3)]


@pytest.mark.parametrize(("life", "examples"), LIVES)
def test_stateful_every_search_is_exact(life: type[Life], examples: int) -> None:
    """Some lives of each kind."""
    run(life, examples, 20)


@pytest.mark.slow
@pytest.mark.parametrize(("life", "examples"), LIVES)
def test_stateful_every_search_is_exact_at_length(life: type[Life], examples: int) -> None:
    """Ten times as many, and longer ones."""
    run(life, 10 * examples, 40)
