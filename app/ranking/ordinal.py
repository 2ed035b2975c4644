"""Fits a scale to judged pairs: cumulative logits with parallel slopes (McCullagh, 1980), by Newton's method.

The slope may change once, at the relevance that a tenth of the pairs pass: what shared terms add has a long tail, in
which more of it means less. Slopes are fitted by their logarithms, so a scale always rises. Half a pair of each level
at the mean relevance, and small ridges, keep it finite where a level is missing or the levels are cleanly separated.
A need with many pairs weighs by the root of their number, so that it does not drown the others.

What was compared, cross-validated by need, is in docs/calibration.md; why scipy does not fit it, in
docs/dependencies.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.arrays import Doubles, Ints, Mask
from app.ranking.relevance import Scale, cumulative_probabilities, logistic

LEVELS = (1, 2, 3, 4)
PSEUDO_PAIRS = 0.5
"""Added to each level: enough for a finite fit, and a thousandth of the 200 pairs that a calibration should have."""
BEND_AT = 0.9
"""Quantile of the relevance at which the slope may change."""
RIDGE = 0.01
"""On the squared logarithms of both slopes, relevance in standard deviations: draws them to 1, very weakly."""
BEND_RIDGE = 1.0
"""On their squared difference: few pairs fit one slope, and many may fit two."""
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
        relevance: float64 ``[n]``, as the ranking gave it.
        levels: int64 ``[n]``, 1 to 4.
        groups: what pairs are judged together, such as the title of their need; never on two sides of a split.
    """

    relevance: Doubles
    levels: Ints
    groups: tuple[str, ...]

    @classmethod
    def of(cls, relevance: npt.ArrayLike, levels: npt.ArrayLike, groups: Sequence[str]) -> JudgedPairs:
        """The pairs from any arrays.

        Raises:
            NoFitError: they differ in length, or a value cannot be used.
        """
        values, judged = np.asarray(relevance, dtype=np.float64), np.asarray(levels, dtype=np.int64)
        if values.ndim != 1 or not len(values) == len(judged) == len(groups):
            raise NoFitError("relevance, levels and groups must be of one length")
        if not np.isfinite(values).all() or not np.isin(judged, LEVELS).all():
            raise NoFitError("relevance must be finite and levels 1 to 4")
        return cls(values, judged, tuple(groups))

    def __len__(self) -> int:
        return len(self.levels)

    def at(self, places: Mask | Ints) -> JudgedPairs:
        """Some of the pairs."""
        chosen = np.arange(len(self))[places].tolist()
        return JudgedPairs(self.relevance[places], self.levels[places], tuple(self.groups[n] for n in chosen))


def fit_scale(pairs: JudgedPairs) -> Scale:
    """The scale under which the judged levels are most likely.

    Returns:
        The scale, which rises everywhere, if by next to nothing where levels do not rise with relevance.

    Raises:
        NoFitError: there is nothing to fit.
    """
    if len(np.unique(pairs.levels)) < 2:  # one level has no order
        raise NoFitError("all pairs have the same level")
    mean, spread = float(pairs.relevance.mean()), float(pairs.relevance.std())
    if spread <= _SLIGHT:
        raise NoFitError("all pairs have the same relevance")
    x = np.concatenate([(pairs.relevance - mean) / spread, np.zeros(len(LEVELS))])
    bend = float(np.quantile(x[: len(pairs)], BEND_AT))
    problem = _Problem(
        parts=np.column_stack([np.minimum(x, bend), np.maximum(x - bend, 0.0)]),
        levels=np.concatenate([pairs.levels, LEVELS]),
        weights=np.concatenate([_weights(pairs.groups), np.full(len(LEVELS), PSEUDO_PAIRS)]),
    )
    below, above, *cuts = problem.solved().tolist()
    middle = cuts[1] / below if cuts[1] <= below * bend else bend + (cuts[1] - below * bend) / above
    return Scale(
        midpoint=mean + spread * middle,
        steepness=below / spread,
        weak_from=1.0 / (1.0 + float(np.exp(cuts[1] - cuts[0]))),
        strong_from=1.0 / (1.0 + float(np.exp(cuts[1] - cuts[2]))),
        bends=((mean + spread * bend, (above - below) / spread),),
    )


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
        found[fold == one] = cumulative_probabilities(pairs.relevance[fold == one], scale)
    return found


def _weights(groups: Sequence[str]) -> Doubles:
    """One over the root of the group's size, 1 in the mean."""
    _, places, counts = np.unique(np.array(groups, dtype=object).astype(str), return_inverse=True, return_counts=True)
    weights = 1.0 / np.sqrt(counts[places].astype(np.float64))
    found: Doubles = weights / weights.mean()
    return found


@dataclass(frozen=True, slots=True)
class _Problem:
    """Pairs as the likelihood takes them; parameters are two log slopes and three cuts, float64 ``[5]``.

    ``P(level >= j + 2) = logistic(parts @ slopes - cut_j)``.

    Attributes:
        parts: float64 ``[n, 2]``, relevance up to the bend and beyond it.
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
        return np.concatenate([np.exp(here[:2]), here[2:]])

    def _start(self) -> Doubles:
        """Slopes of 1, and the cuts that would give every level its own share without any slope."""
        shares = np.array([self.weights[self.levels >= level].sum() for level in LEVELS[1:]]) / self.weights.sum()
        return np.concatenate([[0.0, 0.0], -np.log(shares / (1.0 - shares))])

    def _likelihood(self, parameters: Doubles) -> float:
        if not (np.diff(parameters[2:]) > 0).all() or np.abs(parameters[:2]).max() > _STEEPEST:
            return -np.inf
        upper, lower = self._bounds(parameters)
        return float(
            self.weights @ np.log(np.maximum(upper - lower, _LEAST)) - parameters[:2] @ _RIDGES @ parameters[:2]
        )

    def _bounds(self, parameters: Doubles) -> tuple[Doubles, Doubles]:
        """P(at least this pair's level) and P(at least the next one), each float64 ``[n]``."""
        logits = (self.parts @ np.exp(parameters[:2]))[:, np.newaxis] - parameters[2:]
        rows, ends = np.arange(len(logits)), np.ones(len(logits))
        at_least = np.column_stack([ends, logistic(logits), 0.0 * ends])
        return at_least[rows, self.levels - 1], at_least[rows, self.levels]

    def _derivatives(self, parameters: Doubles) -> tuple[Doubles, Doubles]:
        """Gradient ``[5]``, and the Hessian ``[5, 5]`` without the slopes' own curvature, so that it stays negative."""
        upper, lower = self._bounds(parameters)
        share = np.maximum(upper - lower, _LEAST)
        rise, fall = upper * (1.0 - upper), lower * (1.0 - lower)
        # Of log(upper - lower), by the two logits that it depends on.
        by_upper, by_lower = rise / share, -fall / share
        slopes = self.parts * np.exp(parameters[:2])
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
        gradient[:2] -= 2.0 * _RIDGES @ parameters[:2]
        curvature[:2, :2] -= 2.0 * _RIDGES
        return gradient, curvature


_RIDGES = RIDGE * np.eye(2) + BEND_RIDGE * np.array([[1.0, -1.0], [-1.0, 1.0]])


def _outer(left: Doubles, right: Doubles, weights: Doubles) -> Doubles:
    return left.T @ (right * weights[:, np.newaxis])
