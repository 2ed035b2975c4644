"""Folding as the service does it: as many matches as there are groups, the same scores, pages that fit each other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hashing_encoder import HashingEncoder

from app.domain import AnyRecord, Filter, Firm, Kind, Level, Match, MatchRequest, Need, Patent, Query, QueryResult
from app.match.folding import FOLDING_POOL
from app.settings import Settings
from app.wiring import Services
from scripts.cli import run

TWINS = 3 * FOLDING_POOL
"""More than are looked at first."""
ASKED = "杀菌剂组合物"


def _patents() -> list[AnyRecord]:
    twins = [
        Patent(
            id=f"CN2{n:06}",
            title="一种杀菌剂组合物",
            abstract=f"杀菌剂组合物 {n}",
            holders=("江苏农化公司",),
            lang="zh",
        )
        for n in range(TWINS)
    ]
    others = [
        Patent(
            id=f"CN3{n:06}", title=f"含成分{n}的杀菌剂", abstract="农药杀菌", holders=(f"企业{n % 5}公司",), lang="zh"
        )
        for n in range(20)
    ]
    number = {"application_number": "201610797031.3", "lang": "zh"}
    grants = [
        Patent(id=f"CN4000001{kind}", title=f"杀菌剂的制备{kind}", holders=("研究所",), **number) for kind in "AB"
    ]
    return [*twins, *others, *grants]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where it lies."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def services(home: Path) -> Iterator[Services]:
    """A service over hundreds of twins and a few others."""
    services = Services(Settings(home=home, max_k=1000), encoder=HashingEncoder)
    services.catalogue.upsert(_patents())
    services.catalogue.upsert([Need(id=f"N{n}", title=ASKED, text=f"求购 {n}", firm_id=f"F{n // 2}") for n in range(6)])
    services.catalogue.upsert(
        [Firm(id=f"F{n}", name=("江苏农化有限公司", "江苏农化公司", "农药厂")[n]) for n in range(3)]
    )
    for kind in Kind:
        services.indexing.build(kind, publish=True)
    services.serving.open()
    yield services
    services.close()


def asked(services: Services, *, text: str = ASKED, **request: object) -> QueryResult:
    """The answer to one query."""
    said = MatchRequest(queries=(Query(id="q1", text=text),), **request)  # type: ignore[arg-type]
    return services.match.match(said).results[0]


def unfolded(matches: tuple[Match, ...]) -> list[str]:
    """Ids of what is listed and what stands behind it."""
    return [one for match in matches for one in (match.id, *(folded.id for folded in match.folded or ()))]


def test_folding_gives_as_many_as_there_are_groups(services: Services) -> None:
    """Ten matches of ten groups, though three hundred twins rank before the second group."""
    plain = asked(services, k=10)
    assert {match.record.heading for match in plain.matches} == {"一种杀菌剂组合物"}
    assert all(match.folded is None for match in plain.matches)
    result = asked(services, k=10, collapse=True)
    assert len({match.record.heading for match in result.matches}) == len(result.matches) == 10
    assert [match.rank for match in result.matches] == list(range(1, 11))
    assert result.shortfall is None
    assert {folded.by for folded in result.matches[0].folded or ()} == {"title"}
    assert len(result.matches[0].folded or ()) == TWINS - 1


def test_folding_changes_neither_order_nor_score_and_loses_nothing(services: Services) -> None:
    """Listed and folded together are the whole list, with its scores; a group's head is its best."""
    plain = asked(services, k=1000)
    result = asked(services, k=1000, collapse=True)
    scores = {match.id: match.score for match in plain.matches}
    assert sorted(unfolded(result.matches)) == sorted(scores)
    order = [match.id for match in plain.matches]
    assert [match.id for match in result.matches] == [key for key in order if key in {one.id for one in result.matches}]
    for match in result.matches:
        assert match.score == scores[match.id]
        for folded in match.folded or ():
            assert folded.score == scores[folded.id] <= match.score
    assert len(result.matches) == 22
    assert result.shortfall == "index_exhausted"
    [grant] = [match for match in result.matches if "制备" in match.record.heading]
    assert [folded.by for folded in grant.folded or ()] == ["family"]


def test_folding_shorter_lists_are_the_head_of_longer_ones(services: Services) -> None:
    """What is listed first does not depend on how many are asked for."""
    longest = [match.id for match in asked(services, k=20, collapse=True, per_holder=2).matches]
    for k in (1, 5, 12):
        assert [match.id for match in asked(services, k=k, collapse=True, per_holder=2).matches] == longest[:k]


def test_folding_per_holder_lists_so_many_of_one(services: Services) -> None:
    """At most two of each holder; the list says that it is short because the rest is folded."""
    result = asked(services, k=20, per_holder=2)
    holders = [match.record.holders[0] for match in result.matches if isinstance(match.record, Patent)]
    assert {holder: holders.count(holder) for holder in holders} == {
        "江苏农化公司": 2, "研究所": 2, **{f"企业{n}公司": 2 for n in range(5)}
    }  # fmt: skip
    assert result.shortfall == "folded"
    assert len(unfolded(result.matches)) == TWINS + 22


