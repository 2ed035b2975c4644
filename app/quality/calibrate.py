"""`patmatch calibrate`: judged pairs, asked as the service asks them, to a scale that is checked and then served."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from app.arrays import Ints
from app.builds.jobs import requester
from app.catalogue import Catalogue
from app.domain import AnyRecord, Kind, Query
from app.errors import InputError, JobError, NotFoundError, NotReadyError
from app.evaluation.calibration import (
    CalibrationCheck,
    Quality,
    mean_quality,
    quality,
    spread,
)
from app.evaluation.collection import Qrels, Words
from app.evaluation.files import read_qrels
from app.match.service import MatchLimits, MatchService
from app.progress import Progress, Report
from app.quality.evaluate import EvaluationService, asked_of
from app.quality.material import EvaluationFiles
from app.ranking.ordinal import (
    LEVELS,
    SEED,
    JudgedPairs,
    NoFitError,
    fit_scale,
    fold_of_each,
    held_out_probabilities,
)
from app.ranking.relevance import BUILT_IN_SCALES, Scale, cumulative_probabilities
from app.serving.calibrations import Calibration, CalibrationStore, RankingId, new_id
from app.serving.served import Serving
from app.serving.translation import translated
from index import Manifest, list_snapshots

REPEATS = 5
"""Cross-validations with folds drawn anew: one draw moves `level_score` by 0.001."""
ASKED_BY: Mapping[Kind, Kind] = {Kind.PATENTS: Kind.NEEDS, Kind.NEEDS: Kind.PATENTS, Kind.FIRMS: Kind.PATENTS}
"""Target -> whose records the query ids of a qrels file name where no queries file is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRelevance:
    """Judged pairs with the evidence that the service finds for them.

    Attributes:
        target: whose scores are calibrated.
        ranking: what gave the evidence.
        counts: what was left out: judgements of unknown ids, and pairs without an answer.
        digest: of the judgements; the same pairs with the same levels give the same.
    """

    target: Kind
    ranking: RankingId
    pairs: JudgedPairs
    counts: Mapping[str, int]
    digest: str


