"""What the page says when there is nothing to show, when something went wrong, and in which language."""

import json

import pytest

pytestmark = pytest.mark.model

# Answers in an order of our choosing: a question that begins with "slow" is held back, even past its own abortion.
_HOLD_SLOW_ANSWERS = """
const real = window.fetch;
window.asked = [];
window.fetch = async (path, options = {}) => {
  const text = options.body ? JSON.parse(options.body).queries[0].text ?? "" : "";
  if (options.body) window.asked.push(options.signal);
  if (!text.startsWith("slow")) return real(path, options);
  const answer = await real(path, { ...options, signal: undefined });
  await new Promise((done) => { window.release = done; });
  return answer;
};
"""
_ANSWER_WITH = """
const [status, type, body] = arguments;
window.fetch = async () => new Response(body, { status, headers: { "Content-Type": type } });
"""


def test_page_empty_box(page):
    """An empty box is refused on the spot, in words, with the cursor where the need belongs, and nothing is asked."""
    page.open()
    page.one("#submit").click()
    assert "请先输入需求描述" in page.words("#text-error")
    assert page.one("#text").get_attribute("aria-invalid") == "true"
    assert page.browser.switch_to.active_element == page.one("#text")
    assert (
        page.script("return performance.getEntriesByType('resource').some((e) => e.name.includes('v1/match'))") is False
    )


def test_page_example_fills_the_box(page):
    """Examples stand below an empty box; one click asks with one."""
    page.open()
    chip = page.one("#examples .chip")
    words = chip.text
    chip.click()
    page.wait_until_idle()
    assert page.one("#text").get_attribute("value") == words
    assert page.matches()
    assert not page.one("#examples").is_displayed()


def test_page_english_and_remembered(page):
    """The switch changes every word but the records', asks nothing anew, and holds for the next visit."""
    page.open("?q=锂离子电池电解液")
    titles = [match.title for match in page.matches()]
    asked = page.script("return performance.getEntriesByType('resource').length")
    page.one("#language").click()
    assert page.one("html").get_attribute("lang") == "en"
    assert page.one("#submit").text == "Match"
    assert page.matches()[0].level in {"Strong", "Fairly strong", "Weak", "None"}
    assert [match.title for match in page.matches()] == titles
    assert page.script("return performance.getEntriesByType('resource').length") == asked
    page.open()
    assert page.one("html").get_attribute("lang") == "en"


def test_page_language_of_the_address(page):
    """`?lang=en` wins over what was remembered."""
    page.open("?lang=en")
    assert page.one("html").get_attribute("lang") == "en"
    page.open("?lang=zh")
    assert page.one("html").get_attribute("lang") == "zh-CN"


@pytest.mark.parametrize(("language", "sentence"), [("zh", "必须在 1 到 1000 之间"), ("en", "1000")])
def test_page_shows_the_services_own_refusal(page, language, sentence):
    """What the service refuses is said in its own words, in the page's language, with the request's id."""
    page.open(f"?q=电池&k=99999999&lang={language}")
    said = page.words("#notices .notice-error")
    assert sentence in said
    assert ("请求编号" if language == "zh" else "Request id") in said
    assert page.matches() == []


def test_page_unknown_record(page):
    """An address with a record that does not exist says that there is none."""
    page.open("?patent_id=NO-SUCH-PATENT")
    assert "NO-SUCH-PATENT" in page.words("#notices .notice-error")


def test_page_filter_mistakes_are_marked(page):
    """What is no code or no possible period is marked at its field and not sent."""
    page.open("?q=电池&ipc=ZZZ&region=火星&filed_from=2020-01-01&filed_to=2010-01-01")
    assert "ZZZ" in page.words("#e-ipc")
    assert "火星" in page.words("#e-region")
    assert page.words("#e-filed")
    assert page.matches() == []


