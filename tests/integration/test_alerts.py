"""New patents and the needs that they fit: which, once, at which level, and what is never told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from threading import Thread

import pytest
from alert_samples import SUBJECTS, alert_services, all_found, found, needs, new_patent, opened, put, scores, settle
from hashing_encoder import HashingEncoder

from app.alerts import watcher as alert_watching
from app.domain import Kind, Level, Need, Patent, WatchLevel
from app.errors import OverloadedError
from app.settings import Settings
from app.wiring import Services
from models import EmptyTextError, Encoded, EncoderBusyError, Role

FAIR = Level.FAIRLY_STRONG.grade


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Watched needs and an old bank."""
    made = alert_services(tmp_path)
    yield made
    made.close()


def standing(services: Services, need_id: str, first: int, last: int) -> list[str]:
    """Patents of a need's alerts of these numbers, as a message would have them."""
    return [shown.alert.patent_id for shown in services.alerts.between(need_id, first, last)]


def test_alerts_a_new_patent_is_told_to_the_needs_that_it_fits(services: Services) -> None:
    """The need of its subject alone, with the very score, level and shared terms; nothing of the old bank."""
    put(services, new_patent(1))
    settle(services)
    assert all_found(services) == {"N1": ["NEW"]}
    (shown,) = services.alerts.of_need("N1").alerts
    score, level = scores(services, ["N1"])["N1", "NEW"]
    assert (shown.alert.score, shown.alert.level.value) == (score, level)
    assert "纳滤膜" in shown.alert.reason
    assert shown.alert.patent_revision == services.catalogue.revision()
    assert shown.record == services.catalogue.get(Kind.PATENTS, "NEW")


def test_alerts_are_told_once(services: Services) -> None:
    """A change of the patent, of the need or of its level, another snapshot and another start tell nothing again."""
    put(services, new_patent(1))
    settle(services)
    put(services, new_patent(1, maturity=5), {**new_patent(1), "title": "聚酰胺复合纳滤膜水处理"})
    services.catalogue.upsert([Need(id="N1", title=SUBJECTS[1], text="改写", lang="zh", firm_id="F1")])
    services.alerts.watch("N1", WatchLevel.WEAK)
    settle(services)
    services.indexing.build(Kind.PATENTS, publish=True)
    settle(services)
    again = opened(services.settings.home)
    again.serving.open()
    settle(again)
    again.close()
    assert all_found(services) == {"N1": ["NEW"]}


def test_alerts_are_all_pairs_that_a_match_gives(services: Services) -> None:
    """Of 60 random patents in three languages each need is told of exactly those that its own match puts at its level.

    Some needs fit by terms alone, so a sieve by cosines would lose them.
    """
    random = Random(5)  # noqa: S311 - invented texts, no secret
    words = [*"".join(SUBJECTS), "coating", "membrane", "battery", "lithium", "溶接", "装置"]
    for n, level in enumerate((WatchLevel.WEAK, WatchLevel.FAIRLY_STRONG, WatchLevel.WEAK, WatchLevel.STRONG)):
        services.alerts.watch(f"N{n}", level)
    english = Need(id="EN", title="lithium battery coating", text="membrane", lang="en", status="open")
    services.catalogue.upsert([english, Need(id="TEXT", text=SUBJECTS[0], lang=None)])
    put(
        services,
        *(
            {
                "id": f"R{n}",
                "title": f"{random.choice(SUBJECTS)}{' '.join(random.choices(words, k=random.randint(1, 8)))}",
                "lang": random.choice(("zh", "en", "ja")),
            }
            for n in range(60)
        ),
    )
    settle(services)
    wanted = {"N0": 2, "N1": 3, "N2": 2, "N3": 4, "N4": 3, "EN": 3, "TEXT": 3}
    expected = {
        pair: score
        for pair, score in scores(services, wanted).items()
        if pair[1].startswith("R") and Level(score[1]).grade >= wanted[pair[0]]
    }
    told = services.catalogue.alerts.page(after=0, size=10_000)
    assert {(one.need_id, one.patent_id): (one.score, one.level.value) for one in told} == expected
    assert len({need for need, _ in expected}) >= 4
    assert len(expected) < 60 * len(wanted) / 2


