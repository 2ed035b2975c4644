"""Fits a scale to judged pairs: cumulative logits with parallel slopes (McCullagh, 1980), by Newton's method.

There is a slope for the meaning and one for the share of words that a record covers. Slopes are fitted by their
logarithms, so a scale always rises. Half a pair of each level at the mean evidence, and a small ridge, keep it finite
where a level is missing or the levels are cleanly separated. A need with many pairs weighs by the root of their number,
so that it does not drown the others. What meaning says alone, of records in another language, is fitted to the same
pairs without their words.

What was compared, cross-validated by need, is in docs/calibration.md; why scipy does not fit it, in
docs/dependencies.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from app.arrays import Doubles, Ints, Mask
from app.ranking.relevance import Scale, cumulative_probabilities, logistic

LEVELS = (1, 2, 3, 4)
PSEUDO_PAIRS = 0.5
"""Added to each level: enough for a finite fit, and a thousandth of the 200 pairs that a calibration should have."""
RIDGE = 0.01
"""On the squared logarithms of the slopes, evidence in standard deviations: draws them to 1, very weakly."""
ALONE_STEEPER, ALONE_KEPT_AT = 1.45, 1.45
"""How much steeper meaning counts where it is alone, and the logit (a score of 0.81) that stays as it was. Drawn apart,
cosines of two languages also draw apart what is near by chance: of Chinese firms' lists a reader kept 3 of 10 English
patents that scored 0.35 as if in their own language, and 58 of 69 Chinese ones from 0.2 on. True translations, which
have 0.6 and more, keep their place."""
FITS_FROM = 3
"""Level from which a record fits."""
FOLDS = 10
SEED = 20191
_ROUNDS = 100
_STEEPEST = 30.0
"""Of a slope's logarithm: a step that goes further has gone astray, and would overflow."""
_SLIGHT = 1e-10
_LEAST = 1e-300


class NoFitError(ValueError):
    """There is nothing to fit: no pair, values that are not finite, one level alone, or one relevance alone."""


@dataclass(frozen=True, slots=True)
class JudgedPairs:
    """Judged pairs as arrays of one length.

    Attributes:
        meaning: float64 ``[n]``, as the ranking gave it.
        coverage: float64 ``[n]``, likewise.
        alone: bool ``[n]``, whether a pair was judged by meaning alone, being of two languages.
        levels: int64 ``[n]``, 1 to 4.
        groups: what pairs are judged together, such as the title of their need; never on two sides of a split.
        questions: which question each pair answers; one need asked in two ways is two of them.
    """

    meaning: Doubles
    coverage: Doubles
    alone: Mask
    levels: Ints
    groups: tuple[str, ...]
    questions: tuple[str, ...]

    @classmethod
    def of(
        cls,
        evidence: npt.ArrayLike,
        levels: npt.ArrayLike,
        groups: Sequence[str],
        questions: Sequence[str] | None = None,
    ) -> JudgedPairs:
        """The pairs from any arrays; ``evidence`` is ``[n, 3]``: meaning, coverage, and 1 where meaning is alone.

        Without ``questions`` each group is one.

        Raises:
            NoFitError: they differ in length, or a value cannot be used.
        """
        values, judged = np.asarray(evidence, dtype=np.float64), np.asarray(levels, dtype=np.int64)
        if values.ndim != 2 or values.shape[1] != 3 or not len(values) == len(judged) == len(groups):
            raise NoFitError("evidence, levels and groups must be of one length")
        if not np.isfinite(values).all() or not np.isin(judged, LEVELS).all():
            raise NoFitError("evidence must be finite and levels 1 to 4")
        meaning, coverage, alone = values.T
        return cls(meaning, coverage, alone > 0, judged, tuple(groups), tuple(questions or groups))

    def __len__(self) -> int:
        return len(self.levels)

    def at(self, places: Mask | Ints) -> JudgedPairs:
        """Some of the pairs."""
        chosen = np.arange(len(self))[places].tolist()
        return JudgedPairs(
            self.meaning[places],
            self.coverage[places],
            self.alone[places],
            self.levels[places],
            tuple(self.groups[n] for n in chosen),
            tuple(self.questions[n] for n in chosen),
        )

    def logits(self, scale: Scale) -> Doubles:
        """What a scale makes of them, float64 ``[n]``."""
        return scale.logits(self.meaning, self.coverage, self.alone)


