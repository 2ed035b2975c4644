"""A push run over the sample: rules, limits, what stops and goes on, and what is never pushed twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from push_samples import push_services, request

from app.catalogue import PushEntry
from app.domain import Filter, Kind, Level, MatchRequest, Need, Patent, Query
from app.errors import ConflictError, InputError
from app.feedback.service import OutreachService
from app.push.rules import WORTH_SENDING, PushRequest, PushRules
from app.wiring import Services


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """One home for all runs of this file."""
    made = push_services(tmp_path_factory.mktemp("home"))
    yield made
    made.close()


def entries(services: Services, name: str) -> list[PushEntry]:
    """All of a run."""
    return [entry for page in services.catalogue.pushes.iterate(name) for entry in page]


def lists(services: Services, asked: PushRequest) -> list[PushEntry]:
    """Make a run and give its entries without their run's name."""
    services.pushing.run(asked)
    return [replace(entry, run="") for entry in entries(services, asked.name)]


def patents(services: Services) -> dict[str, Patent]:
    """All of the sample."""
    pages = services.catalogue.iterate(Kind.PATENTS)
    return {record.id: record for page in pages for record in page if isinstance(record, Patent)}


def test_push_gives_every_firm_a_ranked_list_for_its_needs(services: Services) -> None:
    """Each firm that is not inactive has five different patents, best first, asked with its needs where it has some."""
    made = lists(services, request("plain", months=0, per_holder=0))
    by_firm: dict[str, list[PushEntry]] = {}
    for entry in made:
        by_firm.setdefault(entry.firm_id, []).append(entry)
    firms = [firm for page in services.catalogue.iterate(Kind.FIRMS) for firm in page]
    assert set(by_firm) == {firm.id for firm in firms if firm.status != "inactive"}
    for mine in by_firm.values():
        assert [entry.rank for entry in mine] == [1, 2, 3, 4, 5]
        assert len({entry.patent_id for entry in mine}) == 5
        assert [entry.score for entry in mine] == sorted((entry.score for entry in mine), reverse=True)
    assert any(entry.need_id for entry in made)
    assert any(entry.reason for entry in made)
    assert all(entry.firm_rank and entry.firm_rank >= 1 for entry in made)


def test_push_finds_what_match_finds(services: Services) -> None:
    """The first of a firm's list is what its need is answered with."""
    made = lists(
        services, request("asmatch", months=0, per_holder=0, per_family=0, exclude_status=(), own_patents=True)
    )
    asked = [entry for entry in made if entry.need_id]
    first = {entry.firm_id: entry for entry in asked if entry.rank == 1}
    answered = 0
    for entry in list(first.values())[:10]:
        query = Query(id="q", record_kind=Kind.NEEDS, record_id=entry.need_id)
        answer = services.match.match(MatchRequest(queries=(query,), k=3)).results[0].matches
        assert entry.score == pytest.approx(answer[0].score, abs=1e-4)
        answered += 1
    assert answered == 10


def test_push_keeps_cap_family_holder_and_status(services: Services) -> None:
    """No patent in more lists than allowed; one of a family, two of a holder; nothing inactive; none missing twice."""
    made = lists(services, request("limits", months=0, cap=3, per_holder=2, floor=1))
    known = patents(services)
    assert max(Counter(entry.patent_id for entry in made).values()) <= 3
    for firm in {entry.firm_id for entry in made}:
        mine = [known[entry.patent_id] for entry in made if entry.firm_id == firm]
        families = [patent.family for patent in mine if patent.family]
        assert len(families) == len(set(families))
        assert max(Counter(patent.holders[0] for patent in mine if patent.holders).values(), default=0) <= 2
        assert all(patent.status != "inactive" for patent in mine)
    assert {entry.placed for entry in made} > {"choice"}


