"""Fine-tune the encoder on judged queries, and publish it only where held-out queries find it better as served."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from app.catalogue import Catalogue
from app.errors import JobError, UsageError
from app.progress import Progress, Report
from app.quality.material import EvaluationFiles, EvaluationMaterial, catalogue_material
from app.quality.model_card import Compared, Fold, Outcome, model_card
from app.quality.train_material import Corpus, Need, folds, hard_negatives, judged_needs, passages, split
from app.quality.train_measures import RANKINGS, Answer, HeldOut, Rows, differences, level_score, means, score
from app.serving.encoders import EncoderSpec
from app.serving.translation import translated
from models import Encoder, ModelSource, Prefixes
from models.training import Check, FineTuner
from models.training_data import TuningOptions

REPORT = "training.json"
"""The file of a trained model that describes for programs how it was made; README.md does for people."""

UNJUDGED = 4_000
"""Passages without a judgement to search among: every check embeds them, so it cannot be the whole catalogue."""

_MINED = 20
"""Hard negatives of a query; each step draws a few of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """What training shares with the service in force.

    Attributes:
        models_dir: where prepared models are.
        index_dir: where the published snapshots are.
        spec_of: the encoder that a source names, with the prefixes in force; the configured one for ``None``.
        centre_from: passages from which on held-out queries are measured in centred space, as they are served.
        neighbours_from: passages from which on each is seen with its nearest neighbours.
        shared_terms: whether shared terms rank too.
    """

    models_dir: Path
    index_dir: Path
    spec_of: Callable[[str | None], EncoderSpec]
    centre_from: int
    neighbours_from: int
    shared_terms: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRequest:
    """What is trained, and on what.

    Attributes:
        judged: corpus, queries and judgements, as an evaluation takes them; or judgements alone, of needs and patents
            of the catalogue.
        out: the folder that is made; ``None`` to measure by folds and make none.
        base: source of the model to begin with; the configured one for ``None``.
        tuning: how it is trained.
        holdout: share of the needs that is held out, to decide when to stop and whether the model is better.
        folds: instead of that, train so many times with another part held out, and at last on all needs.
        unjudged: passages without a judgement to search among, at most.
        allow_worse: write the model even where it is not better.
    """

    judged: EvaluationFiles | Path
    out: Path | None
    base: str | None = None
    tuning: TuningOptions
    holdout: float = 0.2
    folds: int = 0
    unjudged: int = UNJUDGED
    allow_worse: bool = False


