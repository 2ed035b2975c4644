"""Fine-tune the encoder on judged queries, and publish it only where held-out queries find it better."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from app.errors import JobError, UsageError
from app.services.embedding import Progress, Report
from app.services.encoders import EncoderSpec
from app.services.evaluating import EvaluationService
from app.services.evaluation_material import EvaluationFiles, EvaluationMaterial
from app.services.failures import translated
from app.services.training_card import Outcome, model_card
from app.services.training_material import Need, folds, hard_negatives, judged_needs, passages, split
from app.services.training_measures import HeldOut, Rows, differences, means, score
from models import Encoder, ModelSource, Prefixes
from models.training import Check, FineTuner
from models.training_data import JudgedQuery, TuningOptions

REPORT = "training.json"
"""The file of a trained model that says how it was made, for programs; README.md says it to people."""

_MINED = 20
"""Hard negatives kept of a query; each step draws a few of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """What training shares with the service in force.

    Attributes:
        models_dir: where prepared models are.
        spec_of: the encoder that a source names, with the prefixes in force; the configured one for ``None``.
        centre_from: passages from which on held-out queries are measured in centred space, as they are served.
    """

    models_dir: Path
    spec_of: Callable[[str | None], EncoderSpec]
    centre_from: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRequest:
    """What is trained, and on what.

    Attributes:
        files: corpus, queries and judgements, as an evaluation takes them.
        out: the folder that is made.
        base: source of the model to begin with; the configured one for ``None``.
        tuning: how it is trained.
        holdout: share of the needs that is held out to stop on and to judge by.
        folds: instead of that, train so many times with another part held out, and at last on all needs.
        allow_worse: write the model even where it is not better.
    """

    files: EvaluationFiles
    out: Path
    base: str | None = None
    tuning: TuningOptions
    holdout: float = 0.2
    folds: int = 0
    allow_worse: bool = False


class TrainingService:
    """Trains encoders. Published indexes, the catalogue and the configured model are not touched.

    Args:
        evaluating: what is near each need is what an evaluation of the base finds.
        settings: what the service in force would use.
    """

    def __init__(self, evaluating: EvaluationService, settings: TrainingSettings) -> None:
        self._evaluating = evaluating
        self._settings = settings

    def train(self, request: TrainingRequest, *, report: Report = lambda _progress: None) -> Outcome:
        """Train, measure on held-out needs, and write the model where it is better than its base.

        Raises:
            UsageError: something is at ``out`` already, or the base names no model.
            InputError: a file cannot be used, or it has too few judged needs.
            ModelProblem: the base cannot be loaded or cannot learn from these judgements.
            JobError: the model is not better than its base (code ``not_better``), or cannot be written.
        """
        began = perf_counter()
        _refuse_taken(request.out)
        material = EvaluationMaterial.read(request.files)
        texts = passages(material)
        needs = judged_needs(material, texts)
        groups = (
            folds(needs, request.folds, request.tuning.seed)
            if request.folds
            else [split(needs, request.holdout, request.tuning.seed)[1]]
        )
        learned = self._with_negatives(request, material, needs, texts, report)
        with translated():
            tuner = self._tuner(request)
            trial = _Trial(tuner, learned, HeldOut(material, texts, self._settings.centre_from), report)
            found = trial.folded(groups) if request.folds else trial.single(groups[0])
            outcome = replace(
                found,
                counts=_counts(needs, groups, learned),
                options=_options(request),
                base=self._named(request, tuner),
            )
            outcome = replace(outcome, seconds=round(perf_counter() - began, 1))
            if not outcome.better and not request.allow_worse:
                raise _not_better(outcome)
            _write(tuner, request.out, outcome)
        return outcome

    def _tuner(self, request: TrainingRequest) -> FineTuner:
        spec = self._spec(request)
        folder = ModelSource.parse(spec.source).folder_for(self._settings.models_dir)
        return FineTuner(folder, request.tuning, Prefixes(query=spec.query_prefix, passage=spec.passage_prefix))

    def _spec(self, request: TrainingRequest) -> EncoderSpec:
        with translated():
            return self._settings.spec_of(request.base)

    def _named(self, request: TrainingRequest, tuner: FineTuner) -> dict[str, Any]:
        source = ModelSource.parse(self._spec(request).source)
        # A folder is called by its name: where it lies on this machine is nobody's business.
        name = source.folder_for(self._settings.models_dir).name
        return {"name": name, "fingerprint": tuner.base_fingerprint, "trained_parameters": tuner.trained_parameters}

    def _with_negatives(
        self,
        request: TrainingRequest,
        material: EvaluationMaterial,
        needs: Sequence[Need],
        texts: Mapping[str, str],
        report: Report,
    ) -> list[Need]:
        """The needs with what the base's index finds near them and nobody judged."""
        if not request.tuning.negatives or not request.tuning.contrast:
            return list(needs)
        source = self._spec(request).source
        (found,) = self._evaluating.compare(request.files, [source], report=report)
        runs = {run.query_id: run for run in found.runs}
        return [
            replace(
                need,
                judged=replace(
                    need.judged, negatives=hard_negatives(runs[need.id], material.known.qrels, texts, _MINED)
                ),
            )
            for need in needs
        ]


