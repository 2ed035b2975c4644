"""A reader asks with a need or a record, and reads what comes back."""

from urllib.parse import parse_qs, urlsplit

import pytest

pytestmark = pytest.mark.model

NEED = "高镍三元动力电池电解液的开发，要求改善高温循环性能，抑制产气"


def test_page_need_brings_patents(page):
    """A Chinese need brings patents with title, abstract, holder, score and level, best first, and its snapshot."""
    page.open("?min_level=none")
    page.ask(NEED)
    matches = page.matches()
    scores = [match.score for match in matches]
    assert len(matches) == 10
    assert [match.rank for match in matches] == [str(n) for n in range(1, 11)]
    assert all(match.title and match.passage and match.holders for match in matches)
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert {match.level for match in matches} <= {"强相关", "较强相关", "弱相关", "无相关"}
    assert any("电解液" in match.title for match in matches[:3])
    assert "10 条专利" in page.words("#summary")
    assert "patents-" in page.words("#provenance")


def test_page_ctrl_enter_asks(page):
    """Ctrl+Enter in the box does what the button does."""
    page.open("?min_level=none")
    page.write(NEED)
    page.press_ctrl_enter()
    assert len(page.matches()) == 10


def test_page_address_asks_again(page):
    """The address of an answer is the question: another reader who opens it gets the same list."""
    page.open()
    page.choose_target("needs")
    page.ask(NEED)
    address = urlsplit(page.browser.current_url)
    before = page.matches()
    page.open(f"?{address.query}")
    assert parse_qs(address.query)["q"] == [NEED]
    assert page.matches() == before
    assert before


def test_page_long_need_is_shared_behind_the_hash(page):
    """A need of 3,000 characters is answered, and its address does not grow past what proxies let through."""
    need = (NEED + "。") * 100
    page.open("?min_level=none")
    page.script("document.getElementById('text').value = arguments[0]", need)
    page.one("#submit").click()
    page.wait_until_idle()
    before, address = page.matches(), urlsplit(page.browser.current_url)
    assert len(need) >= 3000
    assert len(before) == 10
    assert len(address.query) < 2000
    page.open(f"?{address.query}#{address.fragment}")
    assert page.script("return document.getElementById('text').value") == need
    assert page.matches() == before


def test_page_similar_patents(page):
    """'Find similar' asks with that patent, leaves it out of its own answer, and can be shared and left again."""
    page.open()
    page.ask(NEED)
    first = page.matches()[0]
    page.one("#matches .match [data-action=similar]").click()
    page.wait(lambda: page.words("#record-id") == first.id, "the patent that is asked with")
    page.wait_until_idle()
    similar = page.matches()
    assert similar
    assert page.words("#record-title") == first.title
    assert f"patent_id={first.id}" in page.browser.current_url
    page.open(f"?{urlsplit(page.browser.current_url).query}")
    page.wait(lambda: page.words("#record-title") == first.title, "the title of the patent in the address")
    assert page.matches() == similar
    page.one("#record-clear").click()
    assert page.one("#text").is_displayed()


def test_page_patent_to_firms(page):
    """A patent as the question and firms as the target answer which enterprises it fits."""
    page.open()
    page.ask(NEED)
    page.one("#matches .match [data-action=similar]").click()
    page.wait(lambda: page.words("#record-id"), "the patent that is asked with")
    page.wait_until_idle()
    page.choose_target("firms")
    assert "条企业" in page.words("#summary")
    assert all(match.title and match.facts for match in page.matches())
    assert page.matches()


def test_page_filter_narrows_and_explains(page):
    """A filter keeps what fits it alone, and where that leaves too few the page says so in words."""
    page.open("?q=轴承热处理&k=100&ipc=C21D%209%2F40,B23Q&region=")
    matches = page.matches()
    assert matches
    assert all("C21D9/40" in match.facts or "B23Q" in match.facts for match in matches)
    assert "符合筛选条件的记录不足" in page.words("#notices")
    assert page.words("#filter-count") == "1"


def test_page_all_there_is(page):
    """More than the index holds: all of it comes back, and the page says that there is no more."""
    page.open("?q=电池&k=100")
    assert 0 < len(page.matches()) < 100
    assert "索引中没有更多记录" in page.words("#notices")


def test_page_reasons_and_cosine(page):
    """The raw cosine and the terms in common are there for who asks for them."""
    page.open("?q=锂离子电池电解液&explain=1&debug=1")
    assert page.words(".match .cosine").startswith("余弦 0.")
    why = page.words(".match .why")
    assert "共同用词：" in why
    assert "电解液" in why
    assert "依据原文：" in why
    assert "判断依据：语义相近 0." in why


def test_page_more_opens_the_abstract(page):
    """A long abstract is cut to three lines until the reader opens it."""
    page.narrow(360)
    page.open("?q=锂离子电池电解液")
    toggle = next(t for t in page.browser.find_elements("css selector", ".toggle") if t.is_displayed())
    body = page.script("return arguments[0].closest('.match').querySelector('.passage')", toggle)
    cut = body.size["height"]
    toggle.click()
    assert body.size["height"] > cut
    assert toggle.get_attribute("aria-expanded") == "true"
    assert toggle.text == "收起"


def test_page_back_returns_to_the_question_before(page):
    """The browser's back button shows the question and the answer before."""
    page.open()
    page.ask(NEED)
    before = page.matches()
    page.ask("污水处理")
    assert page.matches() != before
    page.browser.back()
    page.wait(lambda: page.script("return document.getElementById('text').value") == NEED, "the need before")
    page.wait_until_idle()
    assert page.matches() == before
