"""A row joined with the record that is stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from app.domain import Firm, Need, Patent
from app.records.merging import emptied, merged

STORED = Patent(
    id="CN1A",
    title="一种膜分离装置",
    abstract="本发明公开一种膜分离装置",
    lang="zh",
    ipc=("B01D61/00",),
    holders=("某大学",),
    holder_type="university",
    status="active",
    agreed=True,
    region="320594",
    filed_on=date(2019, 1, 7),
    original={"status": "有效", "region": "苏州工业园区"},
    extra={"发明人": "甲", "代理机构": "乙"},
)


def row(**fields: object) -> Patent:
    """A row of the same patent."""
    return Patent(**{"id": "CN1A", "title": "一种膜分离装置", "lang": "zh", **fields})


def test_merging_a_field_without_a_value_stays() -> None:
    """A file of ids, titles and statuses changes the statuses; extra is joined by key, original follows its field."""
    given = frozenset(("id", "title", "status"))
    incoming = row(status="inactive", original={"status": "失效"}, extra={"代理机构": "丙", "备注": "丁"})
    found = merged(STORED, incoming, given)
    assert found.record == replace(
        STORED,
        status="inactive",
        original={"status": "失效", "region": "苏州工业园区"},
        extra={"发明人": "甲", "代理机构": "丙", "备注": "丁"},
    )
    assert (found.kept, found.apart) == (True, 0)


def test_merging_twice_changes_nothing_more() -> None:
    """A file that is loaded again finds its values there."""
    given = frozenset(("id", "title", "holders", "status"))
    incoming = row(holders=("某公司",), holder_type="firm", status="pending", extra={"备注": "丁"})
    once = merged(STORED, incoming, given).record
    assert (once.holders, once.holder_type) == (("某公司",), "firm")
    assert merged(once, incoming, given).record == once


def test_merging_a_value_that_could_not_be_used_empties_nothing() -> None:
    """A date in a form that nobody reads is in extra; the one that is known stays."""
    found = merged(STORED, row(extra={"申请日": "去年"}), frozenset(("id", "title", "filed_on"))).record
    assert found.filed_on == date(2019, 1, 7)
    assert found.extra["申请日"] == "去年"


def test_merging_false_is_a_value() -> None:
    """A flag that is taken back is no missing value."""
    assert merged(STORED, row(agreed=False), frozenset(("agreed",))).record.agreed is False
    assert merged(STORED, row(agreed=None), frozenset()).record.agreed is True


def test_merging_what_is_derived_follows_its_source() -> None:
    """A type told by the holders gives way to none that is stored while the holders are the same."""
    stored = replace(STORED, holder_type="institute")
    same = row(holders=("某大学",), holder_type="university")
    assert merged(stored, same, frozenset(("holders",))).record.holder_type == "institute"
    assert merged(stored, same, frozenset(("holders", "holder_type"))).record.holder_type == "university"
    other = row(holders=("某医院",), holder_type="hospital")
    assert merged(stored, other, frozenset(("holders",))).record.holder_type == "hospital"


def test_merging_a_coarser_region_says_nothing_new() -> None:
    """A province does not take the place of a county in it; another province does."""
    assert merged(STORED, row(region="32"), frozenset(("region",))).record.region == "320594"
    assert merged(STORED, row(region="44"), frozenset(("region",))).record.region == "44"


def test_merging_industries_of_a_source_take_the_place_of_derived_ones() -> None:
    """And derived ones stay marked as such while no source states any."""
    stored = replace(STORED, industry=("C35",), industry_derived=True)
    kept = merged(stored, row(), frozenset(("title",))).record
    assert (kept.industry, kept.industry_derived) == (("C35",), True)
    for stated in (("C26",), ("C35",)):
        found = merged(stored, row(industry=stated), frozenset(("industry",))).record
        assert (found.industry, found.industry_derived) == (stated, False)


@pytest.mark.parametrize("given", [frozenset(("title",)), frozenset(("title", "lang"))])
def test_merging_a_part_of_the_texts_in_another_language_stands_beside(given: frozenset[str]) -> None:
    """An English title does not stand over a Chinese abstract; it is kept in extra and counted."""
    english = row(title="MEMBRANE SEPARATION DEVICE", lang="en", ipc=("C02F1/44",))
    found = merged(STORED, english, given | {"ipc"})
    assert (found.record.title, found.record.abstract, found.record.lang) == (STORED.title, STORED.abstract, "zh")
    assert found.record.ipc == ("C02F1/44",)
    assert found.record.extra == {**STORED.extra, "title (en)": "MEMBRANE SEPARATION DEVICE"}
    assert found.apart == 1
    assert merged(found.record, english, given | {"ipc"}).record == found.record


def test_merging_all_texts_in_another_language_take_their_place() -> None:
    """An English title that came first gives way to a Chinese title and abstract, and is kept: order is no matter."""
    english = row(title="MEMBRANE SEPARATION DEVICE", lang="en", extra={"title (zh)": "旧"})
    chinese = row(abstract="本发明公开一种膜分离装置")
    found = merged(english, chinese, frozenset(("title", "abstract"))).record
    assert (found.title, found.abstract, found.lang) == (chinese.title, chinese.abstract, "zh")
    assert found.extra == {"title (en)": "MEMBRANE SEPARATION DEVICE"}


def test_merging_texts_of_one_language_part_by_part() -> None:
    """A new title of the same language is the record's, over the abstract that is stored."""
    found = merged(STORED, row(title="一种膜分离设备"), frozenset(("title",)))
    assert (found.record.title, found.record.abstract, found.apart) == ("一种膜分离设备", STORED.abstract, 0)