def test_page_later_question_wins(page):
    """An answer that arrives after that of a newer question is dropped, and its request was aborted."""
    page.open()
    page.script(_HOLD_SLOW_ANSWERS)
    page.write("slow 污水处理")
    page.one("#submit").click()
    page.wait(lambda: page.script("return Boolean(window.release)"), "the first answer is held back")
    page.ask("锂离子电池电解液")
    newer = page.matches()
    page.script("window.release(); return new Promise((done) => setTimeout(done, 100))")
    assert page.matches() == newer
    assert newer
    assert page.script("return window.asked.map((signal) => signal.aborted)") == [True, False]


@pytest.mark.parametrize(
    ("status", "kind", "body", "said"),
    [
        (502, "text/html", "<h1>Bad gateway</h1>", "HTTP 502"),
        (200, "application/json", '{"results": []}', "HTTP 200"),
        (
            429,
            "application/problem+json",
            '{"title": "Too many requests", "detail": "busy", "detail_zh": "请求过多"}',
            "请求过多",
        ),
    ],
)
def test_page_odd_answers_are_said(page, status, kind, body, said):
    """A proxy's page, an empty answer, a full queue: each is said, none leaves the page waiting."""
    page.open()
    page.script(_ANSWER_WITH, status, kind, body)
    page.ask("电池")
    assert said in page.words("#notices .notice-error")


def test_page_lost_connection(page):
    """A service that cannot be reached is said so."""
    page.open()
    page.script("window.fetch = async () => { throw new TypeError('Failed to fetch'); }")
    page.ask("电池")
    assert "无法连接服务" in page.words("#notices .notice-error")


def test_page_truncation_is_declared(page):
    """A text whose end had no influence is reported with its length in tokens; so is one read in windows."""
    match = {"id": "A", "rank": 1, "score": 0.5, "level": "weak", "title": "T", "record": {"id": "A"}}
    result = {"id": "q1", "tokens": 9000, "windows": 16, "requested": 1, "returned": 1, "matches": [match]}
    page.open()
    page.script(_ANSWER_WITH, 200, "application/json", json.dumps({"results": [result | {"truncated": True}]}))
    page.ask("电池")
    assert "9000" in page.words("#notices .notice-warn")
    page.script(_ANSWER_WITH, 200, "application/json", json.dumps({"results": [result | {"truncated": False}]}))
    page.ask("电池")
    assert "16 段" in page.words("#notices .notice-info")


def test_page_markup_in_records_is_text(page):
    """Markup inside a record is shown as it is written and never run."""
    attack = "<img src=x onerror=window.hit=1><b>t</b>"
    match = {"id": "A", "rank": 1, "score": 0.5, "level": "weak", "title": attack, "record": {"abstract": attack}}
    page.open()
    page.script(_ANSWER_WITH, 200, "application/json", json.dumps({"results": [{"id": "q1", "matches": [match]}]}))
    page.ask("电池")
    [shown] = page.matches()
    assert (shown.title, shown.passage) == (attack, attack)
    assert page.script("return window.hit ?? null") is None


def test_page_says_why_it_is_not_ready(page, empty_service):
    """Without an index the page opens all the same and says which part is missing; a question gets the same answer."""
    page.url = empty_service.url
    page.open()
    page.wait(lambda: page.one("#readiness").is_displayed(), "the notice that the service is not ready")
    assert "专利索引" in page.words("#readiness")
    page.ask("电池")
    assert page.words("#notices .notice-error")


def test_page_answers_who_asked_too_early(page):
    """A question that met a service still loading is answered as soon as the service is ready, without asking again."""
    problem = {"title": "Not ready", "status": 503, "detail": "loading", "detail_zh": "模型正在加载"}
    page.open("?min_level=none")
    page.script("window.realFetch = window.fetch")
    page.script(_ANSWER_WITH, 503, "application/problem+json", json.dumps(problem))
    page.ask("锂离子电池电解液")
    assert "模型正在加载" in page.words("#notices .notice-error")
    page.wait(lambda: page.one("#readiness").is_displayed(), "the notice that the service is not ready")
    page.script("window.fetch = window.realFetch")
    page.wait(page.matches, "the answer after the service has become ready")
    assert page.words("#notices") == ""
