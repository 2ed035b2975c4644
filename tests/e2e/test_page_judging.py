"""A judge says how well a match fits, and sees that it is kept."""

import json
import urllib.request
from urllib.parse import quote

import pytest
from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.model

NEED = "高镍三元动力电池电解液的开发"


def judgements(service, patent_id):
    """What the service has kept about a patent, in the order in which it came."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{service.url}v1/feedback?event=level&patent_id={quote(patent_id)}", timeout=10) as response:
        return json.load(response)["items"]


def state(page):
    """What the page says of the first match's judgement."""
    return page.words(".match .judge-state")


def test_page_judgement_of_a_text_is_kept(page, service):
    """By mouse, then by keyboard: text, patent, place and the judge's name are kept; the newest word is shown."""
    page.open()
    page.one("#judging > summary").click()
    page.one("#judge-name").send_keys("王", Keys.TAB)
    page.ask(NEED)
    first = page.matches()[0]
    before = len(judgements(service, first.id))
    page.one(".match [data-level=strong]").click()
    page.wait(lambda: state(page) == "已保存：强相关", "the word that it is kept")
    weak = page.one(".match [data-level=weak]")
    page.script("arguments[0].focus()", weak)
    weak.send_keys(Keys.ENTER)
    page.wait(lambda: "弱相关" in state(page) and "保存" in state(page), "the second word")
    pressed = page.browser.find_elements("css selector", ".match:first-child [aria-pressed=true]")
    assert [button.text for button in pressed] == ["弱相关"]
    assert page.browser.switch_to.active_element == weak
    kept = judgements(service, first.id)[before:]
    assert [item["level"] for item in kept] == ["strong", "weak"]
    assert {item["query_text"] for item in kept} == {NEED}
    assert (kept[0]["rank"], kept[0]["by"]) == (1, "王")
    assert kept[0]["ranking"].startswith("patents-")


def test_page_judgement_is_shown_in_either_language(page):
    """The four words and what was kept change with the language, and nothing is sent anew."""
    page.open(f"?q={quote(NEED)}")
    page.one(".match [data-level=none]").click()
    page.wait(lambda: "无相关" in state(page) and "保存" in state(page), "the word that it is kept")
    page.one("#language").click()
    buttons = page.browser.find_elements("css selector", ".match:first-child .judge")
    assert [button.text for button in buttons] == ["Strong", "Fairly strong", "Weak", "None"]
    assert state(page) == "Saved: None"
    assert "fits" in page.one(".match .judges").get_attribute("aria-label")


def test_page_judgement_of_records(page, service):
    """A stored need is judged by its id, a patent's firms by both ids; two patents have no level between them."""
    page.open("?need_id=N001&target=patents")
    first = page.matches()[0]
    page.one(".match [data-level=fairly_strong]").click()
    page.wait(lambda: "较强相关" in state(page) and "保存" in state(page), "the word that it is kept")
    assert judgements(service, first.id)[-1]["need_id"] == "N001"
    page.open(f"?patent_id={first.id}&target=firms")
    firm = page.matches()[0]
    page.one(".match [data-level=strong]").click()
    page.wait(lambda: "强相关" in state(page) and "保存" in state(page), "the word that it is kept")
    assert judgements(service, first.id)[-1]["firm_id"] == firm.id
    page.open(f"?patent_id={first.id}&target=patents")
    assert page.matches()
    assert page.browser.find_elements("css selector", ".judge") == []


def test_page_judgement_that_is_refused_is_not_shown_as_kept(page):
    """Without the token that the service asks for: the reason stands there, nothing is pressed, the field is open."""
    page.open(f"?q={quote(NEED)}")
    problem = json.dumps({"status": 401, "detail": "token", "detail_zh": "此操作需要管理令牌"})
    page.script(
        "window.fetch = async () => new Response(arguments[0], { status: 401, headers: { 'Content-Type': 'x' } });"
        .replace("arguments[0]", json.dumps(problem))
    )  # fmt: skip
    page.one(".match [data-level=strong]").click()
    page.wait(lambda: "管理令牌" in state(page), "the reason")
    assert page.browser.find_elements("css selector", "[aria-pressed=true]") == []
    assert page.browser.switch_to.active_element == page.one("#judge-token")
