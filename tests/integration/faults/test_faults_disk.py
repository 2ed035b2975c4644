"""A disk that is full: a clear error, nothing broken is published, nothing acknowledged is lost, and it works again."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fault_homes import Place, look, rebuilt
from fault_jobs import BUILD, INGEST, PUBLISH, PUT, Job, held

DISK_BYTES = 24 * 2**20
BLOCK = 4096
LEFT = ((INGEST, (0, 8, 20, 50)), (PUT, (0, 8, 16, 50)), (BUILD, (0, 8, 10, 13, 20, 50)), (PUBLISH, (0, 8, 20)))
"""Free blocks that a job begins with: the disk is full at once, while vectors are written, while a snapshot is."""


@dataclass(frozen=True)
class Disk:
    """A small disk of the test's own."""

    path: Path

    def fill(self, blocks: int) -> None:
        """Leave only so many blocks."""
        state = os.statvfs(self.path)
        with (self.path / "filler").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, (state.f_bavail - blocks) * BLOCK)

    def make_room(self) -> None:
        """Take the filling away."""
        (self.path / "filler").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A tmpfs, where this process may mount one."""
    path = tmp_path / "disk"
    path.mkdir()
    options = f"size={DISK_BYTES},mode=755"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a disk of the test's own cannot be mounted: {mounted.stderr.strip()}")
    yield Disk(path)
    subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.mark.parametrize(("job", "lefts"), LEFT, ids=str)
def test_faults_disk_full_during_a_job(job: Job, lefts, disk, tmp_path, victims, bases, place_of, seen):
    """Whenever the disk fills up, the job says so; what stands is served rightly, and with room it goes through."""
    undisturbed = place_of(job.base(bases))
    assert victims.run(job.kind, job.arguments(bases), environment=undisturbed.environment).done
    after = look(undisturbed)
    failed = 0
    for left in lefts:
        place = Place(shutil.copytree(job.base(bases), disk.path / f"home-{left}"))
        disk.fill(left)
        end = victims.run(job.kind, job.arguments(bases), environment=place.environment)
        told = f"{job} with {left} blocks left: {end}"
        assert end.done or end.clear, told
        failed += not end.done
        elsewhere = Place(shutil.copytree(place.home, tmp_path / f"seen-{left}"))
        state = look(elsewhere)
        assert state.sound, f"{told}: {state}"
        assert held(end.acknowledged, state) == [], told
        assert state.answers == rebuilt(elsewhere, state), told
        disk.make_room()
        again = victims.run(job.kind, job.arguments(bases), environment=place.environment)
        assert again.done, f"{told}, then with room: {again.errors}"
        final = look(place)
        assert final.sound, told
        assert (final.records, final.answers) == (after.records, after.answers), told
        shutil.rmtree(place.home)
        seen("disk full", job, f"{left} blocks", f"exit {end.code}", end.said or "done")
    assert failed, "no job met the full disk"
