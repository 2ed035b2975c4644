"""What a run keeps on the disk while it is made, so that it goes on where it was stopped."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from app.push.allocation.allocate import Allocation
from app.push.candidates import PushCandidates
from index.arrays import read_bundle, write_bundle
from index.durable import make_directory, replace_file, step, sync_directory

_PLAN, _MANIFEST = "plan.json", "manifest.json"


class PushFiles:
    """The folder of one run. Each file is there whole or not at all.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self, plan: dict[str, Any]) -> dict[str, Any]:
        """The plan to go on with: the one that stands where it was made of the same, else ``plan``, from the start."""
        stands = self._read(_PLAN)
        if stands is not None and stands["state"] == plan["state"]:
            return stands
        if self.folder.exists():
            shutil.rmtree(self.folder)
        make_directory(self.folder)
        replace_file(self.folder / _PLAN, _json(plan))
        step("push.planned")
        return plan

    def join(self, arm: str) -> Path:
        """Where an arm's join keeps its blocks."""
        return self.folder / f"join-{arm}"

    def candidates(self, arm: str) -> PushCandidates | None:
        """What `keep_candidates` kept."""
        path = self.folder / f"candidates-{arm}.npz"
        if not path.exists():
            return None
        arrays = read_bundle(path)
        return PushCandidates(
            arrays["patents"].astype(np.int64), arrays["scores"], arrays["queries"].astype(np.int64),
            arrays["near"], float(arrays["recall"]), float(arrays["certified"]),
        )  # fmt: skip

    def keep_candidates(self, arm: str, found: PushCandidates) -> None:
        """Keep the candidates of an arm."""
        self._write(
            f"candidates-{arm}.npz",
            {
                "patents": found.patents.astype(np.int32),
                "scores": found.scores,
                "queries": found.queries.astype(np.int32),
                "near": found.near,
                "recall": found.recall,
                "certified": found.certified,
            },
        )

    def allocation(self, arm: str) -> Allocation | None:
        """What `keep_allocation` kept."""
        path = self.folder / f"allocation-{arm}.npz"
        if not path.exists():
            return None
        arrays = read_bundle(path)
        return Allocation(
            chosen=arrays["chosen"],
            placed=arrays["placed"],
            value=float(arrays["value"]),
            bound=float(arrays["bound"]),
            free_value=float(arrays["free_value"]),
            missed=int(arrays["missed"]),
            rounds=int(arrays["rounds"]),
        )

    def keep_allocation(self, arm: str, made: Allocation) -> None:
        """Keep the lists of an arm."""
        figures = {name: getattr(made, name) for name in ("value", "bound", "free_value", "missed", "rounds")}
        self._write(f"allocation-{arm}.npz", {"chosen": made.chosen, "placed": made.placed.astype(np.int8), **figures})

    def stored(self, block: str) -> bool:
        """Whether a block of lists is in the catalogue."""
        return (self.folder / f"stored-{block}").exists()

    def mark_stored(self, block: str) -> None:
        """Note that it is."""
        replace_file(self.folder / f"stored-{block}", b"")
        step("push.stored")

    def finish(self, manifest: dict[str, Any]) -> None:
        """Keep the manifest, and let go what only served to go on."""
        replace_file(self.folder / _MANIFEST, _json(manifest))
        for path in self.folder.iterdir():
            if path.name.startswith("join-"):
                shutil.rmtree(path)
            elif path.name.startswith("stored-"):
                path.unlink()

    def _write(self, name: str, arrays: dict[str, Any]) -> None:
        beside = self.folder / f".{name}"
        write_bundle(beside, arrays)
        beside.replace(self.folder / name)
        sync_directory(self.folder)
        step(f"push.{name.partition('-')[0]}")

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            said: dict[str, Any] = json.loads((self.folder / name).read_text(encoding="utf8"))
        except (FileNotFoundError, ValueError):
            return None
        return said


def _json(said: dict[str, Any]) -> bytes:
    return json.dumps(said, ensure_ascii=False, indent=1, sort_keys=True, default=str).encode()
