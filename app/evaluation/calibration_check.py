"""What a calibration is judged by before it is published: its measures beside those of what it would replace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.evaluation.reliability import Floats, Integers, Quality, skill

FEW_NEEDS, FEW_PAIRS, FEW_OF_A_LEVEL = 30, 200, 20
"""Below these the probabilities are guesses: a share of 0.1 of 200 pairs is known to 0.04, and less well the fewer
needs the pairs are from."""
TOLERANCE = 0.01
"""How much worse, as a share, held-out measures may be than those of what is served: that one may have been fitted to
some of the same judgements, which makes it look a little better than it is."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """Something to tell people, in both languages."""

    text: str
    text_zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationCheck:
    """A calibration beside what is served and what needs no model, all on pairs that it was not fitted to.

    Attributes:
        held_out: of the new calibration, the mean over repeated cross-validation by need.
        folds: of each fold.
        served: of what is served now, named ``served_by``, which may have seen these judgements.
        built_in: of the built-in scale.
        base_rate: of the share of each level among the pairs fitted to, said of every pair.
        commonest: of always answering the most common level there.
        probabilities: float64 ``[n, 3]``, held out, for the report.
        levels: int64 ``[n]``, as judged.
        needs: how many different needs.
        seen: whether what is served was fitted to these very judgements, so that no comparison is fair.
    """

    held_out: Quality
    folds: Sequence[Quality]
    fold_spread: Quality
    served: Quality
    served_by: str
    built_in: Quality
    base_rate: Quality
    commonest: Quality
    probabilities: Floats
    levels: Integers
    needs: int
    seen: bool

    @property
    def level_counts(self) -> dict[int, int]:
        """How many pairs each level has."""
        return {level: int((self.levels == level).sum()) for level in (4, 3, 2, 1)}

    @property
    def skill(self) -> Mapping[str, float]:
        """Brier skill scores: the share of the error of each reference that the calibration takes away."""
        others = {"base_rate": self.base_rate, "built_in": self.built_in, "served": self.served}
        return {name: skill(self.held_out.brier, other.brier) for name, other in others.items()}

    def warnings(self) -> list[Sentence]:
        """Where there is too little to be sure of."""
        found = []
        if self.needs < FEW_NEEDS:
            found.append(
                Sentence(
                    f"only {self.needs} needs are judged; from {FEW_NEEDS} on the probabilities hold for other needs",
                    f"只有 {self.needs} 个需求带有评判；至少 {FEW_NEEDS} 个时，概率才适用于其他需求",
                )
            )
        if len(self.levels) < FEW_PAIRS:
            found.append(
                Sentence(
                    f"only {len(self.levels)} pairs are judged; {FEW_PAIRS} or more are wanted",
                    f"只有 {len(self.levels)} 对评判；建议不少于 {FEW_PAIRS} 对",
                )
            )
        for level, count in self.level_counts.items():
            if count < FEW_OF_A_LEVEL:
                found.append(
                    Sentence(
                        f"level {level} has {count} pairs, fewer than {FEW_OF_A_LEVEL}: where it begins is uncertain",
                        f"等级 {level} 只有 {count} 对，少于 {FEW_OF_A_LEVEL} 对：其分界不可靠",
                    )
                )
        return found

    def objections(self) -> list[Sentence]:
        """Why it should not be published; none where it is at least as good as what is served."""
        found = []
        if self.held_out.brier >= self.base_rate.brier:
            found.append(
                Sentence(
                    f"Brier score {self.held_out.brier:.4f} is no better than the base rate's "
                    f"{self.base_rate.brier:.4f}: relevance does not tell these levels apart",
                    f"Brier 分数 {self.held_out.brier:.4f} 不优于基准率的 "
                    f"{self.base_rate.brier:.4f}：相关度无法区分这些等级",
                )
            )
        if self.seen:
            return found
        ours, theirs = self.held_out, self.served
        if ours.brier > theirs.brier * (1 + TOLERANCE):
            found.append(
                Sentence(
                    f"Brier score {ours.brier:.4f} is worse than {theirs.brier:.4f} of what is served "
                    f"({self.served_by})",
                    f"Brier 分数 {ours.brier:.4f} 差于当前使用的 {theirs.brier:.4f}（{self.served_by}）",
                )
            )
        if 1 / ours.level_score - 1 > (1 / theirs.level_score - 1) * (1 + TOLERANCE):
            found.append(
                Sentence(
                    f"level_score {ours.level_score:.4f} is worse than {theirs.level_score:.4f} of what is served "
                    f"({self.served_by})",
                    f"level_score {ours.level_score:.4f} 差于当前使用的 {theirs.level_score:.4f}（{self.served_by}）",
                )
            )
        return found

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
            "warnings": [{"message": one.text, "message_zh": one.text_zh} for one in self.warnings()],
            "objections": [{"message": one.text, "message_zh": one.text_zh} for one in self.objections()],
        }
