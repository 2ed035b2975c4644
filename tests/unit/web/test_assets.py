"""What the service sends to browsers: the page, its files and the documentation, and the policy they are sent with."""

import re
from importlib.resources import files

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.api.middleware import RequestId
from app.api.pages import mount_docs, mount_pages
from app.api.problems import install_problem_handlers

WEB = files("app.web")
PAGES = [WEB / "index.html", WEB / "docs" / "swagger.html"]
SCRIPTS = [file for folder in ("static", "docs") for file in (WEB / folder).iterdir() if file.name.endswith(".js")]
OTHERS = [file for file in (WEB / "static").iterdir() if not file.name.endswith(".js")]
PATHS = ("/", "/static/app.js", "/static/style.css", "/static/favicon.svg", "/docs", "/docs/assets/swagger-ui.css")
TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
PARSES_STRINGS = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|srcdoc"

TEXT_ON_GROUND = [
    *((ink, ground) for ink in ("ink", "quiet", "accent", "error") for ground in ("surface", "ground", "sunken")),
    *((name, f"{name}-ground") for name in ("error", "warn", "info", "fairly", "weak", "none")),
    *((ink, "info-ground") for ink in ("ink", "quiet", "accent")),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("on-strong", "strong"),
    ("ground", "ink"),
]
EDGE_ON_GROUND = [("edge", "surface"), ("focus", "surface")]


@pytest.fixture(scope="module")
def client():
    """The pages alone, with the service's own answers to errors."""
    app = FastAPI(docs_url=None, redoc_url=None)
    install_problem_handlers(app)
    app.add_middleware(RequestId)
    mount_docs(app)
    mount_pages(app)
    return TestClient(app)


@pytest.mark.parametrize("path", PATHS)
def test_pages_are_sent_typed_and_guarded(client, path):
    """Every file has a type that browsers take with nosniff, and a policy without other hosts and inline scripts."""
    response = client.get(path)
    policy = dict(part.strip().split(" ", 1) for part in response.headers["content-security-policy"].split(";"))
    assert response.status_code == 200
    assert response.headers["x-content-type-options"] == "nosniff"
    assert policy["default-src"] == "'self'"
    assert "script-src" not in policy
    assert response.headers["content-type"].split(";")[0] == TYPES.get(path.rpartition(".")[2], "text/html")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}'])
def test_pages_known_file_costs_a_304(client, path, form):
    """A browser that names the ETag it has, strong, weak or among others, gets 304 and no body."""
    tag = client.get(path).headers["etag"]
    again = client.get(path, headers={"If-None-Match": form.format(tag)})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)


def test_pages_other_etag_gets_the_file(client):
    """An ETag of another version gets the whole file."""
    assert client.get("/", headers={"If-None-Match": '"0123"'}).status_code == 200


def test_pages_head_has_headers_without_a_body(client):
    """HEAD answers as GET does, without the body."""
    response = client.head("/")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["etag"] == client.get("/").headers["etag"]


@pytest.mark.parametrize("path", ["/static/no.js", "/static/..%2findex.html", "/docs/assets/favicon.png", "/static/"])
def test_pages_unknown_file_is_a_problem(client, path):
    """A file that is not part of the page cannot be had, whatever its path, and the answer is problem+json."""
    response = client.get(path, follow_redirects=False)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_pages_stay_out_of_the_api_description(client):
    """The OpenAPI schema describes the API alone."""
    assert client.get("/openapi.json").json()["paths"] == {}


@pytest.mark.parametrize("file", [*PAGES, *SCRIPTS, *OTHERS], ids=lambda file: file.name)
def test_pages_name_no_other_host(file):
    """No file of ours loads or links anything elsewhere (an SVG only names its namespace): networks are closed."""
    text = file.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z]", text, re.IGNORECASE) == []


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_pages_hold_no_inline_code(file):
    """No inline script, style or event handler: the policy would block it."""
    text = file.read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", text) == []


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_pages_put_in_text_as_text(file):
    """Records are other people's text: nothing of the page parses a string as HTML or as code."""
    assert re.findall(PARSES_STRINGS, file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_colours_have_contrast(scheme):
    """Text reaches WCAG AA (4.5:1) on every ground it stands on, in both colour schemes; control borders reach 3:1."""
    css = (WEB / "static" / "style.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{([^}]*--ground[^}]*)\}", css)
    light, dark = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block)) for block in blocks)
    colours = light | dark if scheme == "dark" else light
    least = dict.fromkeys(TEXT_ON_GROUND, 4.5) | dict.fromkeys(EDGE_ON_GROUND, 3.0)
    measured = {(ink, ground): _contrast(colours[ink], colours[ground]) for ink, ground in least}
    assert {pair: ratio for pair, ratio in measured.items() if ratio < least[pair]} == {}


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio of two ``#rrggbb`` colours."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * channel for weight, channel in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
