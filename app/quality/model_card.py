"""What a training came to, and the model card that tells it to people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from app.evaluation.comparison import Difference
from models.training import Check

_CARD = """---
base_model: {base}
pipeline_tag: sentence-similarity
library_name: sentence-transformers
---

# {base}, fine-tuned on judged needs

Made by `patmatch train` in {seconds:.0f} s from the model `{base}` (fingerprint `{fingerprint}`). Its licence is
that of the base, as far as the judgements' own terms allow; its tokenizer and prompts are the base's. {frozen}

## Learned from

{counts}

Pairs of one need with different levels, by CoSENT; relevant passages (level 3 and 4) against those of other needs and
against hard negatives from the base's index, by InfoNCE. A need's title and text are two views, weighted as they are
served. AdamW with a warm-up and a linear fall; {steps} steps were kept.

## On held-out needs

{judged_by}

As served, by cosine and shared terms:

| measure | base | this model | difference | 95 % interval |
|---|---|---|---|---|
{served}

By vectors alone:

| measure | base | this model | difference | 95 % interval |
|---|---|---|---|---|
{vectors}

{levels}{folds}{verdict}

As served, on the way:

| steps | {names} |
|---|{rules}
{checks}

## Options

{options}

The same data, options, seed, number of threads and versions of torch give the same weights.
"""


@dataclass(frozen=True, slots=True)
class Compared:
    """Measures of the base and of the model on held-out needs, and after less before, paired by need."""

    before: Mapping[str, float]
    after: Mapping[str, float]
    differences: Mapping[str, Difference]

    def as_json(self) -> dict[str, Any]:
        """The measures as JSON types."""
        return {
            "before": dict(self.before),
            "after": dict(self.after),
            "differences": {name: difference.as_json() for name, difference in self.differences.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """What the needs of one fold say of a model that did not see them, as served.

    Attributes:
        needs: how many they are.
        before: measures of the base.
        after: those of the model.
    """

    needs: int
    before: Mapping[str, float]
    after: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a training came to.

    Attributes:
        better: whether held-out needs find the model better than its base, as served: above in the mean of the judged
            measures, below in none.
        steps: after which the weights were kept.
        checks: each measuring on the way, the base's first; as served.
        served: by cosine and shared terms.
        vectors: by the cosine alone.
        level_scores: 1/(1+MAE) of levels, base and model, as served; each by scales fitted to other held-out needs.
        folds: of a cross-validation.
        counts: of the data.
        options: how it was trained.
        base: name, fingerprint and number of trained parameters.
        seconds: of the whole command.
    """

    better: bool
    steps: int
    checks: tuple[Check, ...]
    served: Compared
    vectors: Compared
    level_scores: tuple[float | None, float | None] = (None, None)
    folds: tuple[Fold, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    base: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def spread(self) -> dict[str, float]:
        """Standard deviation over the folds of what each measure gained; nothing without folds."""
        if len(self.folds) < 2:  # a spread needs two values
            return {}
        return {
            name: float(np.std([one.after[name] - one.before[name] for one in self.folds], ddof=1))
            for name in self.served.before
        }

    def as_json(self) -> dict[str, Any]:
        """The outcome as JSON types; ``measures`` and ``differences`` are as served."""
        served = self.served.as_json()
        return {
            "better": self.better,
            "steps": self.steps,
            "measures": {"before": served["before"], "after": served["after"]},
            "differences": served["differences"],
            "vectors": self.vectors.as_json(),
            "level_score": dict(zip(("before", "after"), self.level_scores, strict=True)),
            "folds": [asdict(fold) for fold in self.folds],
            "spread": self.spread,
            "checks": [asdict(check) | {"measures": dict(check.measures)} for check in self.checks],
            "counts": dict(self.counts),
            "base": dict(self.base),
            "options": dict(self.options),
            "seconds": self.seconds,
        }


def model_card(outcome: Outcome) -> str:
    """README.md of the model."""
    names = list(outcome.served.before)
    return _CARD.format(
        base=outcome.base["name"],
        fingerprint=outcome.base["fingerprint"],
        seconds=outcome.seconds,
        frozen="The word embeddings are the base's too." if outcome.options["freeze_embeddings"] else "",
        counts=_list(outcome.counts),
        steps=outcome.steps,
        judged_by=_judged_by(outcome),
        served=_table(outcome.served),
        vectors=_table(outcome.vectors),
        levels=_levels(outcome),
        folds=_folds(outcome.folds, outcome.spread),
        verdict="Better than its base as served."
        if outcome.better
        else "NOT better than its base as served: written all the same, as asked.",
        names=" | ".join(names),
        rules="---|" * len(names),
        checks="\n".join(
            f"| {check.step} | " + " | ".join(f"{check.measures[name]:.4f}" for name in names) + " |"
            for check in outcome.checks
        ),
        options=_list(outcome.options),
    )


def _judged_by(outcome: Outcome) -> str:
    if folds := outcome.options.get("folds"):
        return (
            f"Measured by {folds}-fold cross-validation: each need by a model that never saw it. This model learned "
            "from all needs, for as long as was best over the folds."
        )
    held = f"{outcome.counts['held_out_needs']} needs were held out."
    if len(outcome.checks) > 2:  # the base's, and more than one to choose from
        return f"{held} The weights were chosen by them, so on new needs expect a little less."
    return f"{held} They chose nothing but whether this model is better."


def measure_rows(compared: Compared) -> list[tuple[str, ...]]:
    """Of each measure its name, the base's, the model's, the difference and its interval, as texts."""
    rows: list[tuple[str, ...]] = []
    for name, before in compared.before.items():
        difference = compared.differences.get(name)
        interval = difference.interval if difference else None
        shown = f"{interval.low:+.4f} to {interval.high:+.4f}" if interval else "-"
        value = f"{difference.value:+.4f}" if difference else "-"
        rows.append((name, f"{before:.4f}", f"{compared.after[name]:.4f}", value, shown))
    return rows


def fold_rows(folds: Sequence[Fold], spread: Mapping[str, float]) -> list[tuple[str, ...]]:
    """Of each fold its number, needs, and each measure before and after, as texts; the spread of the gains last."""
    rows: list[tuple[str, ...]] = [
        (f"{place}", f"{fold.needs}", *(f"{fold.before[name]:.4f} to {fold.after[name]:.4f}" for name in fold.before))
        for place, fold in enumerate(folds, start=1)
    ]
    return [*rows, ("spread of the gains", "", *(f"{value:.4f}" for value in spread.values()))] if spread else rows


def _table(compared: Compared) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in measure_rows(compared))


def _levels(outcome: Outcome) -> str:
    before, after = outcome.level_scores
    if before is None or after is None:
        return ""
    return (
        f"Levels as served, by scales fitted to other held-out needs: level_score {before:.4f} with the base, "
        f"{after:.4f} with this model.\n\n"
    )


def _folds(folds: Sequence[Fold], spread: Mapping[str, float]) -> str:
    if not folds:
        return ""
    heading = ("fold", "needs", *folds[0].before)
    lines = [f"| {' | '.join(row)} |" for row in (heading, ["---"] * len(heading), *fold_rows(folds, spread))]
    return "As served, fold by fold:\n\n" + "\n".join(lines) + "\n\n"


def _list(values: Mapping[str, Any]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in values.items())
