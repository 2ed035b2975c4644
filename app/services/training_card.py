"""What a training came to, and the model card that tells it to people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

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

| measure | base | this model | difference | 95 % interval |
|---|---|---|---|---|
{measures}

{verdict}

| steps | {names} |
|---|{rules}
{checks}

## Options

{options}

The same data, options, seed, number of threads and versions of torch give the same weights.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a training came to.

    Attributes:
        better: whether held-out needs find the model better than its base: above in the mean, below in no measure.
        steps: after which the weights were kept.
        checks: each measuring on the way, the base's first.
        before: measures of the base on held-out needs.
        after: those of the model.
        differences: after less before, paired by need.
        counts: of the data.
        options: how it was trained.
        base: name, fingerprint and number of trained parameters.
        seconds: of the whole command.
    """

    better: bool
    steps: int
    checks: tuple[Check, ...]
    before: Mapping[str, float]
    after: Mapping[str, float]
    differences: Mapping[str, Difference]
    counts: Mapping[str, int] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    base: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The outcome as JSON types."""
        return {
            "better": self.better,
            "steps": self.steps,
            "measures": {"before": dict(self.before), "after": dict(self.after)},
            "differences": {name: difference.as_json() for name, difference in self.differences.items()},
            "checks": [asdict(check) | {"measures": dict(check.measures)} for check in self.checks],
            "counts": dict(self.counts),
            "base": dict(self.base),
            "options": dict(self.options),
            "seconds": self.seconds,
        }


def model_card(outcome: Outcome) -> str:
    """README.md of the model."""
    names = list(outcome.before)
    return _CARD.format(
        base=outcome.base["name"],
        fingerprint=outcome.base["fingerprint"],
        seconds=outcome.seconds,
        frozen="The word embeddings are the base's too." if outcome.options["freeze_embeddings"] else "",
        counts=_list(outcome.counts),
        steps=outcome.steps,
        judged_by=_judged_by(outcome),
        measures="\n".join(_measure(outcome, name) for name in names),
        verdict="Better than its base."
        if outcome.better
        else "NOT better than its base: written all the same, as asked.",
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
    return (
        f"{outcome.counts['held_out_needs']} needs were held out. The weights were chosen by them, so on new needs "
        "expect a little less; `--folds` measures without that."
    )


def _measure(outcome: Outcome, name: str) -> str:
    difference = outcome.differences.get(name)
    interval = difference.interval if difference else None
    shown = f"{interval.low:+.4f} to {interval.high:+.4f}" if interval else "-"
    value = f"{difference.value:+.4f}" if difference else "-"
    return f"| {name} | {outcome.before[name]:.4f} | {outcome.after[name]:.4f} | {value} | {shown} |"


def _list(values: Mapping[str, Any]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in values.items())