def test_merging_a_firm_that_moved() -> None:
    """A region told by the province follows it; one told by the code alone does not take a stated one's place."""
    stored = Firm(id="91320594MA1XK7Q3PB", name="某公司", province="江苏", region="320500", lang="zh")
    same = replace(stored, region="320594", province=None)
    assert merged(stored, same, frozenset(("id", "name"))).record.region == "320500"
    moved = replace(stored, region="33", province="浙江")
    assert merged(stored, moved, frozenset(("id", "name", "province"))).record.region == "33"


def test_merging_a_row_without_a_title() -> None:
    """A need's row may bring nothing but its state."""
    stored = Need(id="N1", title="膜材料", text="需要膜材料", lang="zh", status="open")
    found = merged(stored, Need(id="N1", status="closed"), frozenset(("id", "status"))).record
    assert found == replace(stored, status="closed")


def test_merging_emptied_values_are_named() -> None:
    """What a whole record leaves out of the stored one, by field; derived industries come again."""
    whole = row(status="active", extra={"发明人": "甲"})
    stored = replace(STORED, industry=("C35",), industry_derived=True)
    named = sorted(emptied(stored, whole))
    assert named == ["abstract", "agreed", "extra", "filed_on", "holder_type", "holders", "ipc", "region"]


def test_merging_a_patent_keeps_the_texts_of_its_office_in_any_order() -> None:
    """A list without abstracts and one of Google's bring a title each; that of the patent's own office stays."""
    chinese = Patent(id="CN1A", title="一种轴承", lang="zh", holders=("某大学", "某公司"), holder_type="university")
    english = Patent(id="CN1A", title="Bearing", lang="en", holders=("Some Univ", "Some Co., Ltd."), holder_type="firm")
    short = replace(english, title="VALVE", lang=None)
    given = frozenset(("id", "title", "holders"))
    for other, word in ((english, "en"), (short, "latin")):
        beside = {f"title ({word})": other.title, f"holders ({word})": "Some Univ; Some Co., Ltd."}
        assert merged(chinese, other, given).record == replace(chinese, extra=beside)
        assert merged(other, chinese, given).record == replace(chinese, extra=beside)
    assert merged(chinese, english, given).apart == 2


def test_merging_a_change_of_holder_in_the_same_language_is_taken() -> None:
    """A patent that a Chinese list gives to a foreign firm is that firm's; a list without texts is believed, too."""
    given = frozenset(("id", "title", "holders"))
    sold = row(holders=("Acme Inc.",), holder_type="firm")
    found = merged(STORED, sold, given).record
    assert isinstance(found, Patent)
    assert (found.holders, found.holder_type) == (("Acme Inc.",), "firm")
    untitled = row(title="", lang=None, holders=("Acme Inc.",), holder_type="firm")
    found = merged(STORED, untitled, frozenset(("id", "holders"))).record
    assert isinstance(found, Patent)
    assert (found.holders, found.holder_type) == (("Acme Inc.",), "firm")
