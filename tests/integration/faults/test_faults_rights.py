"""A home that may only be read: whatever writes says so, and nothing of the home is changed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from fault_homes import Place, look
from fault_jobs import BUILD, INGEST, PRUNE, PUBLISH, PUT, ROLLBACK, VERIFY, Job

NOBODY = 65534
READ_ONLY, UNREADABLE = 0o555, 0o000


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter: pytest's own is closed to others."""
    if os.getuid() != 0:
        pytest.skip("only root can run a victim as somebody else")
    folder = Path(tempfile.mkdtemp(prefix="patmatch-faults-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def protect(home: Path, mode: int) -> None:
    """Take the right to write from everybody but root."""
    for path in [home, *home.rglob("*")]:
        path.chmod(mode if path.is_dir() else mode & 0o444)


def contents(home: Path) -> dict[str, str]:
    """Every file with a digest."""
    return {str(path): sha256(path.read_bytes()).hexdigest() for path in home.rglob("*") if path.is_file()}


@pytest.mark.parametrize("job", [INGEST, PUT, BUILD, PUBLISH, ROLLBACK, PRUNE, VERIFY], ids=str)
def test_faults_read_only_home(job: Job, open_folder, victims, bases, place_of, seen):
    """Every command that writes fails in one clear line, changes nothing, and works once it may write."""
    place = Place(shutil.copytree(job.base(bases), open_folder / "home"))
    for path in (*bases.files, bases.puts):
        shutil.copy(path, open_folder)
    protect(place.home, READ_ONLY)
    before = contents(place.home)
    given = job.arguments(bases)
    arguments = [open_folder / part.name if isinstance(part, Path) else part for part in given]
    end = victims.run(job.kind, arguments, environment=place.environment, uid=NOBODY)
    assert end.clear or (end.done and job is VERIFY), end
    assert contents(place.home) == before
    seen("read-only home", job, "", f"exit {end.code}", end.said)
    protect(place.home, 0o755)
    state = look(place)
    assert state.sound
    assert state.records == look(place_of(job.base(bases))).records


def test_faults_home_that_cannot_be_read(open_folder, victims, bases, seen):
    """A home of somebody else's is no crash either."""
    place = Place(shutil.copytree(bases.served, open_folder / "home"))
    protect(place.home, UNREADABLE)
    for arguments in (["match", "三元电解液"], ["index", "list"], ["doctor"], ["ingest", "patents", "/dev/null"]):
        end = victims.run("patmatch", arguments, environment=place.environment, uid=NOBODY)
        assert end.clear or (end.outcome, end.code) == ("exited", 2), end
        seen("closed home", " ".join(arguments[:2]), "", f"exit {end.code}", end.said)
