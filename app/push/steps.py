"""One push run being made: what it is about, and the lists of each of its arms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from app.arrays import Ints, Mask
from app.catalogue import Catalogue
from app.catalogue import PushRun as PushRun
from app.domain import Filter
from app.errors import InputError
from app.progress import Progress, Report
from app.push.allocation.allocate import Allocation
from app.push.allocation.exposure import Exposure, exposure_of
from app.push.candidates import CandidateMaker, CandidateRun, PushCandidates
from app.push.exclusions import FeedbackState, PushExclusions
from app.push.files import PushFiles
from app.push.firms import AskedVectors, PushFirms, WhoIsAsked, arm_by, push_firms
from app.push.lists import ArmLists, allocated, firm_ranks, shared_out, trade_off
from app.push.patents import PushPatents, push_patents, ranked_rows
from app.push.rules import PushRequest, PushRules
from app.push.tail import ScarceFinder
from app.ranking.levels import score_floor
from app.serving.embedding import Embedder
from app.serving.filters import conditions_of
from app.serving.served import Served
from index import JoinProgress, VectorStore

DAYS_A_MONTH = 30.44
_EXAMPLES = 5


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