def fit_scale(pairs: JudgedPairs) -> Scale:
    """The scale under which the judged levels are most likely.

    Returns:
        The scale, which rises everywhere, if by next to nothing where levels do not rise with the evidence.

    Raises:
        NoFitError: there is nothing to fit.
    """
    if len(np.unique(pairs.levels)) < 2:  # one level has no order
        raise NoFitError("all pairs have the same level")
    if float(pairs.meaning.std()) <= _SLIGHT:
        raise NoFitError("all pairs have the same meaning")
    fused = pairs.at(~pairs.alone) if _worth_fitting(pairs.at(~pairs.alone)) else pairs
    parts = [fused.meaning]
    if float(fused.coverage.std()) > _SLIGHT:
        parts.append(fused.coverage)
    slopes, cuts = _fitted(parts, fused)
    scale = Scale(
        meaning=slopes[0],
        cut=cuts[1],
        coverage=slopes[1] if len(slopes) > 1 else 0.0,
        weak_from=1.0 / (1.0 + float(np.exp(cuts[1] - cuts[0]))),
        strong_from=1.0 / (1.0 + float(np.exp(cuts[1] - cuts[2]))),
    )
    if len(slopes) > 1:
        (slope,), (_, cut, _) = _fitted([pairs.meaning], pairs)
        alone_cut = ALONE_STEEPER * (ALONE_KEPT_AT + cut) - ALONE_KEPT_AT
        scale = replace(scale, alone=ALONE_STEEPER * slope, alone_cut=alone_cut)
    found = _best_of_lists(pairs, scale)
    return scale if found is None else replace(scale, found=found[0], found_cut=found[1])


def _best_of_lists(pairs: JudgedPairs, scale: Scale) -> tuple[float, float] | None:
    """Slope and cut of the probability that a list holds something that fits, by its best logit.

    Each question is a list of what was judged for it, and once more without what fits, as from a bank that lacks it.
    ``None`` where there are not two kinds of lists, or a better list does not mean more.
    """
    logits, fits = pairs.logits(scale), pairs.levels >= FITS_FROM
    names, places = np.unique(np.array(pairs.questions, dtype=object).astype(str), return_inverse=True)
    best, without = (np.full(len(names), -np.inf) for _ in range(2))
    np.maximum.at(best, places, logits)
    np.maximum.at(without, places[~fits], logits[~fits])
    having = np.unique(places[fits])
    values = np.concatenate([best[having], without[np.isfinite(without)]])
    answers = np.arange(len(values)) < len(having)
    if (
        len(np.unique(answers)) < 2
        or float(values.std()) <= _SLIGHT
        or values[answers].mean() <= values[~answers].mean()
    ):
        return None
    slope, cut = 1.0, 0.0
    for _ in range(_ROUNDS):  # Newton's method of a logistic regression
        chance = logistic(slope * values - cut)
        left, weight = answers - chance, chance * (1.0 - chance)
        gradient = np.array([left @ values - RIDGE * slope, -left.sum() - RIDGE * cut])
        curvature = np.array(
            [
                [weight @ values**2 + RIDGE, -(weight @ values)],
                [-(weight @ values), weight.sum() + RIDGE],
            ]
        )
        step = np.linalg.solve(curvature, gradient)
        slope, cut = slope + float(step[0]), cut + float(step[1])
        if float(np.abs(step).max()) < _SLIGHT:
            break
    return (slope, cut) if slope > 0 and np.isfinite(cut) else None


def _worth_fitting(pairs: JudgedPairs) -> bool:
    return len(np.unique(pairs.levels)) > 1 and float(pairs.meaning.std()) > _SLIGHT


def _fitted(parts: Sequence[Doubles], pairs: JudgedPairs) -> tuple[list[float], list[float]]:
    """Slopes of ``parts``, each float64 ``[n]``, and the three cuts, both in units of the parts."""
    means, spreads = np.array([part.mean() for part in parts]), np.array([part.std() for part in parts])
    standard = (np.column_stack(parts) - means) / spreads
    problem = _Problem(
        parts=np.vstack([standard, np.zeros((len(LEVELS), len(parts)))]),
        levels=np.concatenate([pairs.levels, LEVELS]),
        weights=np.concatenate([_weights(pairs.groups), np.full(len(LEVELS), PSEUDO_PAIRS)]),
    )
    solved = problem.solved()
    slopes, cuts = solved[: len(parts)] / spreads, solved[len(parts) :]
    return slopes.tolist(), (cuts + float(slopes @ means)).tolist()


def fold_of_each(groups: Sequence[str], folds: int = FOLDS, seed: int = SEED) -> Ints:
    """Which fold each pair is held out in: whole groups, drawn by the seed into folds of like size.

    Returns:
        int64 ``[n]``; fewer folds where there are fewer groups.
    """
    _, places, counts = np.unique(np.array(groups, dtype=object).astype(str), return_inverse=True, return_counts=True)
    sizes, fold = np.zeros(max(1, min(folds, len(counts))), dtype=np.int64), np.zeros(len(counts), dtype=np.int64)
    for group in np.random.default_rng(seed).permutation(len(counts)):
        fold[group] = smallest = int(sizes.argmin())
        sizes[smallest] += counts[group]
    found: Ints = fold[places]
    return found


