"""A reader is told when nothing fits, sees what is worth reading, and can have the rest."""

import json
from http.client import HTTPConnection
from urllib.parse import parse_qs, urlsplit

import pytest

pytestmark = pytest.mark.model

NEED = "高镍三元动力电池电解液的开发，要求改善高温循环性能，抑制产气"
UNFIT = "跨境电商直播带货平台的主播招聘与短视频运营"
MOTORS = {"M1": ("永磁体驱动电机", "一种永磁体驱动电机，功率12kW"), "M2": ("磁阻电机", "一种磁阻电机，功率12kW")}


def _send(service, method, patent_id, record=None):
    """Write or delete a patent of the running service."""
    connection = HTTPConnection(urlsplit(service.url).netloc, timeout=60)
    body = None if record is None else json.dumps(record)
    connection.request(method, f"/v1/patents/{patent_id}", body, {"Content-Type": "application/json"})
    assert connection.getresponse().status < 300
    connection.close()


@pytest.fixture
def motors(service):
    """A motor with magnets and one without, for as long as a test."""
    for patent_id, (title, abstract) in MOTORS.items():
        _send(service, "PUT", patent_id, {"title": title, "abstract": abstract})
    yield
    for patent_id in MOTORS:
        _send(service, "DELETE", patent_id)


def test_page_says_that_nothing_fits(page):
    """In words with the probability; the nearest stand behind a button, whatever their level, in either language."""
    page.open()
    page.ask(UNFIT)
    said = page.words("#notices .nothing-fits")
    assert "库中没有适合这一需求的专利。" in said
    assert "估计概率" in said
    assert "没有找到专利" in page.words("#summary")
    assert not page.one("#matches").is_displayed()
    opener = page.one("#notices [aria-controls=matches]")
    assert opener.text == "查看最相近的 10 条专利"
    opener.click()
    assert page.one("#matches").is_displayed()
    assert len(page.matches()) == 10
    page.one("#language").click()
    assert "The bank has no patent that fits this need." in page.words("#notices")
    assert page.one("#matches").is_displayed()
    page.one("#notices [aria-controls=matches]").click()
    assert not page.one("#matches").is_displayed()


def test_page_nothing_fits_of_what_passes_the_filters(page):
    """The bank is not said to lack what a filter left out."""
    page.open(f"?q={UNFIT}&ipc=H01M")
    assert "符合所选条件的专利中，没有适合这一需求的。" in page.words("#notices")
    page.open(f"?q={NEED}")
    assert page.browser.find_elements("css selector", ".nothing-fits") == []
    assert page.one("#matches").is_displayed()


def test_page_leaves_out_what_is_unrelated(page):
    """Matches of no level are counted, not listed; a button lists them, and the address keeps that."""
    page.open(f"?q={NEED}&k=50")
    listed = page.matches()
    assert listed
    assert "无相关" not in {match.level for match in listed}
    assert "未达到“弱相关及以上”，未显示。" in page.words("#notices")
    next(chip for chip in page.browser.find_elements("css selector", "#notices .chip")).click()
    page.wait_until_idle()
    page.wait(lambda: "无相关" in {match.level for match in page.matches()}, "all levels")
    everything = page.matches()
    assert everything[: len(listed)] == listed
    address = urlsplit(page.browser.current_url)
    assert parse_qs(address.query)["min_level"] == ["none"]
    page.open(f"?{address.query}")
    assert page.one("#min-level").get_attribute("value") == "none"
    assert page.matches() == everything
    page.script(
        "const s = document.getElementById('min-level'); s.value = 'strong'; s.dispatchEvent(new Event('change'))"
    )
    page.wait(lambda: {match.level for match in page.matches()} <= {"强相关"}, "strong ones alone")
    assert parse_qs(urlsplit(page.browser.current_url).query)["min_level"] == ["strong"]


@pytest.mark.usefixtures("motors")
def test_page_shows_what_was_excluded_and_figures_met(page):
    """What the text excludes is said above, the record that uses it says so, and each figure is met or not."""
    page.open("?q=不使用永磁体的驱动电机，功率不低于10kW&explain=1&min_level=none&k=50")
    page.wait_until_idle()
    assert "已排除：永磁体" in page.words("#notices")
    shown = {
        match: page.script(f"return document.querySelector('[data-id={match}] .why').textContent") for match in MOTORS
    }
    assert "用到已排除的词：永磁体" in shown["M1"]
    assert "用到已排除的词" not in shown["M2"]
    assert "满足（12kW）" in shown["M2"]


@pytest.mark.usefixtures("motors")
def test_page_keeps_to_what_must_and_must_not_occur(page):
    """Both fields go into the request and into the address."""
    page.open()
    page.one("#filters summary").click()
    page.one("#f-must").send_keys("电机，12kW")
    page.one("#f-must-not").send_keys("永磁体")
    page.ask("驱动电机")
    assert {match.id for match in page.matches()} <= {"M2"}
    said = parse_qs(urlsplit(page.browser.current_url).query)
    assert (said["must"], said["must_not"]) == (["电机，12kW"], ["永磁体"])
    assert page.words("#filter-count") == "2"
