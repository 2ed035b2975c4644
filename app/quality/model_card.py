"""What a training came to, and the model card that says it to people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from app.evaluation.comparison import Difference
from models.training import Check

_CARD = Path(__file__).with_name("model_card.md")


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
        steps: after which the best weights were found.
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
    from jinja2 import StrictUndefined, Template  # a server, which wires training too, starts faster without

    card = Template(_CARD.read_text(encoding="utf-8"), trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    values = {one.name: getattr(outcome, one.name) for one in fields(outcome)}
    text: str = card.render(values, spread=outcome.spread, measure_rows=measure_rows, fold_rows=fold_rows)
    return text + "\n"


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