@pytest.mark.parametrize(
    "text", [ASKED, "江苏农化公司 杀菌剂", "企业1公司 杀菌剂的制备", "杀菌剂的制备 CN4000001B", "不含成分的杀菌剂"]
)
@pytest.mark.parametrize("folding", [{"collapse": True}, {"per_holder": 2}, {"collapse": True, "per_holder": 1}])
def test_folding_pages_are_the_whole_list(services: Services, text: str, folding: dict[str, object]) -> None:
    """No record stands on two pages, and none is left out between them, whatever is named and folded."""
    whole = asked(services, text=text, k=12, **folding)
    pages = [asked(services, text=text, k=4, offset=offset, **folding) for offset in (0, 4, 8)]
    assert [match.rank for page in pages for match in page.matches] == list(range(1, len(whole.matches) + 1))
    assert [(match.id, match.score) for page in pages for match in page.matches] == [
        (match.id, match.score) for match in whole.matches
    ]
    after = asked(services, text=text, k=4, offset=996, **folding)
    assert (after.matches, after.shortfall) == ((), "index_exhausted")


def test_folding_lists_every_record_that_a_query_names(services: Services) -> None:
    """Two publications of one application, both named; one alone stands for the other."""
    both = asked(services, text="CN4000001B CN4000001A 杀菌剂", k=5, collapse=True, per_holder=1)
    assert {match.id for match in both.matches[:2]} == {"CN4000001A", "CN4000001B"}
    one = asked(services, text="杀菌剂 CN4000001B", k=5, collapse=True)
    assert [folded.id for folded in one.matches[0].folded or ()] == ["CN4000001A"]
    assert one.matches[0].id == "CN4000001B"
    assert one.matches[0].why is not None
    assert one.matches[0].why.exact == "CN4000001B"


def test_folding_lists_all_that_is_named_before_the_rest(services: Services) -> None:
    """A holder's hundreds of one title are looked through before another's are listed."""
    for offset in (0, 1):
        result = asked(services, text="江苏农化公司 杀菌剂", k=6, offset=offset, collapse=True)
        assert [match.record.holders == ("江苏农化公司",) for match in result.matches] == [  # type: ignore[union-attr]
            offset == 0, *[False] * 5
        ]  # fmt: skip


def test_folding_goes_with_terms_that_are_required_or_excluded(services: Services) -> None:
    """What a text excludes stands behind before it is folded; each that is listed or folded holds what it must."""
    result = asked(services, text="不含成分的杀菌剂", k=30, collapse=True, per_holder=2)
    assert result.excluded == ("成分",)
    uses = ["成分" in match.record.heading for match in result.matches]
    assert uses == sorted(uses)
    assert any(uses)
    required = asked(services, k=12, collapse=True, per_holder=1, must=("成分",))
    assert len(required.matches) == 5
    assert all("成分" in match.record.heading for match in required.matches)
    assert len(unfolded(required.matches)) == 20
    named = asked(services, text="企业1公司 杀菌剂 CN4000001B", k=12, collapse=True, must_not=("组合物",))
    assert named.matches[0].id == "CN4000001B"
    assert {match.record.holders for match in named.matches[1:5]} == {("企业1公司",)}  # type: ignore[union-attr]
    assert not {key for key in unfolded(named.matches) if key.startswith("CN2")}


def test_folding_goes_with_filters_levels_and_diversity(services: Services) -> None:
    """Filters choose before, diversity among what is listed; below the level asked for nothing is told."""
    only = Filter(ids=tuple(f"CN2{n:06}" for n in range(8)))
    result = asked(services, k=8, collapse=True, filter=only)
    assert (len(result.matches), len(result.matches[0].folded or ()), result.shortfall) == (1, 7, "folded")
    short = asked(services, k=9, collapse=True, filter=only)
    assert short.shortfall == "filter"
    diverse = asked(services, k=10, collapse=True, diversity=0.9)
    assert len({match.record.heading for match in diverse.matches}) == 10
    assert asked(services, k=10, collapse=True, min_level=Level.STRONG, filter=Filter(lang=("xx",))).matches == ()


def test_folding_needs_and_firms(services: Services) -> None:
    """Needs of one firm and title, and firms of one name."""
    needs = asked(services, k=5, target=Kind.NEEDS, collapse=True)
    assert len({match.record.firm_id for match in needs.matches if isinstance(match.record, Need)}) == 3
    assert (len(needs.matches), needs.shortfall) == (3, "folded")
    firms = asked(services, k=3, target=Kind.FIRMS, collapse=True)
    assert (len(firms.matches), len(unfolded(firms.matches))) == (2, 3)


@pytest.mark.usefixtures("services")
def test_folding_command_says_what_a_match_stands_for(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The options of the command are those of the request; a line tells what is behind, the object has all of it."""
    monkeypatch.setattr("app.wiring.load_encoder", lambda _settings, _spec: HashingEncoder())
    command = ["match", ASKED, "--home", str(home), "-k", "3", "--collapse", "--per-holder", "1"]
    assert run(command) == 0
    assert f"1. stands for {TWINS - 1} more · 另有 {TWINS - 1} 件: CN2" in capsys.readouterr().out
    assert run([*command, "--json"]) == 0
    matches = json.loads(capsys.readouterr().out.splitlines()[-1])["results"][0]["matches"]
    assert [match["rank"] for match in matches] == [1, 2, 3]
    assert (matches[0]["folded_count"], len(matches[0]["folded"])) == (TWINS - 1, 20)
    assert len({match["record"]["holders"][0] for match in matches}) == 3
