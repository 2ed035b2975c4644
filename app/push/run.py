"""The push run: who is asked for, what is near, what each is shown, and where that is kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from app.catalogue import Catalogue, NewMessage
from app.catalogue import PushRun as PushRun
from app.errors import ConflictError, NotReadyError
from app.progress import Progress, Report, StageClock, peak_mb
from app.push.allocation.allocate import Allocation
from app.push.exclusions import FeedbackSource, FeedbackState
from app.push.files import PushFiles
from app.push.lists import ArmLists, ListWriter
from app.push.messages import announcement
from app.push.rules import PushRequest, check_name
from app.push.steps import PushWork
from app.serving.failures import translated
from app.serving.served import Served
from index import FileLock, LockedError, VectorStore
from models import Encoder

_LOCK = "push.lock"
_VERSIONS = ("patmatch", "numpy", "torch", "faiss-cpu")


class PushSource(Protocol):
    """Where what is searched comes from."""

    def fresh(self) -> Served | None:
        """What is served, with every change committed before this call."""
        ...


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """What a call did: the run as it stands, and whether it was already there."""

    run: PushRun
    already: bool


class PushService:
    """Makes push runs.

    Args:
        source: what is served of patents.
        store_of: the vector store of an encoder.
        catalogue: records and runs.
        folder: where runs keep what they have done, one folder a run.
        feedback: what came back.
        lists_a_message: firms whose lists one message to the webhook tells; ``None`` where there is no webhook.
    """

    def __init__(
        self,
        source: PushSource,
        store_of: Callable[[Encoder], VectorStore],
        catalogue: Catalogue,
        folder: Path,
        feedback: FeedbackSource | None = None,
        lists_a_message: int | None = None,
    ) -> None:
        self._source, self._store_of, self._catalogue, self._folder = source, store_of, catalogue, folder
        self._feedback = feedback or FeedbackSource()
        self._lists_a_message = lists_a_message

    def run(self, request: PushRequest, report: Report = lambda _progress: None) -> PushOutcome:
        """Make a run, go on with one that was stopped, or say that it is done.

        Raises:
            InputError: the name cannot be used, or the pool is not known.
            ConflictError: a run of this name was asked for with other parameters, or another process makes one.
            NotReadyError: no index of patents is published.
        """
        check_name(request.name)
        stands = self._catalogue.pushes.get(request.name)
        if stands is not None and stands.inputs != request.digest():
            raise ConflictError(
                f"There is a run {request.name} with other parameters; choose another name.",
                f"已有名为 {request.name} 的推送批次，但参数不同，请另取名称。",
                code="push_run_differs",
            )
        if stands is not None and stands.status == "done":
            return PushOutcome(stands, already=True)
        with translated(), FileLock(self._folder / _LOCK, "making a push run", LockedError, request.name):
            return PushOutcome(self._make(request, report), already=False)

    def _make(self, request: PushRequest, report: Report) -> PushRun:
        served = self._served()
        files = PushFiles(self._folder / request.name)
        feedback = self._feedback.state()
        plan = files.begin(self._plan(request, served, feedback))
        began = datetime.fromisoformat(plan["started_at"])
        inputs, said = request.digest(), json.dumps(plan, ensure_ascii=False, sort_keys=True)  # as it is read again
        self._catalogue.pushes.begin(
            PushRun(name=request.name, status="running", inputs=inputs, manifest=said, started_at=began)
        )
        clock = StageClock(report)
        work = PushWork(self._catalogue, served, self._store_of(served.encoder), request, clock)
        work.gather(self._feedback.pool, feedback, began)
        arms = [work.lists(arm, rules, files) for arm, rules in work.arms()]
        entries = self._store(work, arms, files)
        clock(Progress("measure", 0, 1))
        manifest = plan | work.measured(arms, entries) | {"seconds": clock.seconds(), "peak_mb": peak_mb()}
        self._catalogue.pushes.finish(
            request.name,
            json.dumps(manifest, ensure_ascii=False, default=str),
            firms=int(sum(lists.chosen.any(1).sum() for lists, _ in arms)),
            entries=entries,
            messages=self._messages(request.name),
        )
        files.finish(manifest)
        done = self._catalogue.pushes.get(request.name)
        assert done is not None  # noqa: S101 - it was just written
        return done

    def _messages(self, run: str) -> list[NewMessage]:
        if self._lists_a_message is None:
            return []
        return announcement(run, self._catalogue.pushes.firms(run), self._lists_a_message)

    def _served(self) -> Served:
        served = self._source.fresh()
        if served is None:
            raise NotReadyError(
                "There is no index of patents to push from. Run: patmatch index build patents --publish",
                "没有可用的 patents 索引。请运行：patmatch index build patents --publish",
                code="no_index",
            )
        return served

    def _plan(self, request: PushRequest, served: Served, feedback: FeedbackState) -> dict[str, Any]:
        """What the run is made from: ``state`` is all that a run which goes on must find unchanged."""
        manifest = served.snapshot.manifest
        done = [run.name for run in self._catalogue.pushes.runs() if run.status == "done"]
        return {
            "name": request.name,
            "started_at": datetime.now(UTC).isoformat(),
            "versions": {name: version(name) for name in _VERSIONS},
            "state": {
                "parameters": json.loads(json.dumps(request.parameters(), default=str)),
                "snapshot": manifest.id,
                "encoder": manifest.encoder,
                "fingerprint": manifest.fingerprint,
                "catalogue": self._catalogue.identity(),
                "revision": self._catalogue.revision(),
                "feedback": feedback.digest(done),
                "calibration": {
                    arm: served.reading(shared_terms=rules.shared_terms).id for arm, rules in request.arms.items()
                },
            },
        }

    def _store(self, work: PushWork, arms: Sequence[tuple[ArmLists, Allocation]], files: PushFiles) -> int:
        """Put the lists into the catalogue, block by block; how many entries there are."""
        writer = ListWriter(work.patents["a"], work.firms)
        entries, done, total = 0, 0, sum(len(lists.firms) for lists, _ in arms)
        for lists, _ in arms:
            for name, firms, made in writer.blocks(lists):
                if not files.stored(name):
                    self._catalogue.pushes.write(work.request.name, firms, made)
                    files.mark_stored(name)
                entries, done = entries + sum(len(one.patent_ids) for one in made), done + len(firms)
                work.report(Progress("store", done, total))
        return entries
