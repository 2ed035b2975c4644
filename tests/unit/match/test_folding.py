"""One of each is listed, and nothing of a list is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import AnyRecord, Evidence, Firm, Level, Match, MatchRequest, Need, Patent
from app.match.folding import FOLDING_POOL, family_labels, fold, folded_behind, holder_label, pool_for, title_label


def patent(
    record_id: str = "CN1", title: str = "一种杀菌剂组合物", holders: tuple[str, ...] = ("甲公司",), **more: str
) -> Patent:
    """A patent of the holder 甲 unless said otherwise."""
    return Patent(id=record_id, title=title, holders=holders, **more)


def heads(records: list[AnyRecord], per_holder: int = 0, *, collapse: bool = True) -> list[int]:
    """The places that are listed."""
    return [group.head for group in fold(records, collapse=collapse, per_holder=per_holder)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("一种杀菌剂组合物", "杀菌剂组合物"),
        ("一种杀菌剂组合物", "一種殺菌劑組合物"),
        ("一种杀菌剂组合物", "一种 杀菌剂（组合物）"),
        ("ABS防抱死装置", "ＡＢＳ防抱死装置"),
        ("Fungicidal composition", "FUNGICIDAL COMPOSITION."),
    ],
)
def test_folding_titles_are_compared_as_read(one: str, other: str) -> None:
    """Script, width, case, spaces, punctuation and a leading 一种 make no difference."""
    assert title_label(patent(title=one)) == title_label(patent(title=other))


@pytest.mark.parametrize(
    ("one", "other"), [("含1.5%铜的合金", "含15%铜的合金"), ("杀菌剂组合物", "杀虫剂组合物"), ("2,4-滴", "24滴液")]
)
def test_folding_titles_of_other_meaning_stay_apart(one: str, other: str) -> None:
    """A point within a number counts, as every letter does."""
    assert title_label(patent(title=one)) != title_label(patent(title=other))


def test_folding_holders_are_a_set_of_folded_names() -> None:
    """Order, brackets and legal suffixes make no difference; another holder does."""
    one = patent(holders=("兰州(甘肃)新材料有限责任公司", "李四"))
    assert title_label(one) == title_label(patent(holders=("李四", "兰州新材料有限公司")))
    assert title_label(one) != title_label(patent(holders=("兰州新材料有限公司",)))


@pytest.mark.parametrize(
    "record",
    [patent(holders=()), patent(title="。"), patent(title="一种"), Need(id="N1", title="电池")],
    ids=["no holder", "no letter", "no word", "need of nobody"],
)
def test_folding_what_is_unknown_is_never_alike(record: AnyRecord) -> None:
    """Two records of an unknown holder or without a title are two."""
    assert title_label(record) is None
    assert heads([record, record]) == [0, 1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (patent("CN1", family="7"), patent("US1", family="7")),
        (patent("CN1A", application_number="201610797031.3"), patent("CN2B", application_number="CN201610797031")),
        (patent("CN1A", application_number="ZL 2016 1 0797031.X"), patent("CN2B", application_number="201610797031")),
        (patent("CN104127172A"), patent("CN104127172B")),
        (patent("CN104127172A", application_number="201410366812.3"), patent("CN104127172B")),
        (
            patent("US20230099901A1", application_number="US 202217848330 A"),
            patent("US11999901B2", application_number="17/848,330"),
        ),
        (patent("CN104127172A", family="7"), patent("CN104127172B", application_number="201410366812.3")),
    ],
    ids=[
        "family",
        "application",
        "spelling",
        "publication",
        "one without application",
        "American",
        "one without family",
    ],
)
def test_folding_a_family_is_of_one_family_or_application(one: Patent, other: Patent) -> None:
    """The family as the source says it, else the application in any spelling, else what China publishes as one."""
    assert set(family_labels(one)) & set(family_labels(other))
    assert heads([one, other]) == [0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (patent("CN1", application_number="16123456"), patent("US1", application_number="16123456")),
        (patent("CN1", application_number="申请中"), patent("CN2", application_number="申请中")),
        (patent("CN1", application_number="201610797031.3"), patent("CN2", application_number="201610797032.8")),
        (patent("US104127172A1"), patent("US104127172B2")),
        (patent("CN104127172"), patent("CN104127173")),
        (patent("CN1020001A"), patent("CN1020001C")),
    ],
)
def test_folding_other_applications_are_no_family(one: Patent, other: Patent) -> None:
    """Numbers of two offices, remarks instead of numbers, and numbers beside each other are not one application."""
    assert not set(family_labels(one)) & set(family_labels(other))


def test_folding_needs_by_title_and_firm_and_firms_by_name() -> None:
    """A firm that posts a need twice is listed once; another firm of the same need stays, and so does a branch."""
    needs = [Need(id=f"N{n}", title=title, firm_id=firm) for n, (title, firm) in enumerate(
        [("电池回收", "F1"), ("电池回收。", "F1"), ("电池回收", "F2"), ("电机", "F1")]
    )]  # fmt: skip
    assert heads(list(needs)) == [0, 2, 3]
    assert heads(list(needs), per_holder=1, collapse=False) == [0, 2]
    firms = [
        Firm(id=str(n), name=name) for n, name in enumerate(["兰州新材料有限公司", "兰州新材料公司", "兰州材料厂"])
    ]
    assert heads(list(firms)) == [0, 2]
    assert heads(list(firms), per_holder=1, collapse=False) == [0, 1, 2]


def test_folding_the_best_stands_for_its_group_and_says_why() -> None:
    """A record shares a family with one and a title with another: it stands behind the better one."""
    records = [patent("CN1", "甲"), patent("CN2", "乙", family="7"), patent("CN3", "甲", family="7")]
    groups = fold(records, collapse=True)
    assert [(group.head, group.behind) for group in groups] == [(0, [(2, "title")]), (1, [])]


def test_folding_per_holder_counts_what_is_listed() -> None:
    """Twins that are folded take no place of their holder; the rest stands behind the holder's best."""
    records = [
        patent("CN1", "甲"),
        patent("CN2", "甲"),
        patent("CN3", "乙"),
        patent("CN4", "丙"),
        patent("CN5", "丁", ("乙",)),
    ]
    groups = fold(records, collapse=True, per_holder=2)
    assert [(group.head, group.behind) for group in groups] == [(0, [(1, "title"), (3, "holder")]), (2, []), (4, [])]
    assert heads(list(records), 2, collapse=False) == [0, 1, 4]


