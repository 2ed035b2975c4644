"""`must` and `must_not` are exact, and what a text excludes stands last: in a snapshot, and after changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
from hashing_encoder import HashingEncoder

from app.domain import Kind, MatchRequest, Patent, Query, QueryResult
from app.match.required import Requirements
from app.settings import Settings
from app.text.containing import folded_term, holds
from app.text.reading import term_reading
from app.wiring import Services

WORDS = [
    "磷酸铁锂",
    "磷酸",
    "铁锂矿",
    "电池",
    "永磁同步电机",
    "永磁同",
    "同步电机",
    "LFP",
    "PE隔膜",
    "焊料",
    "无铅焊料",
    "铅",
]
"""永磁同与同步电机 has all pairs of characters of 永磁同步电机, and does not hold it."""
PATENTS = 400


def patent(number: int, random: Random, key: str = "P") -> Patent:
    """Words of the list, some of which hold the characters of others without holding them."""
    title, text = ("与".join(random.choices(WORDS, k=count)) for count in (2, 3))
    return Patent(id=f"{key}{number:04}", title=title, abstract=f"{text}{number}", lang="zh", status="active")


def changed(services: Services) -> None:
    """New patents, others' new texts, and some deleted, in an index over the snapshot."""
    random = Random(9)  # noqa: S311 - invented texts, no secret
    fresh = [patent(n, random, "NEW") for n in range(40)]
    fresh += [replace(patent(n, random), id=f"P{n:04}") for n in range(0, PATENTS, 11)]
    services.catalogue.upsert(fresh)
    services.catalogue.delete(Kind.PATENTS, [f"P{n:04}" for n in range(5, PATENTS, 17)])
    index = services.serving.indexes[Kind.PATENTS]
    index.refresh()
    while index.embed_pending():
        pass


@pytest.fixture(scope="module", params=["snapshot", "changed", "without terms"])
def services(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """A published bank that looks at few candidates, so that most lists take more than the first search."""
    shared = request.param != "without terms"
    settings = Settings(home=tmp_path_factory.mktemp("home"), candidates=10, shared_terms=shared)
    made = Services(settings, encoder=HashingEncoder)
    random = Random(3)  # noqa: S311 - invented texts, no secret
    made.catalogue.upsert([patent(n, random) for n in range(PATENTS)])
    made.indexing.build(Kind.PATENTS, publish=True)
    made.serving.open()
    if request.param == "changed":
        changed(made)
    yield made
    made.close()


def asked(services: Services, text: str, k: int, **more: tuple[str, ...]) -> QueryResult:
    """The answer to one text."""
    return services.match.match(MatchRequest(queries=(Query(id="q", text=text),), k=k, explain=True, **more)).results[0]


def bank(services: Services) -> dict[str, str]:
    """The folded text of each patent."""
    ids = [f"{key}{n:04}" for key in ("P", "NEW") for n in range(PATENTS)]
    records = services.catalogue.get_many(Kind.PATENTS, ids)
    return {key: term_reading(record.passage) for key, record in records.items()}


@pytest.mark.parametrize(
    ("must", "must_not"),
    [
        (("磷酸铁锂",), ()),
        (("永磁同步电机", "电池"), ()),
        (("电池",), ("永磁",)),
        ((), ("永磁同步电机",)),
        ((), ("磷酸铁锂", "LFP")),
        (("LFP",), ("隔膜",)),
        (("铅",), ("无铅焊料",)),
        (("不在任何文本",), ()),
    ],
)
@pytest.mark.parametrize("k", [3, 25, 500])
def test_lists_hold_what_is_required_and_are_as_long_as_the_bank_allows(
    services: Services, must: tuple[str, ...], must_not: tuple[str, ...], k: int
) -> None:
    """Beside all texts read one by one: none is listed that should not be, and none is missing."""
    alike = {"LFP": ("lfp", "磷酸铁锂", "lifepo4"), "磷酸铁锂": ("lfp", "磷酸铁锂", "lifepo4")}
    names = {term: alike.get(term, (folded_term(term),)) for term in (*must, *must_not)}
    fitting = {
        key
        for key, text in bank(services).items()
        if all(any(holds(text, name) for name in names[term]) for term in must)
        and not any(holds(text, name) for term in must_not for name in names[term])
    }
    result = asked(services, "永磁同步电机与磷酸铁锂电池", k, must=must, must_not=must_not)
    found = [match.id for match in result.matches]
    assert set(found) <= fitting
    assert len(found) == len(set(found)) == min(k, len(fitting))
    assert result.shortfall == (None if len(found) == k else "filter")
    scores = [match.score for match in result.matches]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("k", [5, 40])
def test_what_a_text_excludes_stands_behind_the_others(services: Services, k: int) -> None:
    """And says so; what says that it is without is not of it. The answer says what was read."""
    result = asked(services, "不含铅的焊料", k)
    assert result.excluded == ("铅",)
    uses = [bool(match.why and match.why.excluded) for match in result.matches]
    assert uses == sorted(uses)
    texts = bank(services)
    for match, one in zip(result.matches, uses, strict=True):
        text = texts[match.id]
        assert one == ("铅" in text and "无铅" not in text)
    assert asked(services, "焊料", k).excluded == ()


def test_a_list_of_what_is_left_begins_as_a_shorter_one(services: Services) -> None:
    """How many are asked for does not change the order, also where a text excludes something."""
    long = [match.id for match in asked(services, "不使用永磁体的电机", 4).matches]
    short = [match.id for match in asked(services, "不使用永磁体的电机", 2).matches]
    assert long[:2] == short


def test_a_strict_search_shows_only_what_is_sure_to_pass(services: Services) -> None:
    """Where a bank is too large to read, what may hold a term of `must_not` is not looked at."""
    served = services.serving.indexes[Kind.PATENTS].fresh()
    assert served is not None
    state = served.index_state
    required = Requirements.of(MatchRequest(queries=(), must=("电池",), must_not=("永磁同步电机",)))
    strict, lenient = (required.narrowed(state, strict=one).passing(()) for one in (True, False))
    texts = bank(services)
    shown = [key for key, one in zip(state.ids, strict.tolist(), strict=True) if one]
    assert all("电池" in texts[key] and "永磁同步电机" not in texts[key] for key in shown)
    assert 0 < strict.sum() < lenient.sum()
    assert not (strict & ~lenient).any()