class CalibrationService:
    """Fits, checks, publishes and takes back calibrations.

    Args:
        evaluating: asks judged files as the service would.
        catalogue: the records that judgements name where there are no files.
        serving: the published indexes.
        limits: what one request may ask for.
        index_dir: where calibrations are stored.
    """

    def __init__(
        self,
        evaluating: EvaluationService,
        catalogue: Catalogue,
        serving: Serving,
        *,
        limits: MatchLimits,
        index_dir: Path,
    ) -> None:
        self._evaluating = evaluating
        self._catalogue = catalogue
        self._serving = serving
        self._limits = limits
        self._index_dir = index_dir

    def from_files(
        self, files: EvaluationFiles, target: Kind, *, report: Report = lambda _progress: None
    ) -> JudgedRelevance:
        """The evidence of judged files, on an index of their own.

        Rows of any target are indexed alike, since a record is found by its title and text whatever its kind. Queries
        that have both are asked by title and text, by text alone and by title alone, so that one scale holds for all.

        Raises:
            InputError: as `EvaluationService.evaluate`; the others likewise.
        """
        contents = self._evaluating.evaluate(files, all_ways=True, report=report)
        ranking = RankingId(str(contents.result.encoder["fingerprint"]), str(contents.result.snapshot["ranking"]))
        otherwise = [runs for way, runs in contents.asked.items() if way != "title_and_text"]
        evidence = [
            {run.query_id: {key: served.evidence for key, served in run.served.items()} for run in runs}
            for runs in (contents.runs, *otherwise)
        ]
        counts = {name: contents.result.counts[name] for name in ("unknown_pairs", "unserved_pairs")}
        return _joined(target, ranking, contents.qrels, evidence, contents.query_titles, counts)

    def from_catalogue(
        self, qrels_file: Path, target: Kind, *, report: Report = lambda _progress: None
    ) -> JudgedRelevance:
        """The evidence of judged records of the catalogue, on the published index.

        Raises:
            InputError: the file cannot be used, or names no record that is there.
            NotReadyError: nothing is published.
        """
        qrels = read_qrels(qrels_file).qrels
        self._serving.open()
        served = self._serving.indexes[target].fresh()
        if served is None:
            raise _nothing_published(target)
        shared_terms = self._limits.shared_terms
        ranking = RankingId(served.encoder.fingerprint, served.ranking(shared_terms=shared_terms))
        deepest = max(len(levels) for levels in qrels.values())
        limits = replace(self._limits, max_queries=1, max_k=max(1, deepest))
        matching = MatchService(indexes=self._serving.indexes, catalogue=self._catalogue, limits=limits)
        records = self._catalogue.get_many(ASKED_BY[target], list(qrels))
        ways: list[dict[str, dict[str, Sequence[float]]]] = [{}, {}, {}]
        for done, (key, levels) in enumerate(qrels.items(), 1):
            report(Progress("ask", done, len(qrels)))
            if key not in records:
                continue
            for way, query in zip(ways, _asked_in_each_way(records[key]), strict=False):
                result = asked_of(matching, query, target, tuple(levels))
                if result.error is None:
                    way[key] = {match.id: match.evidence.row for match in result.matches}
                elif not isinstance(result.error, NotFoundError):
                    raise result.error
        titles = {key: record.heading for key, record in records.items()}
        served_pairs = sum(map(len, ways[0].values()))
        counts = {"unknown_pairs": sum(map(len, qrels.values())) - served_pairs, "unserved_pairs": 0}
        return _joined(target, ranking, qrels, ways, titles, counts)

    def fit(self, judged: JudgedRelevance) -> tuple[Calibration, CalibrationCheck]:
        """The calibration of judged pairs, and how it does on pairs that it was not fitted to. Nothing is published.

        Raises:
            InputError: all levels are the same, or one need alone is judged.
        """
        pairs, ranking = judged.pairs, judged.ranking
        try:
            scale = fit_scale(pairs)
            check = self._checked(judged)
        except NoFitError as error:
            raise InputError(
                f"These judgements cannot be calibrated on: {error}. Bring judgements of different levels, of several "
                "needs.",
                "这些评判无法用于校准：等级或相关度全部相同，或只有一个需求。请提供多个需求、不同等级的评判。",
                code="cannot_calibrate",
            ) from error
        calibration = Calibration(
            id=new_id(judged.target),
            target=judged.target,
            ranking=ranking,
            scale=scale,
            fitted_at=datetime.now(UTC).isoformat(timespec="seconds"),
            by=requester(),
            material={
                "needs": check.needs,
                "pairs": len(pairs),
                "levels": {str(level): count for level, count in check.level_counts.items()},
                "judgements_sha256": judged.digest,
            },
            measures={"held_out": check.held_out.as_json(), "served_before": check.served.as_json()},
        )
        return calibration, check

    def publish(self, calibration: Calibration, check: CalibrationCheck, *, allow_worse: bool = False) -> None:
        """Put a calibration in force; running services take it up at their next look.

        Raises:
            JobError: held out, it is worse than what is served, and that was not allowed.
            IndexProblem: the disk does not take it.
        """
        objections = check.objections()
        if objections and not allow_worse:
            raise JobError(
                f"Not published: {'; '.join(one.en for one in objections)}. --allow-worse publishes it all the same.",
                f"未发布：{'；'.join(one.zh for one in objections)}。使用 --allow-worse 可强制发布。",
                code="not_better",
            )
        self._store(calibration.target).publish(calibration)

    def unused(self, calibration: Calibration) -> Words | None:
        """Why the published snapshot is not read by a calibration that is in force; ``None`` where it is."""
        manifest, made = self._manifest(calibration.target), calibration.ranking
        if manifest is None:
            return Words("no index is published yet", "尚未发布索引")
        asked = RankingId.of_manifest(manifest, shared_terms=self._limits.shared_terms)
        if asked == made:
            return None
        return Words(
            f"the published index is ranked by {asked.ranking} with encoder {asked.fingerprint[:12]}, this calibration "
            f"was made for {made.ranking} with {made.fingerprint[:12]}: it is kept until such an index is published",
            f"已发布的索引使用 {asked.ranking} 排序和模型 {asked.fingerprint[:12]}，本次校准适用于 {made.ranking} 和 "
            f"{made.fingerprint[:12]}；待发布相应索引后生效",
        )

    def rollback(self, target: Kind) -> str | None:
        """Put in force what was before for the published snapshot; ``None`` for the built-in scale.

        Raises:
            NotFoundError: no calibration was published for its encoder and ranking.
            NotReadyError: nothing is published.
        """
        return self._store(target).rollback(self._published(target))

    def reset(self, target: Kind) -> None:
        """Put the built-in scale in force for the published snapshot.

        Raises:
            NotReadyError: nothing is published.
        """
        self._store(target).reset(self._published(target))

    def _published(self, target: Kind) -> RankingId:
        manifest = self._manifest(target)
        if manifest is None:
            raise _nothing_published(target)
        return RankingId.of_manifest(manifest, shared_terms=self._limits.shared_terms)

    def _manifest(self, target: Kind) -> Manifest | None:
        """Of the published snapshot; ``None`` where there is none that can be read."""
        with translated():
            snapshots = list_snapshots(self._index_dir, target.value)
        return next((entry.manifest for entry in snapshots if entry.current), None)

    def _store(self, target: Kind) -> CalibrationStore:
        return CalibrationStore(self._index_dir, target)

    def _checked(self, judged: JudgedRelevance) -> CalibrationCheck:
        pairs, shelf = judged.pairs, self._store(judged.target).read()
        reading = shelf.reading(judged.ranking, self._manifest(judged.target))
        in_force = shelf.usable.get(reading.id)
        seen = in_force is not None and in_force.material.get("judgements_sha256") == judged.digest
        cut = [fold_of_each(pairs.groups, seed=SEED + repeat) for repeat in range(REPEATS)]
        if len(np.unique(cut[0])) < 2:  # nothing is left to fit to
            raise NoFitError("one need alone is judged")
        said = [held_out_probabilities(pairs, fold) for fold in cut]
        folds = [
            quality(one[fold == n], pairs.levels[fold == n])
            for one, fold in zip(said, cut, strict=True)
            for n in np.unique(fold)
        ]
        base_rates, commonest = zip(*(_without_evidence(pairs, fold) for fold in cut), strict=True)
        return CalibrationCheck(
            held_out=mean_quality([quality(p, pairs.levels) for p in said]),
            folds=folds,
            fold_spread=spread(folds),
            served=_by_scale(pairs, reading.scale),
            served_by=reading.id,
            built_in=_by_scale(pairs, BUILT_IN_SCALES[judged.ranking.ranking]),
            base_rate=mean_quality(base_rates),
            commonest=mean_quality(commonest),
            probabilities=said[0],
            levels=pairs.levels,
            needs=len(set(pairs.groups)),
            seen=seen,
        )


