"""The push run: who is asked for, what is near, what each is shown, and where that is kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from app.arrays import Ints, Mask
from app.catalogue import Catalogue, NewMessage
from app.catalogue import PushRun as PushRun
from app.domain import Filter
from app.errors import ConflictError, InputError, NotReadyError
from app.match.service import IndexSource
from app.progress import Progress, Report, StageClock, peak_mb
from app.push.allocation.allocate import Allocation
from app.push.allocation.lists import Exposure, exposure_of
from app.push.candidates import CandidateMaker, CandidateRun, PushCandidates
from app.push.exclusions import FeedbackSource, FeedbackState, PushExclusions
from app.push.files import PushFiles
from app.push.firms import AskedVectors, PushFirms, WhoIsAsked, arm_by, push_firms
from app.push.lists import ArmLists, ListWriter, allocated, firm_ranks, shared_out, trade_off
from app.push.messages import announcement
from app.push.patents import PushPatents, push_patents, ranked_rows
from app.push.rules import PushRequest, PushRules, check_name
from app.push.tail import ScarceFinder
from app.ranking.relevance import score_floor
from app.serving.embedding import Embedder
from app.serving.served import Served
from app.serving.translation import conditions_of, translated
from index import FileLock, JoinProgress, LockedError, VectorStore
from models import Encoder

DAYS_A_MONTH = 30.44
_LOCK = "push.lock"
_VERSIONS = ("patmatch", "numpy", "torch", "faiss-cpu")
_EXAMPLES = 5


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
        source: IndexSource,
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

    def gather(self, pool: Callable[[str], Filter] | None, feedback: FeedbackState, now: datetime) -> None:
        """Read patents and firms, embed what has no vector yet, and learn what is not pushed."""
        request = self.request
        conditions = conditions_of(request.patents)
        if request.pool is not None:
            if pool is None:
                raise InputError("There are no saved pools.", "没有已保存的筛选池。", code="no_pool")
            conditions += conditions_of(pool(request.pool))
        rules = list(request.arms.values())
        patents = push_patents(self._catalogue, self._served.view, rules, conditions, self.report)
        self.patents = dict(zip(request.arms, patents, strict=True))
        who = WhoIsAsked(
            rules=request.arms,
            conditions=conditions_of(request.firms),
            arm_of=arm_by(request.seed, compared=request.compare is not None),
            skipped=feedback.opted_out,
        )
        self.firms = push_firms(self._catalogue, Embedder(self._served.encoder, self._store), who, self.report)
        exclusions = PushExclusions(self.patents["a"], self.passing, self.firms)
        exclusions.reject(feedback.rejected)
        months = {arm: rules.months for arm, rules in request.arms.items()}
        since = {arm: now - timedelta(days=DAYS_A_MONTH * count) for arm, count in months.items()}
        exclusions.pushed(self._catalogue, request.name, since)
        self._excluded = exclusions.keys

    @property
    def passing(self) -> Mask:
        """Bool ``[n]``: patents that an arm may push."""
        passing: Mask = np.logical_or.reduce([patents.passing for patents in self.patents.values()])
        return passing

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
            rows=ranked_rows(self._served.view, files.join("vectors"), self.report),
            excluded=self._excluded,
        )
        maker = CandidateMaker(run, rules, files.join(arm), self.report)
        found = maker.make(firms)
        if rules.floor:
            finder = ScarceFinder(maker, rules, files.join(arm), self._progress)
            fair_from = score_floor(rules.fair_level.grade, maker.scorer.scale)
            asked = [n for n, firm in enumerate(self.firms.owners) if self.firms.arms[firm] == arm]
            found = finder.added(found, firms, np.array(asked, dtype=np.int64), fair_from)
        return found

    def _progress(self, progress: JoinProgress) -> None:
        self.report(Progress("scarce", progress.done, progress.total))

    def measured(self, arms: Sequence[tuple[ArmLists, Allocation]], entries: int) -> dict[str, Any]:
        """What the run measured of itself."""
        passing = self.passing
        counts = np.zeros(len(passing), dtype=np.int64)
        plain = np.zeros_like(counts)
        for lists, _ in arms:
            counts += np.bincount(lists.found.patents[lists.chosen], minlength=len(counts))
            first = lists.found.patents[:, : self.request.arms[lists.arm].k]
            plain += np.bincount(first[first >= 0], minlength=len(counts))
        return {
            "firms": len(self.firms.ids),
            "firms_without_text": len(self.firms.without),
            "patents": int(passing.sum()),
            "entries": entries,
            "exposure": _exposure(exposure_of(counts[passing])),
            "exposure_plain": _exposure(exposure_of(plain[passing])),
            "short": self._short(arms),
            "curve": trade_off(self.patents["a"], arms[0][0], self.request.rules) if self.request.curve else None,
            "arms": {lists.arm: _arm(lists, made) for lists, made in arms},
        }

    def _short(self, arms: Sequence[tuple[ArmLists, Allocation]]) -> dict[str, Any]:
        """Firms with fewer places filled than there are, by what left them so few, with some of their ids."""
        found: dict[str, list[str]] = {"no_text": list(self.firms.without)}
        silent = set(self.firms.without)
        for (lists, _), (_, rules) in zip(arms, self.arms(), strict=True):
            chosen, candidates = lists.chosen.sum(1), (lists.found.patents >= 0).sum(1)
            for row in np.flatnonzero(chosen < rules.k).tolist():
                firm_id = self.firms.ids[lists.firms[row]]
                if firm_id not in silent:
                    few = "too_few_candidates" if candidates[row] < rules.k else "limits"
                    why = few if lists.found.near[row] else "nothing_near"
                    found.setdefault(why, []).append(firm_id)
        return {why: {"firms": len(ids), "examples": ids[:_EXAMPLES]} for why, ids in found.items() if ids}


def _exposure(found: Exposure) -> dict[str, Any]:
    return asdict(found) | {"histogram": {str(times): count for times, count in found.histogram.items()}}


def _arm(lists: ArmLists, made: Allocation) -> Mapping[str, Any]:
    return {
        "firms": len(lists.firms),
        "recall@20": round(lists.found.recall, 5),
        "certified": round(lists.found.certified, 5),
        "value": made.value,
        "free_value": made.free_value,
        "bound": made.bound,
        "gap": round(made.gap, 6),
        "floors_missed": made.missed,
        "rounds": made.rounds,
    }
