"""What a question names is shown as buttons that keep to it."""

import json
from http.client import HTTPConnection
from urllib.parse import parse_qs, urlsplit

import pytest

pytestmark = pytest.mark.model

OURS = {"X1": ("电池散热结构", "云上工业大学"), "X2": ("水泵叶轮", "云上工业大学"), "X3": ("电池散热片", "另一公司")}


def _send(service, method, patent_id, record=None):
    """Write or delete a patent of the running service."""
    connection = HTTPConnection(urlsplit(service.url).netloc, timeout=60)
    body = None if record is None else json.dumps(record)
    connection.request(method, f"/v1/patents/{patent_id}", body, {"Content-Type": "application/json"})
    assert connection.getresponse().status < 300
    connection.close()


@pytest.fixture
def held(service):
    """Two patents of one university, one of a firm, for as long as a test."""
    for patent_id, (title, holder) in OURS.items():
        _send(service, "PUT", patent_id, {"title": title, "holders": [holder]})
    yield
    for patent_id in OURS:
        _send(service, "DELETE", patent_id)


@pytest.mark.usefixtures("held")
def test_page_keeps_to_a_holder_that_the_question_names(page):
    """Its patents come first; the button lists them alone, and the address says so."""
    page.open()
    page.ask("云上工业大学 电池散热")
    assert {match.id for match in page.matches()[:2]} == {"X1", "X2"}
    assert len(page.matches()) > 2
    chip = page.one("#notices .chip")
    assert chip.text == "权利人 云上工业大学"
    chip.click()
    page.wait_until_idle()
    page.wait(lambda: {match.id for match in page.matches()} == {"X1", "X2"}, "the holder's patents alone")
    assert parse_qs(urlsplit(page.browser.current_url).query)["holder"] == ["云上工业大学"]
    assert page.one("#f-holder").get_attribute("value") == "云上工业大学"


@pytest.mark.usefixtures("held")
def test_page_keeps_to_a_number(page):
    """The patent alone; its id stands in a field of the filters, where it can be taken out."""
    page.open("?q=X1")
    page.wait_until_idle()
    page.one("#notices .chip").click()
    page.wait(lambda: [match.id for match in page.matches()] == ["X1"], "the patent alone")
    assert page.one("#f-ids").get_attribute("value") == "X1"


def test_page_says_that_the_bank_lacks_a_number(page):
    """In words, without a button, in either language."""
    page.open("?q=CN199999999A")
    page.wait_until_idle()
    assert "公开号 CN199999999A（库中没有）" in page.words("#notices")
    assert "库中没有这个编号的专利" in page.words("#notices")
    page.one("#language").click()
    assert "Publication CN199999999A (not in the bank)" in page.words("#notices")
    assert "The bank has no patent of this number" in page.words("#notices")