class _Trial:
    """Trains with some needs held out, once or in folds."""

    def __init__(self, tuner: FineTuner, needs: Sequence[Need], held_out: HeldOut, report: Report) -> None:
        self._tuner = tuner
        self._needs = needs
        self._held_out = held_out
        self._report = report

    def single(self, held: Sequence[Need]) -> Outcome:
        """Train on the others and keep the weights that these find best."""
        checks, tables = self._train("train", held)
        chosen = _best(checks)
        return _outcome(checks, tables[0], tables[chosen], checks[chosen].step)

    def folded(self, groups: Sequence[Sequence[Need]]) -> Outcome:
        """Train once a group with it held out; then on all, as long as was best over all groups together.

        Only that length is chosen by the needs that judge, so the measures are as good as those of new needs.
        """
        trials = [self._train(f"fold {place}", held) for place, held in enumerate(groups, start=1)]
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
        self._tuner.train(everything, None, steps=steps, report=self._told("train on all"))
        return _outcome(checks, pooled[0], pooled[chosen], steps)

    def _train(self, stage: str, held: Sequence[Need]) -> tuple[list[Check], list[list[Rows]]]:
        """Every check, and the held-out needs' own measures at each."""
        away = {need.id for need in held}
        queries: list[JudgedQuery] = [need.judged for need in self._needs if need.id not in away]
        return _measured(self._tuner, queries, self._held_out.of(held), self._told(stage))

    def _told(self, stage: str) -> Callable[[int, int], None]:
        return lambda done, total: self._report(Progress(stage, done, total))


def _measured(
    tuner: FineTuner,
    queries: Sequence[JudgedQuery],
    rows_of: Callable[[Encoder], list[Rows]],
    report: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[list[Check], list[list[Rows]]]:
    """Train and keep the best by held-out needs: every check, and the rows that each was the mean of."""
    tables: list[list[Rows]] = []

    def measure(encoder: Encoder) -> tuple[float, Mapping[str, float]]:
        tables.append(rows_of(encoder))
        found = means(tables[-1])
        return score(found, means(tables[0])), found

    return tuner.train(queries, measure, report=report), tables


def _best(checks: Sequence[Check]) -> int:
    """The place of the best check after the base's own."""
    return max(range(1, len(checks)), key=lambda place: checks[place].score)


def _outcome(checks: Sequence[Check], before: Sequence[Rows], after: Sequence[Rows], steps: int) -> Outcome:
    return Outcome(
        better=checks[_best(checks)].score > checks[0].score,
        steps=steps,
        checks=tuple(checks),
        before=means(before),
        after=means(after),
        differences=differences(before, after),
    )


def _counts(needs: Sequence[Need], groups: Sequence[Sequence[Need]], learned: Sequence[Need]) -> dict[str, int]:
    levels = [level for need in needs for level in need.judged.levels]
    return {
        "needs": len(needs),
        "held_out_needs": sum(map(len, groups)),
        "judged_pairs": len(levels),
        **{f"level_{level}": int(np.count_nonzero(np.array(levels) == level)) for level in (4, 3, 2, 1)},
        "hard_negatives": sum(len(need.judged.negatives) for need in learned),
    }


def _options(request: TrainingRequest) -> dict[str, Any]:
    judged_by = {"folds": request.folds} if request.folds else {"holdout": request.holdout}
    return {**judged_by, **request.tuning.as_json()}


def _refuse_taken(out: Path) -> None:
    """Fail before the work, not after it."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(
            f"there is something at {out.name} already; name a new folder", f"{out.name} 已存在；请指定新的文件夹"
        )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(out, error) from error


def _write(tuner: FineTuner, out: Path, outcome: Outcome) -> None:
    files = {
        "README.md": model_card(outcome),
        REPORT: json.dumps(outcome.as_json(), ensure_ascii=False, indent=2) + "\n",
    }
    try:
        tuner.save(out, files)
    except OSError as error:
        raise _unwritable(out, error) from error


def _unwritable(out: Path, error: OSError) -> JobError:
    reason = error.strerror or str(error)
    return JobError(f"cannot write the folder {out.name}: {reason}", f"无法写入文件夹 {out.name}：{reason}")


def _not_better(outcome: Outcome) -> JobError:
    told = ", ".join(f"{name} {outcome.before[name]:.4f} -> {after:.4f}" for name, after in outcome.after.items())
    return JobError(
        f"no model was written: on held-out needs the trained one is not better than its base ({told}). Bring more "
        "judgements or other options; --allow-worse writes it all the same.",
        f"未写入模型：在留出的需求上，训练后的模型不优于原模型（{told}）。"
        "请增加评判或更换选项；使用 --allow-worse 可强制写入。",
        code="not_better",
    )
