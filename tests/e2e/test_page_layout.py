"""The page fits its screens, speaks both languages throughout, and needs nothing but its own service."""

import pytest

pytestmark = pytest.mark.model

_MISSING_WORDS = """
const { WORDS } = await import(new URL("static/words.js", document.baseURI));
const keys = (part, head = "") => Object.entries(part).flatMap(
  ([name, value]) => typeof value === "string" ? [head + name] : keys(value, `${head}${name}.`));
const [zh, en] = [new Set(keys(WORDS.zh)), new Set(keys(WORDS.en))];
const marked = [...document.querySelectorAll("[data-t], [data-t-placeholder], [data-t-label]")];
const used = marked.flatMap(({ dataset }) => [dataset.t, dataset.tPlaceholder, dataset.tLabel].filter(Boolean));
const without = (keys, others) => [...keys].filter((key) => !others.has(key));
return [without(zh, en), without(en, zh), without(used, zh)];
"""
_UNNAMED_CONTROLS = """
return [...document.querySelectorAll("input, select, textarea, button")]
  .filter((control) => !control.labels?.length && !control.getAttribute("aria-label") && !control.textContent.trim())
  .map((control) => control.outerHTML);
"""
_PARSED_CODES = """
const { parseIpc, parseRegions, parseIndustries } = await import(new URL("static/regions.js", document.baseURI));
return [parseIpc(arguments[0]), parseRegions(arguments[1]), parseIndustries(arguments[2])];
"""


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("address", ["", "?q=锂离子电池电解液&explain=1&debug=1&region=62", "?q=电池&target=firms"])
def test_page_fits_a_phone(page, language, address):
    """At 360 pixels nothing sticks out sideways, with results, open filters and in either language."""
    page.narrow(360)
    page.open(f"{address or '?'}&lang={language}")
    page.script("document.getElementById('filters').open = true")
    assert page.script("return document.documentElement.scrollWidth") == 360


def test_page_answer_comes_into_view_on_a_phone(page):
    """On a narrow screen, where the answer is below the question, asking goes to it."""
    page.narrow(360)
    page.open()
    page.script("document.getElementById('filters').open = true")
    page.ask("锂离子电池电解液")
    top = page.script("return document.getElementById('results').getBoundingClientRect().top")
    assert -1 < top < 740  # rounding to device pixels


def test_page_words_are_complete(page):
    """Both languages have the same keys, and the page uses no other."""
    page.open()
    assert page.script(f"return (async () => {{{_MISSING_WORDS}}})()") == [[], [], []]


def test_page_controls_have_names(page):
    """Every control has a label that a screen reader can say."""
    page.open("?q=锂离子电池电解液")
    assert page.script(_UNNAMED_CONTROLS) == []


def test_page_codes_as_people_type_them(page):
    """Codes with spaces, full-width signs, names of provinces; what is none of these is named."""
    page.open()
    ipc, regions, industries = page.script(
        f"return (async (...arguments) => {{{_PARSED_CODES}}})(...arguments)",
        "H01M 10/0567，c08l Ｃ02Ｆ; ZZZ",
        "甘肃省、广西壮族自治区, Beijing 6201; Inner Mongolia, 火星",
        "C39, i65 C3962; 39",
    )
    assert ipc == {"codes": ["H01M10/0567", "C08L", "C02F"], "bad": ["ZZZ"]}
    assert regions["codes"] == ["62", "45", "11", "6201", "15"]
    assert regions["bad"] == ["火星"]
    assert industries == {"codes": ["C39", "I65", "C3962"], "bad": ["39"]}


def test_page_asks_its_own_service_alone(page):
    """Opening, asking and reading reach no other host, and the policy blocks nothing: the console stays empty."""
    page.open("?q=锂离子电池电解液")
    page.one("#language").click()
    page.one("#matches [data-action=copy]").click()
    assert page.matches()
    assert page.origins() == {page.url.rstrip("/")}
    assert page.complaints() == []


def test_page_docs_show_operations_offline(page):
    """`/docs` draws the operations from this service's own files, with every other host out of reach."""
    page.load("docs")
    page.wait(lambda: page.browser.find_elements("css selector", ".opblock-summary-path"), "operations on /docs")
    paths = [element.text for element in page.browser.find_elements("css selector", ".opblock-summary-path")]
    assert any("match" in path for path in paths)
    assert page.origins() == {page.url.rstrip("/")}
    assert page.complaints() == []