def _asked_in_each_way(record: AnyRecord) -> Iterator[Query]:
    """A record as it is stored, and one that has title and text by its text alone and its title alone."""
    yield Query(id=record.id, record_kind=record.kind, record_id=record.id)
    if len(record.text_parts) == 2:
        title, text = record.text_parts
        yield Query(id=record.id, text=text)
        yield Query(id=record.id, text=title)


def _joined(
    target: Kind,
    ranking: RankingId,
    qrels: Qrels,
    ways: Sequence[Mapping[str, Mapping[str, Sequence[float]]]],
    titles: Mapping[str, str],
    counts: Mapping[str, int],
) -> JudgedRelevance:
    """Judgements and evidence as arrays, a row for each way of asking; needs of one title are one group of a split."""
    rows = [
        (
            way[key][doc],
            level,
            _group(titles.get(key) or key),
            f"{key}\t{doc}\t{level}",
            f"{number} {key}",
        )
        for number, way in enumerate(ways)
        for key, levels in qrels.items()
        for doc, level in levels.items()
        if doc in way.get(key, {})
    ]
    if not rows:
        raise InputError(
            "No judged pair has an answer: the ids of the judgements are not those of the records that are there.",
            "没有任何评判对得到结果：评判中的编号与现有记录不一致。",
            code="no_known_judgement",
        )
    values, levels, groups, lines, questions = zip(*rows, strict=True)
    digest = hashlib.sha256("\n".join(sorted(set(lines))).encode()).hexdigest()
    pairs = JudgedPairs.of(values, levels, groups, questions)
    return JudgedRelevance(target=target, ranking=ranking, pairs=pairs, counts=dict(counts), digest=digest)


def _group(title: str) -> str:
    """What needs of one title have in common."""
    return " ".join(title.split()).casefold()


def _by_scale(pairs: JudgedPairs, scale: Scale) -> Quality:
    return quality(cumulative_probabilities(pairs.logits(scale), scale), pairs.levels)


def _without_evidence(pairs: JudgedPairs, fold: Ints) -> tuple[Quality, Quality]:
    """How good the shares of the levels among the pairs outside a pair's fold are, and the commonest level there."""
    shares = np.zeros((len(pairs), len(LEVELS) - 1))
    commonest = np.zeros(len(pairs), dtype=np.int64)
    for one in np.unique(fold):
        others = pairs.levels[fold != one]
        shares[fold == one] = [(others >= level).mean() for level in LEVELS[1:]]
        commonest[fold == one] = np.bincount(others).argmax()
    return quality(shares, pairs.levels), quality(shares, pairs.levels, commonest)


def _nothing_published(target: Kind) -> NotReadyError:
    return NotReadyError(
        f"There is no index of {target} to ask. Run: patmatch index build {target} --publish",
        f"没有可用的 {target} 索引。请运行：patmatch index build {target} --publish",
        code="no_index",
    )
