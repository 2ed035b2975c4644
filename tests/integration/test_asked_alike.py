"""One question asked in other ways has one answer: pasted, repeated, or with its sentences in another order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hashing_encoder import HashingEncoder

from app.domain import Kind, Match, MatchRequest, Query
from app.settings import Settings
from app.text.sentences import sentences
from app.wiring import Services
from models import SentenceTransformerEncoder

SAMPLE = Path(__file__).parents[2] / "sample"
NEEDS = [json.loads(line) for line in (SAMPLE / "needs.jsonl").read_text(encoding="utf-8").splitlines()]
CENTRED, AMONG_NEIGHBOURS = 50, 60
SHUFFLES = 2


def home(folder: Path, encoder: object) -> Services:
    """The sample, published, in a centred space with shared terms and neighbours."""
    settings = Settings(home=folder, centre_from=CENTRED, neighbours_from=AMONG_NEIGHBOURS)
    made = Services(settings, encoders=lambda _spec: encoder)  # type: ignore[arg-type, return-value]
    made.importing.load(SAMPLE / "patents.jsonl", Kind.PATENTS)
    made.importing.load(SAMPLE / "needs.jsonl", Kind.NEEDS)
    made.indexing.build(Kind.PATENTS, publish=True)
    made.serving.open()
    return made


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """With an encoder of letters: what is read alike has the same vector by any."""
    made = home(tmp_path_factory.mktemp("home"), HashingEncoder())
    yield made
    made.close()


@pytest.fixture(scope="module")
def modelled(tmp_path_factory: pytest.TempPathFactory, real_model_folder: Path) -> Iterator[Services]:
    """With the model, which reads a text in its order."""
    made = home(tmp_path_factory.mktemp("home"), SentenceTransformerEncoder(real_model_folder, threads=1))
    yield made
    made.close()


def found(services: Services, *queries: Query, k: int = 20) -> list[tuple[Match, ...]]:
    """The matches of each query."""
    answer = services.match.match(MatchRequest(queries=queries, target=Kind.PATENTS, k=k))
    assert not any(result.error for result in answer.results)
    return [tuple(result.matches) for result in answer.results]


def scores(matches: tuple[Match, ...]) -> dict[str, float]:
    """By id, in the order of the list."""
    return {match.id: match.score for match in matches}


@pytest.mark.parametrize("need", NEEDS, ids=[need["id"] for need in NEEDS])
def test_asked_alike_by_text_alone_with_its_title_before_it_or_again_and_again(
    services: Services, need: dict[str, str]
) -> None:
    """A stored need, its title with its text, all in one field, and all of it three times: one list, one score each."""
    title, text = need["title"], need.get("text") or ""
    whole = f"{title}\n{text}".strip()
    record, *others = found(
        services,
        Query(id="record", record_kind=Kind.NEEDS, record_id=need["id"]),
        Query(id="parts", title=title, text=text),
        Query(id="pasted", text=whole),
        Query(id="both", title=title, text=whole),
        Query(id="tripled", title=title, text=text * 3),
        Query(id="lines", text=f"{whole}\n" * 3),
    )
    assert len(record) == 20
    for other in others:
        assert list(scores(other)) == list(scores(record))
        assert scores(other) == pytest.approx(scores(record), abs=1e-6)


def test_asked_alike_with_its_sentences_in_another_order(modelled: Services) -> None:
    """Neither a score nor a level moves where a text lists the same sentences in another order."""
    random = Random(20261128)  # noqa: S311 - no secret
    compared = 0
    for need in NEEDS:
        parts = sentences(need.get("text") or "")
        if len(parts) < 3:
            continue
        orders = [parts, *(random.sample(parts, len(parts)) for _ in range(SHUFFLES))]
        asked = [Query(id=str(n), title=need["title"], text="\n".join(order)) for n, order in enumerate(orders)]
        told, *others = found(modelled, *asked)
        for other in others:
            assert [match.id for match in other] == [match.id for match in told]
            assert [match.score for match in other] == pytest.approx([match.score for match in told], abs=1e-6)
            compared += len(other)
    assert compared > 500
