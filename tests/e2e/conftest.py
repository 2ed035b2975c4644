"""A real service over a real model and a small index, and a real browser that reaches nothing but it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PATMATCH = Path(sys.executable).with_name("patmatch")
INDEXED_PATENTS = 24  # seconds of embedding; the sample begins with batteries, then metalworking
START_SECONDS = 120  # a cold start reads half a gigabyte of weights

BROWSER_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--window-size=1360,900",
    # The network is off but for this machine: what a closed network looks like to the page.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


@dataclass(frozen=True)
class Service:
    """A running service: where it answers, and its folder."""

    url: str
    home: Path


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PATMATCH_")}
    return kept | {"PATMATCH_HOME": str(home), "HF_HUB_OFFLINE": "1"}


def _patmatch(home: Path, *arguments: str) -> None:
    done = subprocess.run(
        [PATMATCH, *arguments],
        env=_environment(home),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"patmatch {' '.join(arguments)}: {done.stderr[-2000:]}"


def _link_model(home: Path) -> None:
    """Use the model that `make test` prepared; without it the next command makes one, which takes a minute."""
    prepared = REPOSITORY / "var" / "models"
    if prepared.is_dir():
        (home / "models").symlink_to(prepared, target_is_directory=True)
    _patmatch(home, "model", "prepare")


def _sample(home: Path, kind: str, rows: int | None = None) -> str:
    """The head of a sample file, in the home folder."""
    target = home / f"{kind}.jsonl"
    with (REPOSITORY / "sample" / f"{kind}.jsonl").open(encoding="utf-8") as lines:
        target.write_text("".join(islice(lines, rows)), encoding="utf-8")
    return str(target)


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as response:
            return response.status == 200
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _serve(home: Path, ready_path: str):
    """Run `patmatch serve` until the fixture that uses this generator ends."""
    port = _free_port()
    log = home / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [PATMATCH, "serve", "--port", str(port)],
            env=_environment(home),
            cwd=home,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(f"http://127.0.0.1:{port}{ready_path}"):
            said = log.read_text(encoding="utf-8")[-2000:]
            assert process.poll() is None, f"patmatch serve ended with {process.returncode}: {said}"
            assert time.monotonic() < deadline, f"no answer at {ready_path} in {START_SECONDS} s: {said}"
            time.sleep(0.2)
        yield Service(f"http://127.0.0.1:{port}/", home)
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    """The service over a published index of a part of the bundled sample, all three kinds."""
    home = tmp_path_factory.mktemp("home")
    _link_model(home)
    _patmatch(home, "ingest", "patents", _sample(home, "patents", INDEXED_PATENTS))
    _patmatch(home, "ingest", "needs", _sample(home, "needs", 4))
    _patmatch(home, "ingest", "firms", _sample(home, "firms", 4))
    _patmatch(home, "index", "build", "all", "--publish")
    yield from _serve(home, "/readyz")


@pytest.fixture(scope="session")
def empty_service(tmp_path_factory):
    """The service with a model, but without any record or index."""
    home = tmp_path_factory.mktemp("empty-home")
    _link_model(home)
    yield from _serve(home, "/livez")


def _browser_programs() -> tuple[str, str]:
    """Paths of browser and driver, or skip."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        missing = " and ".join(name for name, found in (("chromium", browser), ("chromedriver", driver)) if not found)
        pytest.skip(f"no {missing} on PATH: `apt-get install chromium chromium-driver`")
    return browser, driver


@pytest.fixture(scope="session")
def _chromium(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: `pip install .[dev]`")
    browser, driver = _browser_programs()
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (*BROWSER_FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # With the driver's path given, selenium looks for none on the network.
    chromium = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=driver))
    yield chromium
    chromium.quit()


@pytest.fixture
def page(_chromium, service):
    """The page in a browser that remembers nothing of the test before."""
    from page_driver import Page  # after the skip: it imports selenium

    made = Page(_chromium, service.url)
    made.forget()
    return made