def test_alerts_come_of_patents_that_came_after_the_need(services: Services) -> None:
    """A need that comes later, or that is loaded anew after a deletion, is not told of what was there."""
    put(services, new_patent(2))
    services.catalogue.upsert([Need(id="LATE", title=SUBJECTS[2], lang="zh")])
    services.catalogue.delete(Kind.NEEDS, ["N2"])
    services.catalogue.upsert([needs()[2]])
    settle(services)
    assert all_found(services) == {}
    put(services, new_patent(2, "NEXT"))
    settle(services)
    assert all_found(services) == {"LATE": ["NEXT"], "N2": ["NEXT"]}


def test_alerts_a_patent_that_comes_back_is_new(services: Services) -> None:
    """Deleted and written again it is told to needs that came meanwhile, and to nobody twice."""
    put(services, new_patent(0))
    settle(services)
    services.catalogue.upsert([Need(id="LATE", title=SUBJECTS[0], text=SUBJECTS[0], lang="zh")])
    services.catalogue.delete(Kind.PATENTS, ["NEW"])
    settle(services)
    assert found(services, "N0") == []
    put(services, new_patent(0))
    settle(services)
    assert all_found(services) == {"N0": ["NEW"], "LATE": ["NEW"]}
    assert found(services, "N0") == ["NEW"]


def test_alerts_keep_to_each_needs_level(services: Services) -> None:
    """Its own before the service's; `off` ends it, and what comes while it is off is not told later."""
    services.alerts.watch("N0", WatchLevel.STRONG)
    services.alerts.watch("N1", WatchLevel.OFF)
    services.alerts.watch("N2", WatchLevel.WEAK)
    put(services, new_patent(0, "A"), new_patent(1, "B"))
    settle(services)
    known = scores(services, ["N0", "N1", "N2"])
    strong = [key for key in ("A", "B") if Level(known["N0", key][1]) is Level.STRONG]
    assert strong == ["A"]
    assert Level(known["N1", "B"][1]).grade >= FAIR
    weak = [key for key in ("A", "B") if Level(known["N2", key][1]) is Level.WEAK]
    assert weak
    assert all_found(services) == {"N0": strong, "N2": weak}
    services.alerts.watch("N1", WatchLevel.FAIRLY_STRONG)
    settle(services)
    assert found(services, "N1") == []
    services.alerts.forget_watch("N0")
    put(services, new_patent(0, "C"), new_patent(1, "D"))
    settle(services)
    assert (found(services, "N0")[-1:], found(services, "N1")) == (["C"], ["D"])


def test_alerts_that_are_off_are_made_for_needs_that_ask(tmp_path: Path) -> None:
    """With the service's level `off` no need is watched or embedded but those with a level of their own."""
    services = alert_services(tmp_path, alert_level="off")
    put(services, new_patent(3, "BEFORE"))
    settle(services)
    services.alerts.watch("N3", WatchLevel.FAIRLY_STRONG)
    put(services, new_patent(3), new_patent(4, "OTHER"))
    settle(services)
    assert all_found(services) == {"N3": ["NEW"]}
    assert services.watcher._needs._rows.keys() == {"N3"}
    services.close()


def test_alerts_closed_and_reopened_needs(services: Services) -> None:
    """A closed need is told nothing; open again, it is told of what comes then."""
    services.catalogue.upsert([Need(id="N1", title=SUBJECTS[1], status="closed", lang="zh")])
    put(services, new_patent(1))
    settle(services)
    services.catalogue.upsert([Need(id="N1", title=SUBJECTS[1], status="open", lang="zh")])
    put(services, new_patent(1, "NEXT"))
    settle(services)
    assert all_found(services) == {"N1": ["NEXT"]}