def held_out_probabilities(pairs: JudgedPairs, fold: Ints) -> Doubles:
    """The probabilities of pairs by scales that were not fitted to them.

    Args:
        pairs: all of them.
        fold: int64 ``[n]``, from `fold_of_each`.

    Returns:
        float64 ``[n, 3]``: the probabilities of level 2 or better, 3 or better, and 4.

    Raises:
        NoFitError: what is left to fit to has one level alone, or there is one group alone.
    """
    found = np.zeros((len(pairs), len(LEVELS) - 1))
    for one in np.unique(fold):
        scale = fit_scale(pairs.at(fold != one))
        found[fold == one] = cumulative_probabilities(pairs.at(fold == one).logits(scale), scale)
    return found


def _weights(groups: Sequence[str]) -> Doubles:
    """One over the root of the group's size, 1 in the mean."""
    _, places, counts = np.unique(np.array(groups, dtype=object).astype(str), return_inverse=True, return_counts=True)
    weights = 1.0 / np.sqrt(counts[places].astype(np.float64))
    found: Doubles = weights / weights.mean()
    return found


@dataclass(frozen=True, slots=True)
class _Problem:
    """Pairs as the likelihood takes them; parameters are the slopes' logarithms and three cuts.

    ``P(level >= j + 2) = logistic(parts @ slopes - cut_j)``.

    Attributes:
        parts: float64 ``[n, slopes]``, evidence in standard deviations.
        levels: int64 ``[n]``.
        weights: float64 ``[n]``.
    """

    parts: Doubles
    levels: Ints
    weights: Doubles

    def solved(self) -> Doubles:
        """Slopes and cuts of the most likely parameters: Newton's steps, each halved until it is one upwards."""
        here = self._start()
        value = self._likelihood(here)
        for _ in range(_ROUNDS):
            gradient, curvature = self._derivatives(here)
            step = np.linalg.solve(curvature, -gradient)
            reached, size = -np.inf, 2.0
            while reached <= value and size > _SLIGHT:
                size /= 2.0
                reached = self._likelihood(here + size * step)
            if reached <= value:
                break
            gained, here, value = reached - value, here + size * step, reached
            if gained < _SLIGHT:
                break
        return np.concatenate([np.exp(here[: self.slopes]), here[self.slopes :]])

    @property
    def slopes(self) -> int:
        """How many there are."""
        return int(self.parts.shape[1])

    def _start(self) -> Doubles:
        """Slopes of 1, and the cuts that would give every level its own share without any slope."""
        shares = np.array([self.weights[self.levels >= level].sum() for level in LEVELS[1:]]) / self.weights.sum()
        return np.concatenate([np.zeros(self.slopes), -np.log(shares / (1.0 - shares))])

    def _likelihood(self, parameters: Doubles) -> float:
        logarithms, cuts = parameters[: self.slopes], parameters[self.slopes :]
        if not (np.diff(cuts) > 0).all() or np.abs(logarithms).max() > _STEEPEST:
            return -np.inf
        upper, lower = self._bounds(parameters)
        return float(self.weights @ np.log(np.maximum(upper - lower, _LEAST)) - RIDGE * logarithms @ logarithms)

    def _bounds(self, parameters: Doubles) -> tuple[Doubles, Doubles]:
        """P(at least this pair's level) and P(at least the next one), each float64 ``[n]``."""
        logits = (self.parts @ np.exp(parameters[: self.slopes]))[:, np.newaxis] - parameters[self.slopes :]
        rows, ends = np.arange(len(logits)), np.ones(len(logits))
        at_least = np.column_stack([ends, logistic(logits), 0.0 * ends])
        return at_least[rows, self.levels - 1], at_least[rows, self.levels]

    def _derivatives(self, parameters: Doubles) -> tuple[Doubles, Doubles]:
        """Gradient ``[p]``, and the Hessian ``[p, p]`` without the slopes' own curvature, so that it stays negative."""
        upper, lower = self._bounds(parameters)
        share = np.maximum(upper - lower, _LEAST)
        rise, fall = upper * (1.0 - upper), lower * (1.0 - lower)
        # Of log(upper - lower), by the two logits that it depends on.
        by_upper, by_lower = rise / share, -fall / share
        slopes = self.parts * np.exp(parameters[: self.slopes])
        above, below = (
            np.column_stack([slopes, *(-1.0 * (self.levels == level - one) for level in LEVELS[1:])]) for one in (0, 1)
        )
        gradient = above.T @ (self.weights * by_upper) + below.T @ (self.weights * by_lower)
        crossed = _outer(above, below, -by_upper * by_lower * self.weights)
        curvature = (
            _outer(above, above, (rise * (1.0 - 2.0 * upper) / share - by_upper**2) * self.weights)
            + _outer(below, below, (-fall * (1.0 - 2.0 * lower) / share - by_lower**2) * self.weights)
            + crossed
            + crossed.T
        )
        gradient[: self.slopes] -= 2.0 * RIDGE * parameters[: self.slopes]
        curvature[: self.slopes, : self.slopes] -= 2.0 * RIDGE * np.eye(self.slopes)
        return gradient, curvature


def _outer(left: Doubles, right: Doubles, weights: Doubles) -> Doubles:
    return left.T @ (right * weights[:, np.newaxis])
