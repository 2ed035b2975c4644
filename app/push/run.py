"""The push run: who is asked for, what is near, what each is shown, and where that is kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from app.arrays import Ints
from app.catalogue import Catalogue, NewMessage
from app.catalogue import PushRun as PushRun
from app.domain import Kind
from app.errors import ConflictError, NotReadyError
from app.feedback.pools import PoolService
from app.feedback.service import OutreachService
from app.match.service import IndexSource
from app.progress import Progress, Report, StageClock, peak_mb
from app.push.allocation.allocate import Allocation
from app.push.candidates import CandidateMaker, CandidateRun, PushCandidates, TailFinder
from app.push.firms import AskedVectors, PushFirms, push_firms
from app.push.lists import ArmLists, ListWriter, allocated, firm_ranks, measured, shared_out
from app.push.messages import announcement
from app.push.patents import (
    FeedbackState,
    PushExclusions,
    PushPatents,
    passing_any,
    push_patents,
    ranked_rows,
)
from app.push.rules import PushRequest, PushRules, check_name
from app.ranking.relevance import score_floor
from app.serving.embedding import Embedder
from app.serving.served import Served
from app.serving.translation import check_columns, conditions_of, translated
from index import FileLock, LockedError, VectorStore
from index.arrays import read_bundle, write_bundle
from index.durable import failpoint, make_directory, replace_file, sync_directory
from models import Encoder

DAYS_A_MONTH = 30.44
_LOCK = "push.lock"
_VERSIONS = ("patmatch", "numpy", "torch", "faiss-cpu")
_PLAN, _MANIFEST = "plan.json", "manifest.json"


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
        lists_a_message: firms whose lists one message to the webhook tells; ``None`` where there is no webhook.
    """

    def __init__(
        self,
        source: IndexSource,
        store_of: Callable[[Encoder], VectorStore],
        catalogue: Catalogue,
        folder: Path,
        lists_a_message: int | None = None,
    ) -> None:
        self._source, self._store_of, self._catalogue, self._folder = source, store_of, catalogue, folder
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
        outreach = OutreachService(self._catalogue)
        feedback = FeedbackState(outreach.opted_out(), tuple(sorted(outreach.rejected_pairs())))
        plan = files.begin(self._plan(request, served, feedback))
        began = datetime.fromisoformat(plan["started_at"])
        inputs, said = request.digest(), json.dumps(plan, ensure_ascii=False, sort_keys=True)  # as it is read again
        self._catalogue.pushes.begin(
            PushRun(name=request.name, status="running", inputs=inputs, manifest=said, started_at=began)
        )
        clock = StageClock(report)
        work = PushWork(self._catalogue, served, self._store_of(served.encoder), request, clock)
        work.gather(feedback, began)
        arms = [work.lists(arm, rules, files) for arm, rules in work.arms()]
        entries = self._store(work, arms, files)
        clock(Progress("measure", 0, 1))
        manifest = (
            plan
            | measured(request, work.patents, work.firms, arms, entries)
            | {"seconds": clock.seconds(), "peak_mb": peak_mb()}
        )
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


class PushWork:
    """One run being made. The patents of each arm differ in what passes."""

    patents: dict[str, PushPatents]
    firms: PushFirms

    def __init__(
        self, catalogue: Catalogue, served: Served, store: VectorStore, request: PushRequest, report: Report
    ) -> None:
        self._catalogue, self._served, self._store = catalogue, served, store
        self.request, self.report = request, report
        self._excluded = np.empty(0, dtype=np.int64)

    def gather(self, feedback: FeedbackState, now: datetime) -> None:
        """Read patents and firms, embed what has no vector yet, and learn what is not pushed."""
        request = self.request
        conditions = conditions_of(request.patents)
        if request.pool is not None:
            conditions += conditions_of(PoolService(self._catalogue).filter(request.pool))
        check_columns(conditions, Kind.PATENTS, self._served.index_state.snapshot)
        rules = list(request.arms.values())
        patents = push_patents(self._catalogue, self._served.index_state, rules, conditions, self.report)
        self.patents = dict(zip(request.arms, patents, strict=True))
        embedder = Embedder(self._served.encoder, self._store)
        self.firms = push_firms(self._catalogue, embedder, request, feedback.opted_out, self.report)
        exclusions = PushExclusions(self.patents["a"], passing_any(patents), self.firms)
        exclusions.reject(feedback.rejected)
        months = {arm: rules.months for arm, rules in request.arms.items()}
        since = {arm: now - timedelta(days=DAYS_A_MONTH * count) for arm, count in months.items()}
        exclusions.pushed(self._catalogue, request.name, since)
        self._excluded = exclusions.keys

    def arms(self) -> list[tuple[str, PushRules]]:
        """The arms with their rules; a cap holds over both."""
        if self.request.compare is None:
            return [("a", self.request.rules)]
        share = self.firms.arms.count("a") / max(1, len(self.firms.arms))
        return [
            ("a", shared_out(self.request.rules, share, first=True)),
            ("b", shared_out(self.request.compare, share, first=False)),
        ]

    def lists(self, arm: str, rules: PushRules, files: PushFiles) -> tuple[ArmLists, Allocation]:
        """An arm's lists: what was kept of them, or made now."""
        mine = np.flatnonzero(np.array(self.firms.arms) == arm).astype(np.int64)
        scale = self._served.reading(shared_terms=rules.shared_terms).scale
        found = files.candidates(arm)
        if found is None:
            found = self._found(arm, mine, rules, files)
            files.keep_candidates(arm, found)
        made = files.allocation(arm)
        if made is None:
            self.report(Progress("allocate", 0, 1))
            made = allocated(self.patents[arm], found, rules, scale, self.request.seed)
            files.keep_allocation(arm, made)
            self.report(Progress("allocate", 1, 1))
        lists = ArmLists(
            arm=arm,
            firms=mine,
            found=found,
            chosen=made.chosen,
            placed=made.placed,
            rules=rules,
            ranks=firm_ranks(found),
            scale=scale,
        )
        return lists, made

    def _found(self, arm: str, firms: Ints, rules: PushRules, files: PushFiles) -> PushCandidates:
        """The candidates of an arm's firms."""
        run = CandidateRun(
            served=self._served,
            patents=self.patents[arm],
            firms=self.firms,
            vectors=AskedVectors(self.firms.queries, self._store, self._served.state.space),
            rows=ranked_rows(self._served.index_state, files.join("vectors"), self.report),
            excluded=self._excluded,
        )
        maker = CandidateMaker(run, rules, files.join(arm), self.report)
        found = maker.make(firms)
        if rules.floor:
            finder = TailFinder(maker, rules, files.join(arm), self.report)
            fair_from = score_floor(rules.fair_level.grade, maker.scorer.scale)
            asked = [n for n, firm in enumerate(self.firms.owners) if self.firms.arms[firm] == arm]
            found = finder.added(found, firms, np.array(asked, dtype=np.int64), fair_from)
        return found


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
        failpoint("push.planned")
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
        failpoint("push.stored")

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
        failpoint(f"push.{name.partition('-')[0]}")

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            said: dict[str, Any] = json.loads((self.folder / name).read_text(encoding="utf8"))
        except (FileNotFoundError, ValueError):
            return None
        return said


def _json(said: dict[str, Any]) -> bytes:
    return json.dumps(said, ensure_ascii=False, indent=1, sort_keys=True, default=str).encode()