def test_alerts_leave_out_what_a_firm_does_not_want(services: Services) -> None:
    """What its firm rejected, or holds itself, all where it is out; patents not in force or of a status unknown."""
    services.catalogue.upsert([Patent(id="A", title=SUBJECTS[0], lang="zh", family="X")])
    services.feedback.add({"event": "rejected", "firm_id": "F0", "patent_id": "A", "reason": "太贵"})
    put(services, new_patent(0, "KIN", family="X"))
    put(
        services,
        new_patent(1, "OWN", holders=["兰州第1新材料有限责任公司"]),
        new_patent(1, "OTHERS", holders=["兰州第2所"]),
    )
    services.outreach.opt_out("F2")
    put(services, new_patent(2, "C"), new_patent(3, "D", status="inactive"), new_patent(3, "E", status="待定"))
    settle(services)
    assert all_found(services) == {"N1": ["OTHERS"]}


def test_alerts_of_a_patent_that_is_withdrawn_are_gone_at_once(services: Services) -> None:
    """Inactive, of an unknown status or deleted, no list has it any more, nor has the message; the cursor counts it."""
    put(services, new_patent(0, "A"), new_patent(0, "B"), new_patent(0, "C"), new_patent(0, "D"))
    settle(services)
    assert standing(services, "N0", 1, 4) == ["A", "B", "C", "D"]
    put(services, new_patent(0, "A", status="inactive"), new_patent(0, "D", status="unknown"))
    services.catalogue.delete(Kind.PATENTS, ["B"])
    assert found(services, "N0") == ["C"]
    assert [shown.alert.patent_id for shown in services.alerts.of_all().alerts] == ["C"]
    assert standing(services, "N0", 1, 4) == ["C"]
    assert standing(services, "N0", 1, 2) == []
    services.outreach.opt_out("F0")
    assert services.alerts.of_need("N0").opted_out
    assert services.alerts.of_all().alerts == ()
    assert standing(services, "N0", 1, 3) == standing(services, "gone", 1, 3) == []


def test_alerts_begin_with_the_first_index(tmp_path: Path) -> None:
    """What was loaded before there was anything to search is not new, even for needs that were loaded first."""
    services = opened(tmp_path)
    services.catalogue.upsert(needs())
    services.serving.open()
    assert services.watcher.round() is False
    services.catalogue.upsert([Patent(id=f"P{n}", title=SUBJECTS[n % 5], lang="zh") for n in range(20)])
    assert services.catalogue.alerts.cursor() is None
    services.indexing.build(Kind.PATENTS, publish=True)
    settle(services)
    assert (all_found(services), services.catalogue.alerts.cursor()) == ({}, services.catalogue.revision())
    services.close()


def test_alerts_of_a_load_while_the_service_was_down(services: Services, tmp_path: Path) -> None:
    """What `patmatch ingest` brought is worked off at the next start, in pages, without a vector to begin with."""
    services.close()
    loader = opened(tmp_path)
    size = 2 * alert_watching._PAGE + 50
    loader.catalogue.upsert([Patent(id=f"L{n:04}", title=f"第{n}种{SUBJECTS[n % 5]}", lang="zh") for n in range(size)])
    loader.close()
    again = opened(tmp_path)
    again.serving.open()
    assert again.catalogue.alerts.behind() == size
    settle(again)
    assert again.catalogue.alerts.behind() == 0
    expected = {
        (need, patent)
        for (need, patent), (_, level) in scores(again, [f"N{n}" for n in range(5)]).items()
        if patent.startswith("L") and Level(level).grade >= FAIR
    }
    assert {(need, key) for need, mine in all_found(again).items() for key in mine} == expected
    assert len(expected) > alert_watching._PAGE
    again.close()


def test_alerts_of_one_patent_do_not_wait_for_a_load(services: Services) -> None:
    """Texts of a load wait for their vectors; what is written meanwhile, with a vector, is told before them."""
    services.catalogue.upsert([Patent(id=f"L{n}", title=f"第{n}号{SUBJECTS[0]}", lang="zh") for n in range(50)])
    put(services, new_patent(1))
    services.serving.indexes[Kind.PATENTS].refresh()
    while services.watcher.round():
        pass
    assert all_found(services) == {"N1": ["NEW"]}
    assert services.catalogue.alerts.behind() == 50
    settle(services)
    assert len(all_found(services)["N0"]) == 50