class TrainingService:
    """Trains encoders. Published indexes, the catalogue and the configured model are not touched.

    Args:
        catalogue: the records that judgements name where there are no files.
        settings: what training shares with the service in force.
    """

    def __init__(self, catalogue: Catalogue, settings: TrainingSettings) -> None:
        self._catalogue = catalogue
        self._settings = settings

    def train(
        self,
        request: TrainingRequest,
        *,
        report: Report = lambda _progress: None,
        on_fold: Callable[[Fold], None] = lambda _fold: None,
    ) -> Outcome:
        """Train, measure on held-out needs, and write the model where it is better than its base.

        Args:
            request: what is trained, and on what.
            report: receives the progress.
            on_fold: receives each fold once it is measured.

        Raises:
            UsageError: something is at ``out`` already, there is none without folds, or the base names no model.
            InputError: a file cannot be used, or it has too few judged needs.
            NotReadyError: judgements of the catalogue, and no index of patents is published.
            ModelProblem: the base cannot be loaded or cannot learn from these judgements.
            JobError: the model is not better than its base (code ``not_better``), or cannot be written.
        """
        began = perf_counter()
        _refuse(request)
        seed = request.tuning.seed
        material = self._material(request)
        texts = passages(material)
        needs = judged_needs(material, texts)
        groups = folds(needs, request.folds, seed) if request.folds else [split(needs, request.holdout, seed)[1]]
        corpus = Corpus.of(material, texts, request.unjudged, seed)
        held_out = HeldOut(
            corpus,
            centre_from=self._settings.centre_from,
            neighbours_from=self._settings.neighbours_from,
            shared_terms=self._settings.shared_terms,
        )
        with translated():
            name, tuner = self._base(request)
            report(Progress("measure the base", 0, len(needs)))
            base = held_out.answers(tuner.encoder, needs)
            learned = _with_negatives(base, material, texts) if request.tuning.negatives else needs
            trial = _Trial(tuner, learned, held_out, base, report)
            whole = request.out is not None
            found = trial.folded(groups, on_fold, whole=whole) if request.folds else trial.single(groups[0])
            judged_by = {"folds": request.folds} if request.folds else {"holdout": request.holdout}
            outcome = replace(
                found,
                counts={**_counts(needs, groups, learned), "passages": len(corpus.ids)},
                options={**judged_by, "unjudged": request.unjudged, **request.tuning.as_json()},
                base={
                    "name": name,
                    "fingerprint": tuner.encoder.fingerprint,
                    "trained_parameters": tuner.trained_parameters,
                },
                seconds=round(perf_counter() - began, 1),
            )
            if request.out is not None:
                if not outcome.better and not request.allow_worse:
                    raise _not_better(outcome)
                _write(tuner, request.out, outcome)
        return outcome

    def _material(self, request: TrainingRequest) -> EvaluationMaterial:
        if isinstance(request.judged, EvaluationFiles):
            return EvaluationMaterial.read(request.judged)
        unjudged, seed = request.unjudged, request.tuning.seed
        return catalogue_material(
            request.judged, self._catalogue, self._settings.index_dir, unjudged=unjudged, seed=seed
        )

    def _base(self, request: TrainingRequest) -> tuple[str, FineTuner]:
        """The model to begin with, and its name: not its path, since where it lies on this machine is private."""
        spec = self._settings.spec_of(request.base)
        folder = ModelSource.parse(spec.source).folder_for(self._settings.models_dir)
        prefixes = Prefixes(query=spec.query_prefix, passage=spec.passage_prefix)
        return folder.name, FineTuner(folder, request.tuning, prefixes)


class _Trial:
    """Trains with some needs held out, once or in folds."""

    def __init__(
        self, tuner: FineTuner, needs: Sequence[Need], held_out: HeldOut, base: Sequence[Answer], report: Report
    ) -> None:
        self._tuner = tuner
        self._needs = needs
        self._held_out = held_out
        self._base = {answer.need.id: answer.rows() for answer in base}
        self._report = report

    def single(self, held: Sequence[Need]) -> Outcome:
        """Train on the others and keep the weights that these find best."""
        checks, tables = self._train("train", held)
        chosen = _best(checks)
        return _outcome(checks, tables[0], tables[chosen], checks[chosen].step)

    def folded(self, groups: Sequence[Sequence[Need]], on_fold: Callable[[Fold], None], *, whole: bool) -> Outcome:
        """Train once a group with it held out; then on all, as long as was best over all groups together.

        Only that length is chosen by the needs that judge, so the measures are as good as those of new needs.
        """
        trials = []
        for place, held in enumerate(groups, start=1):
            trials.append(self._train(f"fold {place}", held))
            on_fold(_fold(trials[-1][1], len(trials[-1][1]) - 1))
        length = min(len(checks) for checks, _ in trials)
        pooled = [[row for _, tables in trials for row in tables[place]] for place in range(length)]
        checks = [
            Check(trials[0][0][place].step, score(means(rows), means(pooled[0])), means(rows))
            for place, rows in enumerate(pooled)
        ]
        chosen = _best(checks)
        everything = [need.judged for need in self._needs]
        # Folds are smaller than the whole: as many checks far, not as many steps.
        steps = chosen * self._tuner.check_every(everything)
        if whole:
            self._tuner.train(everything, None, steps=steps, report=self._reporter("train on all"))
        found = _outcome(checks, pooled[0], pooled[chosen], steps)
        return replace(found, folds=tuple(_fold(tables, chosen) for _, tables in trials))

    def _train(self, stage: str, held: Sequence[Need]) -> tuple[list[Check], list[list[Rows]]]:
        """Every check, and the held-out needs' own measures at each."""
        away = {need.id for need in held}
        tables = [[self._base[need.id] for need in held]]
        asked = iter([True])

        def measure(encoder: Encoder) -> tuple[float, Mapping[str, float]]:
            if not next(asked, False):  # the base was measured before
                tables.append([answer.rows() for answer in self._held_out.answers(encoder, held)])
            found = means(tables[-1])
            return score(found, means(tables[0])), found

        queries = [need.judged for need in self._needs if need.id not in away]
        return self._tuner.train(queries, measure, report=self._reporter(stage)), tables

    def _reporter(self, stage: str) -> Callable[[int, int], None]:
        return lambda done, total: self._report(Progress(stage, done, total))