def test_push_lists_one_of_twins_and_of_an_application(tmp_path: Path) -> None:
    """As a match that collapses: one of a title and its holders, one of an application; all of them where asked."""
    services = push_services(tmp_path)
    first = next(record for page in services.catalogue.iterate(Kind.NEEDS) for record in page)
    assert isinstance(first, Need)
    twins = [Patent(id=f"T{n}", title=f"一种 {first.title}", holders=("双胞公司",), lang="zh") for n in range(3)]
    number = {"application_number": "201610797031.3", "lang": "zh"}
    grants = [Patent(id=f"CN1{kind}", title=f"{first.title}{kind}", holders=("研究所",), **number) for kind in "AB"]
    services.catalogue.upsert([*twins, *grants])
    services.indexing.build(Kind.PATENTS, publish=True)
    free = {"months": 0, "per_holder": 0}
    folded = lists(services, request("folded", **free))
    every = lists(services, request("every", **free, per_title=0, per_family=0))
    for group in (twins, grants):
        ids = {patent.id for patent in group}
        shown, before = (Counter(entry.firm_id for entry in made if entry.patent_id in ids) for made in (folded, every))
        assert max(shown.values()) == 1
        assert before[str(first.firm_id)] == len(group)
    services.close()


def test_push_floor_reaches_patents_that_are_nobodys_candidates(services: Services) -> None:
    """With five candidates a firm most patents are no candidate at all; their own best firms are shown them."""
    few = {"months": 0, "k": 5, "candidates": 5, "per_holder": 0, "per_family": 0, "exclude_status": ()}
    without = lists(services, request("nofloor", **few))
    shown = lists(services, request("floor", floor=1, **few))
    reached, before = ({entry.patent_id for entry in made} for made in (shown, without))
    assert len(reached) > len(before) + 20
    run = services.catalogue.pushes.get("floor")
    assert run is not None
    arm = json.loads(run.manifest)["arms"]["a"]
    assert len(reached) + arm["floors_missed"] >= len(patents(services)) * 0.5
    assert "floor" in {entry.placed for entry in shown}


def test_push_floor_adds_no_patent_to_a_list_that_has_it(services: Services) -> None:
    """A patent that too few firms have is looked for from its side too, and found for firms that have it already."""
    few = {"months": 0, "k": 5, "candidates": 10, "per_holder": 0, "per_family": 0, "exclude_status": ()}
    made = lists(services, request("twice", floor=2, **few))
    assert "floor" in {entry.placed for entry in made}
    assert max(Counter((entry.firm_id, entry.patent_id) for entry in made).values()) == 1


def test_push_joins_by_industry_and_region(services: Services) -> None:
    """Firms with an industry are pushed patents of it alone, within their province."""
    made = lists(services, request("industry", months=0, industry="division", region="province"))
    known = patents(services)
    firms = services.catalogue.get_many(Kind.FIRMS, [entry.firm_id for entry in made])
    needs = services.catalogue.get_many(Kind.NEEDS, [entry.need_id for entry in made if entry.need_id])
    assert made
    for entry in made:
        patent, firm = known[entry.patent_id], firms[entry.firm_id]
        asked = needs[entry.need_id] if entry.need_id else firm
        codes = {code[:3] for code in asked.industry or firm.industry}
        assert not codes or codes & {code[:3] for code in patent.industry}
        assert patent.region is not None
        assert patent.region[:2] == (firm.region or "")[:2]


def test_push_of_the_same_run_does_nothing_twice(services: Services) -> None:
    """The second call says that it is done; other parameters under the name are refused."""
    first = services.pushing.run(request("again", months=0))
    second = services.pushing.run(request("again", months=0))
    assert (first.already, second.already) == (False, True)
    assert first.run == second.run
    with pytest.raises(ConflictError, match="other parameters"):
        services.pushing.run(request("again", months=0, cap=9))


def test_push_is_the_same_from_the_same_state(services: Services) -> None:
    """Two runs of the same request differ in nothing but their name."""
    assert lists(services, request("same1", months=0, cap=4)) == lists(services, request("same2", months=0, cap=4))


