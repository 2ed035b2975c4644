"""Files made to fill memory are refused, or cost one row, within a second and with little memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ingest_monsters import REFUSED, REJECTED

MAX_SECONDS = 2.0
"""CPU time of one process; a second on a machine of its own."""
MAX_GROWTH = 120 << 20
"""Bytes over what the program takes by itself; in all less than 300 MB."""

_READ = """
import json, resource, sys, time
from pathlib import Path
from app.domain import Kind
from app.errors import InputError
from app.ingest import read_records
from app.ingest.tables import htmltables, spreadsheetml, workbooks

def peak():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024

before, began = peak(), time.process_time()
try:
    outcomes = list(read_records(Path(sys.argv[1]), Kind.PATENTS))
    told = {"rows": [o.row for o in outcomes], "codes": [p.code for o in outcomes for p in o.rejected]}
except InputError as error:
    told = {"code": error.error_code, "message": error.message, "message_zh": error.message_zh}
told["seconds"], told["growth"] = time.process_time() - began, peak() - before
print(json.dumps(told))
"""


def _read(path: Path) -> dict[str, Any]:
    root = str(Path(__file__).parents[2])
    run = subprocess.run(
        [sys.executable, "-c", _READ, str(path)],
        capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "PYTHONPATH": root}, cwd=root,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2_000:]
    told: dict[str, Any] = json.loads(run.stdout)
    return told


@pytest.mark.parametrize("name", REFUSED)
def test_ingest_files_monsters_are_refused(tmp_path: Path, name: str) -> None:
    """The message names the file and says in both languages what is wrong with it."""
    file, write = REFUSED[name]
    path = tmp_path / file
    write(path)
    told = _read(path)
    assert told.get("code") in ("monster", "damaged_file", "empty_file"), told
    assert told["message"].startswith(f"{file}: ")
    assert told["message_zh"].startswith(f"{file}：")
    assert told["seconds"] < MAX_SECONDS
    assert told["growth"] < MAX_GROWTH


@pytest.mark.parametrize("name", REJECTED)
def test_ingest_files_monsters_of_one_row_cost_that_row(tmp_path: Path, name: str) -> None:
    """What stands around it is read."""
    file, write = REJECTED[name]
    path = tmp_path / file
    write(path)
    told = _read(path)
    assert len(told["codes"]) == 1, told
    assert len(told["rows"]) in (2, 3)
    assert told["seconds"] < MAX_SECONDS
    assert told["growth"] < MAX_GROWTH
