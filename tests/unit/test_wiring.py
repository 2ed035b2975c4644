"""Services are made when they are first used, once, and stop only what was made."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hashing_encoder import HashingEncoder
from pydantic import ValidationError

from app.domain import Event, Kind, Patent
from app.errors import CatalogueProblem
from app.main import create_app
from app.settings import Settings
from app.wiring import Services
from models import SourceError

SAMPLE = Path(__file__).parents[2] / "sample" / "patents.jsonl"
OFFLINE = {"evaluating", "training", "calibrating", "judgements", "funnel", "verification", "importing"}
OFFLINE |= {"pushing", "push_reporting"}


def made(services: Services) -> set[str]:
    """The names of services that exist."""
    return {name for name in vars(services) if not name.startswith("_")}


def test_wiring_no_server_makes_what_only_commands_use(tmp_path: Path) -> None:
    """Matches and readiness are answered without evaluation, training, calibration, imports and push runs."""
    settings = Settings(home=tmp_path, index_poll_seconds=0.05)
    offline = Services(settings, encoder=HashingEncoder)
    offline.importing.load(SAMPLE, Kind.PATENTS)
    offline.indexing.build(Kind.PATENTS, publish=True)
    offline.close()
    assert all(hasattr(Services, name) for name in OFFLINE)

    services = Services(settings, encoder=HashingEncoder)
    services.serving.open()
    with TestClient(create_app(services=services)) as client:
        assert client.post("/v1/match", json={"queries": [{"text": "电池"}]}).json()["results"][0]["returned"]
        assert "index.patents" in client.get("/readyz").json()["parts"]
        assert {"match", "health", "serving", "watcher", "webhooks"} <= made(services)
        assert not made(services) & {*OFFLINE, "builds", "overview", "writing", "records", "feedback"}


def test_wiring_begins_no_thread_and_closes_without_making_anything(tmp_path: Path) -> None:
    """Threads begin when the application starts; to close what was never used makes nothing first."""
    services = Services(Settings(home=tmp_path), encoder=HashingEncoder)
    assert made(services) == {"settings", "metrics", "catalogue"}
    services.close()
    assert made(services) == {"settings", "metrics", "catalogue"}

    before = threading.active_count()
    services = Services(Settings(home=tmp_path), encoder=HashingEncoder)
    for name in [name for name in vars(Services) if not name.startswith("_")]:
        getattr(services, name)
    assert threading.active_count() == before
    services.close()


def test_wiring_closes_encoders_that_serve_nothing(tmp_path: Path) -> None:
    """A command that builds or evaluates lets its encoder finish, though it has no served index."""

    class Closed(HashingEncoder):
        times = 0

        def close(self) -> None:
            Closed.times += 1

    services = Services(Settings(home=tmp_path), encoder=Closed)
    services.encoder.get()
    services.close()
    assert Closed.times == 1
    assert "serving" not in made(services)


def test_wiring_makes_a_service_once_for_all_threads(tmp_path: Path) -> None:
    """Requests that are the first to use a service at the same time share it."""
    services = Services(Settings(home=tmp_path), encoder=HashingEncoder)
    together = threading.Barrier(8)

    def use(_thread: int) -> object:
        together.wait()
        return services.feedback

    with ThreadPoolExecutor(8) as threads:
        assert len({id(found) for found in threads.map(use, range(8))}) == 1
    services.close()


def test_wiring_refuses_what_cannot_work_before_anything_is_used(tmp_path: Path) -> None:
    """A wrong database or model name shows at the start of a server, not at its first request."""
    with pytest.raises(CatalogueProblem):
        Services(Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path}"))
    with pytest.raises(SourceError):
        Services(Settings(home=tmp_path, model="nonsense:x"))


@pytest.mark.parametrize(("zone", "day", "hour"), [("Asia/Shanghai", 28, 10), ("UTC", 27, 18)])
def test_wiring_hands_the_time_zone_to_files_records_and_feedback(
    tmp_path: Path, zone: str, day: int, hour: int
) -> None:
    """A moment is the same day from a file and over REST; a time without a zone is of the setting's."""
    services = Services(Settings(home=tmp_path, timezone=zone), embed=lambda _kind, _records: 0)
    fields = {"id": "FILE", "title": "题", "filed_on": "2010-07-27T16:00:00.000Z"}
    path = tmp_path / "patents.jsonl"
    path.write_text(json.dumps(fields), encoding="utf-8")
    services.importing.load(path, Kind.PATENTS)
    services.writing.put(Kind.PATENTS, "REST", {**fields, "id": "REST"})
    for key in ("FILE", "REST"):
        record = services.catalogue.get(Kind.PATENTS, key)
        assert isinstance(record, Patent)
        assert record.filed_on == date(2010, 7, day)
    services.writing.put(Kind.FIRMS, "F", {"name": "甲公司"})
    contact = {"event": "contacted", "firm_id": "F", "patent_id": "FILE", "at": "2025-11-24 18:00"}
    services.feedback.add(contact)
    (kept,) = services.catalogue.feedback.iterate([Event.CONTACTED])
    assert kept.at == datetime(2025, 11, 24, hour, tzinfo=UTC)
    services.close()


def test_wiring_refuses_a_time_zone_that_there_is_not() -> None:
    """The error says what a name looks like."""
    for name in ("Beijing", "", "../etc/passwd", "GMT+25:00"):
        with pytest.raises(ValidationError, match="name of a time zone as Asia/Shanghai"):
            Settings(timezone=name)