@pytest.mark.parametrize("name", ["", "../x", "a b", "x" * 65])
def test_push_refuses_names_that_are_no_folder(services: Services, name: str) -> None:
    """A run's name is a folder's name too."""
    with pytest.raises(InputError):
        services.pushing.run(request(name))


def test_push_takes_patents_and_firms_by_filter(services: Services) -> None:
    """Only graded patents, only firms of a region."""
    asked = replace(request("filtered", months=0), patents=Filter(grade=("A",)), firms=Filter(region=("62",)))
    made = lists(services, asked)
    known = patents(services)
    firms = services.catalogue.get_many(Kind.FIRMS, [entry.firm_id for entry in made])
    assert made
    assert {known[entry.patent_id].grade for entry in made} == {"A"}
    assert all((firm.region or "").startswith("62") for firm in firms.values())


def test_push_assigns_firms_to_two_rankings(services: Services) -> None:
    """Both arms have firms, each firm one arm, and their caps hold over both."""
    asked = replace(request("ab", months=0, cap=4), compare=request(cap=4, shared_terms=False).rules)
    made = lists(services, asked)
    arms = {firm: {entry.arm for entry in made if entry.firm_id == firm} for firm in {e.firm_id for e in made}}
    assert all(len(arm) == 1 for arm in arms.values())
    assert {arm for found in arms.values() for arm in found} == {"a", "b"}
    assert max(Counter(entry.patent_id for entry in made).values()) <= 4