def _with_negatives(base: Sequence[Answer], material: EvaluationMaterial, texts: Mapping[str, str]) -> list[Need]:
    """The needs with what the base finds near them and nobody judged."""
    needs = []
    for answer in base:
        negatives = hard_negatives(answer.served, material.known.qrels, texts, _MINED)
        needs.append(replace(answer.need, judged=replace(answer.need.judged, negatives=negatives)))
    return needs


def _best(checks: Sequence[Check]) -> int:
    """The place of the best check after the base's own."""
    return max(range(1, len(checks)), key=lambda place: checks[place].score)


def _fold(tables: Sequence[Sequence[Rows]], chosen: int) -> Fold:
    return Fold(needs=len(tables[0]), before=means(tables[0]), after=means(tables[chosen]))


def _outcome(checks: Sequence[Check], before: Sequence[Rows], after: Sequence[Rows], steps: int) -> Outcome:
    served, vectors = (
        Compared(means(before, ranking), means(after, ranking), differences(before, after, ranking))
        for ranking in RANKINGS
    )
    return Outcome(
        better=checks[_best(checks)].score > checks[0].score,
        steps=steps,
        checks=tuple(checks),
        served=served,
        vectors=vectors,
        level_scores=(level_score(before), level_score(after)),
    )


def _counts(needs: Sequence[Need], groups: Sequence[Sequence[Need]], learned: Sequence[Need]) -> dict[str, int]:
    levels = Counter(level for need in needs for level in need.judged.levels)
    return {
        "needs": len(needs),
        "held_out_needs": sum(map(len, groups)),
        "judged_pairs": levels.total(),
        **{f"level_{level}": levels[level] for level in (4, 3, 2, 1)},
        "hard_negatives": sum(len(need.judged.negatives) for need in learned),
    }


def _refuse(request: TrainingRequest) -> None:
    """Fail before the work, not after it."""
    out = request.out
    if out is None:
        if not request.folds:
            raise UsageError("give --out, or --folds to measure only", "请提供 --out；若只评测，请使用 --folds")
        return
    refuse_taken(out)


def refuse_taken(out: Path) -> None:
    """Fail where nothing could be written at the end.

    Raises:
        UsageError: something is at ``out`` already.
        JobError: no folder can be made there.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(
            f"there is something at {out.name} already; name a new folder", f"{out.name} 已存在；请指定新的文件夹"
        )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(out, error) from error


def _write(tuner: FineTuner, out: Path, outcome: Outcome) -> None:
    files = {
        "README.md": model_card(outcome),
        REPORT: json.dumps(outcome.as_json(), ensure_ascii=False, indent=2) + "\n",
    }
    try:
        tuner.save(out, files)
    except OSError as error:
        raise unwritable(out, error) from error


def unwritable(out: Path, error: OSError) -> JobError:
    """The error for a folder that cannot be written."""
    reason = error.strerror or str(error)
    return JobError(f"cannot write the folder {out.name}: {reason}", f"无法写入文件夹 {out.name}：{reason}")


def _not_better(outcome: Outcome) -> JobError:
    served = outcome.served
    shown = ", ".join(f"{name} {served.before[name]:.4f} -> {after:.4f}" for name, after in served.after.items())
    return JobError(
        f"no model was written: on held-out needs, as they are served, the trained one is not better than its base "
        f"({shown}). Bring more judgements or other options; --allow-worse writes it all the same.",
        f"未写入模型：在留出的需求上，按实际排序方式，训练后的模型不优于原模型（{shown}）。"
        "请增加评判或更换选项；使用 --allow-worse 可强制写入。",
        code="not_better",
    )
