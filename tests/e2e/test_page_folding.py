"""A reader sees one of each, opens what is folded behind it, and can have all of them."""

import json
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.model

TITLE = "一种高镍三元动力电池电解液"
TWINS = ("T1", "T2", "T3")


def _send(service, method, patent_id, record=None):
    """Write or delete a patent of the running service."""
    connection = HTTPConnection(urlsplit(service.url).netloc, timeout=60)
    body = None if record is None else json.dumps(record)
    connection.request(method, f"/v1/patents/{patent_id}", body, {"Content-Type": "application/json"})
    assert connection.getresponse().status < 300
    connection.close()


@pytest.fixture
def twins(service):
    """Three patents of one title and holder, for as long as a test."""
    for patent_id in TWINS:
        _send(service, "PUT", patent_id, {"title": TITLE, "abstract": f"电解液 {patent_id}", "holders": ["双胞公司"]})
    yield TWINS
    for patent_id in TWINS:
        _send(service, "DELETE", patent_id)


def test_page_folds_twins_behind_their_best(page, twins):
    """One of three is listed; the others open behind it, each can be asked with, and the switch lists all."""
    page.open()
    page.ask(TITLE)
    listed = [match.id for match in page.matches()]
    assert len(set(listed) & set(twins)) == 1
    best = next(match_id for match_id in listed if match_id in twins)
    folded = page.one(f'.match[data-id="{best}"] .folded')
    assert folded.text == "另有 2 件同类专利"
    folded.find_element("css selector", "summary").click()
    rows = folded.find_elements("css selector", "li")
    assert {best, *(row.get_attribute("data-id") for row in rows)} == set(twins)
    assert all(TITLE in row.text and "同名" in row.text for row in rows)
    page.one('[name="collapse"]').click()
    page.wait_until_idle()
    assert set(twins) <= {match.id for match in page.matches()}
    assert "collapse=0" in urlsplit(page.browser.current_url).query
    page.open(f"?{urlsplit(page.browser.current_url).query}")
    assert not page.one('[name="collapse"]').is_selected()
    assert set(twins) <= {match.id for match in page.matches()}


def test_page_asks_with_a_folded_record(page, twins):
    """What is folded can be what is asked with."""
    page.open("?q=" + TITLE)
    page.one(".folded summary").click()
    wanted = page.one(".folded li").get_attribute("data-id")
    page.one(".folded li [data-action=similar-folded]").click()
    page.wait(lambda: page.words("#record-id") == wanted, "the folded patent as the question")
    page.wait_until_idle()
    assert wanted in twins
    assert page.matches()
