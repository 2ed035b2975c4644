"""How many files a reader opens to follow a request and a push run: the way through the house stays short."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest
from fastapi.testclient import TestClient
from push_samples import push_services, request

from app.main import create_app
from app.wiring import Services

ROOT = Path(__file__).parents[2]
ROOMS = ("app", "models", "index")
MOST_FILES_OF_A_MATCH, MOST_FOLDERS_OF_A_MATCH, MOST_FILES_OF_A_PUSH_RUN = 39, 8, 52
IN_THE_BACKGROUND = ("patmatch-serving", "patmatch-delta", "patmatch-alerts", "patmatch-webhooks")


class Followed:
    """Notes the files of the product of which a function runs while it listens, in any thread that serves."""

    def __init__(self) -> None:
        self._seen: set[str] | None = None

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        """As `sys.setprofile` calls it."""
        if self._seen is not None and event == "call" and threading.current_thread().name not in IN_THE_BACKGROUND:
            self._seen.add(frame.f_code.co_filename)

    def files(self, act: Callable[[], object]) -> set[str]:
        """Those that a function goes through."""
        self._seen = seen = set[str]()
        sys.setprofile(self)
        try:
            act()
        finally:
            sys.setprofile(None)
            self._seen = None
        inside = {Path(name).relative_to(ROOT).as_posix() for name in seen if name.startswith(f"{ROOT}/")}
        return {name for name in inside if name.split("/")[0] in ROOMS}


@pytest.fixture(scope="module")
def followed() -> Iterator[Followed]:
    """In force in every thread that is started from now on."""
    made = Followed()
    threading.setprofile(made)
    yield made
    threading.setprofile(None)


@pytest.fixture(scope="module")
def services(followed: Followed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """The sample, published and opened, in threads that are followed."""
    assert followed
    made = push_services(tmp_path_factory.mktemp("home"))
    yield made
    made.close()


def test_a_push_run_goes_through_few_files(followed: Followed, services: Services) -> None:
    """Rules, firms, patents, candidates, allocation and lists, with what they stand on."""
    files = followed.files(lambda: services.pushing.run(request("path")))
    assert len(files) <= MOST_FILES_OF_A_PUSH_RUN, "\n".join(sorted(files))


def test_a_match_request_goes_through_few_files(followed: Followed, services: Services) -> None:
    """Five matches of a text, without reasons, the second time: what is made once is made."""
    with TestClient(create_app(services=services)) as client:

        def ask() -> None:
            body = {"queries": [{"text": "高镍三元动力电解液"}], "target": "patents", "k": 5}
            assert client.post("/v1/match", json=body).status_code == 200

        ask()
        files = followed.files(ask)
    folders = {name.rpartition("/")[0] for name in files}
    assert len(files) <= MOST_FILES_OF_A_MATCH, "\n".join(sorted(files))
    assert len(folders) <= MOST_FOLDERS_OF_A_MATCH, "\n".join(sorted(folders))