def test_alerts_over_the_deltas_limit_come_with_the_next_build(tmp_path: Path) -> None:
    """What no search finds yet waits, and is told once a build has taken it in."""
    services = alert_services(tmp_path, delta_limit=2)
    put(services, *(new_patent(0, f"A{n}") for n in range(4)))
    settle(services)
    assert all_found(services) == {"N0": ["A0", "A1"]}
    assert services.catalogue.alerts.behind() == 2
    services.indexing.build(Kind.PATENTS, publish=True)
    settle(services)
    assert sorted(all_found(services)["N0"]) == ["A0", "A1", "A2", "A3"]
    assert services.catalogue.alerts.behind() == 0
    services.close()


class Picky(HashingEncoder):
    """An encoder that sees nothing in a text of dashes."""

    def encode(self, texts: list[str], role: Role) -> Encoded:
        """Refuse such a text by its position."""
        for position, text in enumerate(texts):
            if not text.strip("-"):
                raise EmptyTextError(position)
        return super().encode(texts, role)


def test_alerts_of_a_patent_without_text_come_when_it_has_one(tmp_path: Path) -> None:
    """One that no search can find is new when it can be found first; one deleted meanwhile is forgotten."""
    alert_services(tmp_path).close()
    services = Services(Settings(home=tmp_path), encoder=Picky)
    services.serving.open()
    services.catalogue.upsert([Patent(id="A", title="---", lang="zh"), Patent(id="B", title="---", lang="zh")])
    services.catalogue.upsert([Need(id="EMPTY", title="-----", lang="zh")])
    settle(services)
    assert (all_found(services), services.catalogue.alerts.behind()) == ({}, 2)
    services.catalogue.delete(Kind.PATENTS, ["B"])
    put(services, new_patent(4, "A"))
    settle(services)
    assert (all_found(services), services.catalogue.alerts.behind()) == ({"N4": ["A"]}, 0)
    services.close()


class Busy(HashingEncoder):
    """An encoder that has no room for the queries of its first three calls."""

    refusals = 3

    def encode(self, texts: list[str], role: Role) -> Encoded:
        """Refuse queries until it has refused often enough."""
        if role is Role.QUERY and self.refusals:
            self.refusals -= 1
            raise EncoderBusyError("full", "已满")
        return super().encode(texts, role)


def test_alerts_outlive_an_encoder_without_room(tmp_path: Path) -> None:
    """A round that fails over a busy encoder forgets no need: the next one that can embed tells all."""
    alert_services(tmp_path).close()
    services = Services(Settings(home=tmp_path), encoder=Busy)
    services.serving.open()
    put(services, new_patent(0, "A"), new_patent(1, "B"))
    for _ in range(3):
        with pytest.raises(OverloadedError):
            services.watcher.round()
    assert all_found(services) == {}
    settle(services)
    assert all_found(services) == {"N0": ["A"], "N1": ["B"]}
    services.close()


def test_alerts_by_two_watchers_are_made_once(services: Services) -> None:
    """Another machine that looks at the same patents at the same moment finds them recorded, and repeats nothing."""
    other = opened(services.settings.home)
    other.serving.open()
    for turn in range(6):
        put(services, *(new_patent(n, f"T{turn}-{n}") for n in range(5)))
        threads = [Thread(target=settle, args=(one,)) for one in (services, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    other.close()
    assert {need: sorted(mine) for need, mine in all_found(services).items()} == {
        f"N{n}": [f"T{turn}-{n}" for turn in range(6)] for n in range(5)
    }


def test_alerts_wait_for_the_vectors_of_earlier_needs(services: Services) -> None:
    """A patent is compared with all needs that came before it or with none: none is missed for want of a vector."""
    needed = services.watcher._needs
    put(services, new_patent(0, "A"))
    services.catalogue.upsert([Need(id="LATE", title=SUBJECTS[0], text=SUBJECTS[0], lang="zh")])
    put(services, new_patent(0, "B"))
    served = services.serving.indexes[Kind.PATENTS].fresh()
    assert served is not None
    asked: list[bool] = []

    def once() -> bool:
        """As if the service stopped before anything was embedded."""
        asked.append(True)
        return len(asked) == 1

    assert not needed.follow(served, once), "then nothing is looked at"
    settle(services)
    assert needed.follow(served, lambda: True)
    assert all_found(services) == {"N0": ["A", "B"], "LATE": ["B"]}
