"""How far probabilities of levels can be trusted, and whether a calibration is good enough to be published.

Brier score, log loss, calibration error, level score and reliability bins; a new calibration's beside those of the
calibration that it would replace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any

import numpy as np

from app.arrays import Doubles, Ints
from app.evaluation.collection import RELEVANT_FROM, Words
from app.evaluation.measures import level_score
from app.evaluation.statistics import wilson_interval

THRESHOLDS = (2, 3, 4)
"""Each probability is of this level or better; the score is the second one."""
SCORE = THRESHOLDS.index(RELEVANT_FROM)
BINS = 10
_CERTAIN = 1e-6
"""The log loss takes probabilities of 0 and 1 as this far from it; one mistake would make it infinite otherwise."""
FEW_NEEDS, FEW_PAIRS, FEW_OF_A_LEVEL = 30, 200, 20
"""Below these the probabilities are guesses: of 200 pairs, a share of 0.1 is known to 0.04, and less precisely the
fewer needs the pairs come from."""
TOLERANCE = 0.01
"""How much worse, as a share, held-out measures may be than those of the served calibration, which may have been fitted
to some of the same judgements and then looks a little better than it is."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How good probabilities are.

    Attributes:
        brier: mean squared error of the score against "at least fairly strong" (Brier, 1950); less is better.
        log_loss: mean negative log likelihood of the same, in nats.
        calibration_error: mean distance of score and share over ten bins of equal count (Nixon et al., Measuring
            Calibration in Deep Learning, 2019).
        level_score: 1/(1+MAE) of the level.
    """

    brier: float
    log_loss: float
    calibration_error: float
    level_score: float

    def as_json(self) -> dict[str, float]:
        """The measures by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Bin:
    """Pairs of similar probability: their number, mean predicted probability, observed share and its 95 % interval.

    The interval (Wilson, 1927) takes pairs as independent; those of one need are not, so it is a little narrow.
    """

    count: int
    predicted: float
    observed: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationCheck:
    """A calibration beside the served one and two trivial ones, all on pairs that it was not fitted to.

    Attributes:
        held_out: of the new calibration, the mean over repeated cross-validation by need.
        folds: of each fold.
        fold_spread: standard deviations over the folds.
        served: of the calibration served now, named ``served_by``, which may have been fitted to these judgements.
        built_in: of the built-in scale.
        base_rate: of giving every pair the share of each level among the pairs fitted to.
        commonest: of always answering the most common level there.
        probabilities: float64 ``[n, 3]``, held out, for the report.
        levels: int64 ``[n]``, as judged.
        needs: how many different needs.
        seen: whether the served calibration was fitted to these very judgements, so that no comparison is fair.
    """

    held_out: Quality
    folds: Sequence[Quality]
    fold_spread: Quality
    served: Quality
    served_by: str
    built_in: Quality
    base_rate: Quality
    commonest: Quality
    probabilities: Doubles
    levels: Ints
    needs: int
    seen: bool

    @property
    def level_counts(self) -> dict[int, int]:
        """How many pairs each level has."""
        return {level: int((self.levels == level).sum()) for level in (4, 3, 2, 1)}

    @property
    def skill(self) -> Mapping[str, float]:
        """Brier skill scores: the share of each reference's error that the calibration removes."""
        others = {"base_rate": self.base_rate, "built_in": self.built_in, "served": self.served}
        return {name: skill(self.held_out.brier, other.brier) for name, other in others.items()}

    def warnings(self) -> list[Words]:
        """Where there are too few judgements to be sure."""
        pairs = len(self.levels)
        few = [
            (
                self.needs < FEW_NEEDS,
                f"only {self.needs} needs are judged; from {FEW_NEEDS} on the probabilities hold for other needs",
                f"只有 {self.needs} 个需求带有评判；至少 {FEW_NEEDS} 个时，概率才适用于其他需求",
            ),
            (
                pairs < FEW_PAIRS,
                f"only {pairs} pairs are judged; {FEW_PAIRS} or more are wanted",
                f"只有 {pairs} 对评判；建议不少于 {FEW_PAIRS} 对",
            ),
        ]
        few += [
            (
                count < FEW_OF_A_LEVEL,
                f"level {level} has {count} pairs, fewer than {FEW_OF_A_LEVEL}: where it begins is uncertain",
                f"等级 {level} 只有 {count} 对，少于 {FEW_OF_A_LEVEL} 对：其分界不可靠",
            )
            for level, count in self.level_counts.items()
        ]
        return [Words(english, chinese) for applies, english, chinese in few if applies]

    def objections(self) -> list[Words]:
        """Why it should not be published; none where it is at least as good as what is served."""
        ours, theirs, base = self.held_out, self.served, self.base_rate
        worst_error = (1 / theirs.level_score - 1) * (1 + TOLERANCE)
        reasons = [
            (
                ours.brier >= base.brier,
                f"Brier score {ours.brier:.4f} is no better than the base rate's {base.brier:.4f}: "
                "relevance does not tell these levels apart",
                f"Brier 分数 {ours.brier:.4f} 不优于基准率的 {base.brier:.4f}：相关度无法区分这些等级",
            ),
            (
                not self.seen and ours.brier > theirs.brier * (1 + TOLERANCE),
                f"Brier score {ours.brier:.4f} is worse than {theirs.brier:.4f} of what is served ({self.served_by})",
                f"Brier 分数 {ours.brier:.4f} 差于当前使用的 {theirs.brier:.4f}（{self.served_by}）",
            ),
            (
                not self.seen and 1 / ours.level_score - 1 > worst_error,
                f"level_score {ours.level_score:.4f} is worse than {theirs.level_score:.4f} of what is served "
                f"({self.served_by})",
                f"level_score {ours.level_score:.4f} 差于当前使用的 {theirs.level_score:.4f}（{self.served_by}）",
            ),
        ]
        return [Words(english, chinese) for applies, english, chinese in reasons if applies]

    def as_json(self) -> dict[str, Any]:
        """Measures, counts and warnings as JSON types."""
        return {
            "held_out": self.held_out.as_json(),
            "folds": [one.as_json() for one in self.folds],
            "fold_spread": self.fold_spread.as_json(),
            "served": self.served.as_json() | {"calibration": self.served_by, "seen": self.seen},
            "built_in": self.built_in.as_json(),
            "base_rate": self.base_rate.as_json(),
            "commonest_level": {"level_score": self.commonest.level_score},
            "brier_skill": dict(self.skill),
            "needs": self.needs,
            "pairs": len(self.levels),
            "levels": {str(level): count for level, count in self.level_counts.items()},
            "warnings": [{"message": one.en, "message_zh": one.zh} for one in self.warnings()],
            "objections": [{"message": one.en, "message_zh": one.zh} for one in self.objections()],
        }