def test_push_leaves_out_what_came_back_as_rejected_and_who_opted_out(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rejected pair is not pushed, a firm that wants no list has none."""
    before = lists(services, request("before", months=0))
    gone, out = before[0], before[-1].firm_id
    rejected = [(gone.firm_id, gone.patent_id), ("nobody", "nothing")]
    monkeypatch.setattr(OutreachService, "rejected_pairs", lambda _self: iter(rejected))
    monkeypatch.setattr(OutreachService, "opted_out", lambda _self: frozenset([out]))
    services.pushing.run(request("after", months=0))
    after = entries(services, "after")
    assert (gone.firm_id, gone.patent_id) not in {(entry.firm_id, entry.patent_id) for entry in after}
    assert gone.firm_id in {entry.firm_id for entry in after}
    assert out not in {entry.firm_id for entry in after}


def test_push_never_repeats_within_the_months_unless_the_patent_changed(tmp_path: Path) -> None:
    """The next run pushes other patents; one that was written anew meanwhile may come again."""
    services = push_services(tmp_path)
    first = {(entry.firm_id, entry.patent_id) for entry in lists(services, request("first"))}
    second = {(entry.firm_id, entry.patent_id) for entry in lists(services, request("second"))}
    assert second
    assert not first & second
    changed = Counter(patent for _, patent in first).most_common(1)[0][0]
    record = services.catalogue.get(Kind.PATENTS, changed)
    assert isinstance(record, Patent)
    services.writing.put(Kind.PATENTS, changed, {"title": record.title, "abstract": record.abstract, "grade": "B"})
    third = {(entry.firm_id, entry.patent_id) for entry in lists(services, request("third"))}
    assert {patent for _, patent in third & (first | second)} <= {changed}
    assert changed in {patent for _, patent in third}
    services.close()


def test_push_puts_patents_that_both_sides_agreed_on_first(services: Services) -> None:
    """Preferred, they lead each list with the scores that they have anyway; `agreed` is what score alone left out."""
    free: dict[str, object] = {"months": 0, "per_holder": 0, "per_family": 0}
    plain = lists(services, request("plainly", **free))
    made = lists(services, request("agreed", prefer_agreed=1, **free))
    known = patents(services)
    scores = {(entry.firm_id, entry.patent_id): entry.score for entry in plain}
    assert {entry.placed for entry in plain} == {"choice"}
    for firm in {entry.firm_id for entry in made}:
        mine = [entry for entry in made if entry.firm_id == firm]
        order = [(not known[entry.patent_id].agreed, -entry.score) for entry in mine]
        assert order == sorted(order)
        had = {entry.patent_id for entry in plain if entry.firm_id == firm}
        assert {entry.patent_id for entry in mine if entry.placed == "agreed"} == {
            entry.patent_id for entry in mine if known[entry.patent_id].agreed and entry.patent_id not in had
        }
    shared = [entry for entry in made if (entry.firm_id, entry.patent_id) in scores]
    assert all(entry.score == scores[entry.firm_id, entry.patent_id] for entry in shared)
    shown, before = (sum(bool(known[entry.patent_id].agreed) for entry in found) for found in (made, plain))
    assert shown > 2 * before


def test_push_lists_end_where_scores_are_under_the_least(services: Services) -> None:
    """With a least score, lists keep what scores more and nothing else, and firms with too few are told."""
    whole = lists(services, request("whole", months=0))
    least = sorted(entry.score for entry in whole)[len(whole) // 2]
    kept = lists(services, request("best", months=0, min_score=least))
    assert kept
    assert min(entry.score for entry in kept) >= least - 1e-6
    better = {(one.firm_id, one.patent_id) for one in whole if one.score > least + 1e-6}
    assert better <= {(one.firm_id, one.patent_id) for one in kept}
    run = services.catalogue.pushes.get("best")
    assert run is not None
    assert json.loads(run.manifest)["short"]


def test_push_firms_that_nothing_is_good_enough_for_have_no_list(services: Services) -> None:
    """They are counted apart from those whose lists are short, and together they are all that have less than `k`."""
    whole = lists(services, request("all", months=0))
    firms = {entry.firm_id for entry in whole}
    best = sorted(max(one.score for one in whole if one.firm_id == firm) for firm in firms)
    kept = lists(services, request("few", months=0, min_score=best[len(best) // 2]))
    places = Counter(entry.firm_id for entry in kept)
    run = services.catalogue.pushes.get("few")
    assert run is not None
    short = json.loads(run.manifest)["short"]
    assert short["none_good_enough"]["firms"] == len(firms - set(places)) > 0
    assert short["too_few_candidates"]["firms"] == sum(count < 5 for count in places.values()) > 0
    assert set(short["none_good_enough"]["examples"]) <= firms - set(places)


def test_push_default_is_worth_sending() -> None:
    """Without rules, a list ends where a reader would keep less than he would throw away."""
    assert PushRules().min_score == WORTH_SENDING
    assert PushRules().min_level is Level.WEAK


def test_push_leaves_out_what_is_of_unknown_status(tmp_path: Path) -> None:
    """A word that nobody knows is not pushed unless a rule says so; no status at all is, and both are counted."""
    with closing(push_services(tmp_path)) as services:
        patents = [one for page in services.catalogue.iterate(Kind.PATENTS) for one in page if isinstance(one, Patent)]
        alive = [one for one in patents if one.status != "inactive"]
        strange, unknown, unstated = alive[0], alive[1], alive[2]
        changed = {strange.id: "封存", unknown.id: "unknown", unstated.id: None}
        services.catalogue.upsert([replace(one, status=changed[one.id]) for one in alive[:3]], source="test")
        dead = len(patents) - len(alive)
        rules = {"months": 0, "per_holder": 0, "per_family": 0, "k": 200, "candidates": 200}
        run = services.pushing.run(request("strict", **rules)).run
        manifest = json.loads(run.manifest)
        assert manifest["left_out_by_status"] == {"a": {"inactive": dead, "unknown": 1, "封存": 1}}
        pushed = {entry.patent_id for page in services.catalogue.pushes.iterate("strict") for entry in page}
        assert not pushed & {strange.id, unknown.id}
        stated_none = {one.id for one in alive[3:] if one.status is None} | {unstated.id}
        assert manifest["pushed_without_status"] == len(pushed & stated_none) > 0
        services.pushing.run(request("lax", unknown_status=True, **rules))
        lax = {entry.patent_id for page in services.catalogue.pushes.iterate("lax") for entry in page}
        assert lax >= {strange.id, unknown.id}