def test_folding_lists_what_is_named_whatever_stands_above() -> None:
    """Two twins that a query names are two; what is not named stands behind the first of them."""
    records = [patent("CN1"), patent("CN2"), patent("CN3"), patent("CN4", "乙")]
    groups = fold(records, collapse=True, per_holder=1, named={"CN1", "CN2"})
    assert [(group.head, group.behind) for group in groups] == [(0, [(2, "title"), (3, "holder")]), (1, [])]


def test_folding_tells_nothing_below_the_level_asked_for() -> None:
    """What `min_level` leaves out does not stand behind a match either."""
    matches = [
        Match(id=one, rank=n + 1, score=score, level=level, cosine=score, record=patent(one), evidence=Evidence(score))
        for n, (one, score, level) in enumerate(
            [("CN1", 0.9, Level.STRONG), ("CN2", 0.6, Level.FAIRLY_STRONG), ("CN3", 0.1, Level.NONE)]
        )
    ]
    request = MatchRequest(queries=(), collapse=True)
    assert [one.id for one in folded_behind(matches, request)["CN1"]] == ["CN2", "CN3"]
    strict = MatchRequest(queries=(), collapse=True, min_level=Level.FAIRLY_STRONG)
    assert [(one.id, one.score, one.by) for one in folded_behind(matches, strict)["CN1"]] == [("CN2", 0.6, "title")]


def test_folding_pool_is_the_same_for_usual_lists() -> None:
    """A group says as much of itself for ten matches as for forty; longer lists look at more."""
    assert pool_for(14) == pool_for(44) == FOLDING_POOL
    assert pool_for(204) == 408


RECORDS = st.lists(
    st.builds(
        patent,
        title=st.sampled_from(["甲", "一种甲", "乙", "丙", "丁"]),
        holders=st.sampled_from([(), ("A",), ("B",), ("B", "A"), ("A", "B")]),
        family=st.sampled_from([None, None, "1", "2", "3"]),
    ),
    max_size=25,
)


@given(RECORDS, st.booleans(), st.integers(0, 3))
def test_folding_keeps_order_and_loses_nothing(records: list[AnyRecord], collapse: bool, per_holder: int) -> None:
    """Each record is in one group, behind a better one; no label is listed twice, no holder more often than allowed."""
    groups = fold(records, collapse=collapse, per_holder=per_holder)
    listed = [group.head for group in groups]
    assert listed == sorted(listed)
    assert all(place > group.head for group in groups for place, _ in group.behind)
    assert sorted([*listed, *(place for group in groups for place, _ in group.behind)]) == list(range(len(records)))
    if collapse:
        shown = [found for place in listed if (found := title_label(records[place])) is not None]
        families = [label for place in listed for label in family_labels(records[place])]
        assert len(shown) == len(set(shown))
        assert len(families) == len(set(families))
    if per_holder:
        holders = [found for place in listed if (found := holder_label(records[place])) is not None]
        assert all(holders.count(one) <= per_holder for one in holders)
    if not collapse and not per_holder:
        assert listed == list(range(len(records)))


@given(RECORDS, st.integers(0, 3), st.integers(0, 25))
def test_folding_a_longer_list_begins_as_a_shorter_one(records: list[AnyRecord], per_holder: int, depth: int) -> None:
    """What is listed depends on what is above it alone, so pages fit each other."""
    deep, shallow = heads(records, per_holder), heads(records[:depth], per_holder)
    assert [place for place in deep if place < depth] == shallow