def quality(probabilities: Doubles, levels: Ints, served: Ints | None = None) -> Quality:
    """The measures of probabilities.

    Args:
        probabilities: float64 ``[n, 3]``, of level 2 or better, 3 or better, and 4; ``n`` above 0.
        levels: int64 ``[n]``, as judged.
        served: int64 ``[n]``, the levels that are answered; the medians if left out.
    """
    score, relevant = probabilities[:, SCORE], (levels >= RELEVANT_FROM).astype(np.float64)
    certain = np.clip(score, _CERTAIN, 1.0 - _CERTAIN)
    answered = median_levels(probabilities) if served is None else served
    return Quality(
        brier=float(np.mean((score - relevant) ** 2)),
        log_loss=float(-np.mean(relevant * np.log(certain) + (1.0 - relevant) * np.log(1.0 - certain))),
        calibration_error=calibration_error(score, relevant),
        level_score=level_score(float(np.abs(answered - levels).mean())),
    )


def mean_quality(several: Sequence[Quality]) -> Quality:
    """The means of each measure."""
    return Quality(*(float(np.mean(column)) for column in zip(*map(astuple, several), strict=True)))


def spread(several: Sequence[Quality]) -> Quality:
    """The standard deviations of each measure; 0 of one."""
    ddof = 1 if len(several) > 1 else 0
    return Quality(*(float(np.std(column, ddof=ddof)) for column in zip(*map(astuple, several), strict=True)))


def skill(brier: float, of_reference: float) -> float:
    """Brier skill score: the share of a reference's error that is removed; 0 where the reference has none."""
    return 1.0 - brier / of_reference if of_reference > 0 else 0.0


def median_levels(probabilities: Doubles) -> Ints:
    """The levels int64 ``[n]`` with the least expected absolute error: the best one whose probability is one half."""
    found: Ints = 1 + (probabilities >= 0.5).sum(axis=1)
    return found


def calibration_error(probabilities: Doubles, happened: Doubles) -> float:
    """The mean distance of probability and share over bins of equal count; arguments as of `bins`, not empty."""
    found = bins(probabilities, happened)
    return sum(one.count * abs(one.predicted - one.observed) for one in found) / len(probabilities)


def bins(probabilities: Doubles, happened: Doubles, count: int = BINS) -> list[Bin]:
    """Pairs in bins of equal count, least probable first; equal probabilities share a bin.

    Args:
        probabilities: float64 ``[n]``.
        happened: float64 ``[n]``, 1 where it happened and 0 where not.
        count: how many bins at most.
    """
    edges = np.unique(np.quantile(probabilities, np.linspace(0.0, 1.0, count + 1)[1:-1]))
    place = np.digitize(probabilities, edges)
    found = []
    for one in np.unique(place):
        inside = happened[place == one]
        interval = wilson_interval(int(inside.sum()), len(inside))
        assert interval is not None  # noqa: S101 - no bin is empty
        found.append(
            Bin(
                count=len(inside),
                predicted=float(probabilities[place == one].mean()),
                observed=float(inside.mean()),
                low=interval.low,
                high=interval.high,
            )
        )
    return found
