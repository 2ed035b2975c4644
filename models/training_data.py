"""What a model learns from, and in which order: judged queries, cut into parts and dealt into steps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from models.sentence_transformer import Precision

RELEVANT_FROM = 3
"""Levels from which a passage is what the query looks for: it must stand before passages that nobody judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedQuery:
    """A query and what judges said of passages.

    Attributes:
        views: its texts, as they are embedded.
        weights: of each view in the query's vector.
        passages: the judged ones.
        levels: of each passage, 1 to 4.
        negatives: passages that nobody judged and that stand near the query: hard to tell from relevant ones.
    """

    text_parts: tuple[str, ...]
    weights: tuple[float, ...]
    passages: tuple[str, ...]
    levels: tuple[int, ...]
    negatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningOptions:
    """How a model is fine-tuned. The figures behind the defaults are in docs/decisions/0006-training.md.

    Attributes:
        epochs: at most; an epoch sees every judgement once.
        learning_rate: at its highest, after the warm-up; it then falls linearly to zero.
        warmup: share of the steps in which the rate rises.
        scale: what a difference of cosines is multiplied by in the loss over levels.
        contrast: weight of the loss that puts relevant passages before those of other queries and hard negatives.
        contrast_scale: what a cosine is multiplied by in that loss.
        negatives: hard negatives of a query in one step.
        queries: queries of a step.
        passages: judged passages of a query in one step.
        max_tokens: of a text while training; the rest of a longer one is left out, at check and service it counts.
        step_tokens: of one pass through the model, padding included.
        freeze_embeddings: leave the word embeddings as they are, four fifths of a small multilingual model.
        freeze_layers: how many of the lowest layers to leave as they are.
        blend: how far the published weights go from the base's (0) to the trained ones (1).
        checks: how often an epoch the held-out queries are measured.
        patience: checks without a new best after which training ends.
        precision: arithmetic of the transformer while it learns; what is measured and published is float32.
        seed: of the order, of dropout and of what is drawn.
        threads: CPU threads of torch; ``None`` leaves them.
    """

    epochs: int = 1
    learning_rate: float = 5e-5
    warmup: float = 0.1
    scale: float = 20.0
    contrast: float = 0.2
    contrast_scale: float = 30.0
    negatives: int = 4
    queries: int = 4
    passages: int = 16
    max_tokens: int = 128
    step_tokens: int = 2048
    freeze_embeddings: bool = True
    freeze_layers: int = 0
    blend: float = 0.5
    checks: int = 1
    patience: int = 2
    precision: Precision = "bfloat16"
    seed: int = 1
    threads: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The options as JSON types."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Part:
    """Some judged passages of one query: what it brings to a step."""

    query: int
    places: tuple[int, ...]


def parts_of(place: int, query: JudgedQuery, options: TuningOptions, order: Sequence[int] | None = None) -> list[Part]:
    """A query's passages in parts of like size, each with the query's mix of levels."""
    if len(set(query.levels)) < 2:  # one level has no order to learn
        return []
    count = math.ceil(len(query.passages) / options.passages)
    dealt = sorted(order if order is not None else range(len(query.passages)), key=lambda one: -query.levels[one])
    return [Part(place, tuple(dealt[start::count])) for start in range(count)]


def steps_of(
    queries: Sequence[JudgedQuery], options: TuningOptions, generator: np.random.Generator
) -> Iterator[list[Part]]:
    """The parts of each step, epoch after epoch, in an order of the generator's."""
    for _ in range(options.epochs):
        parts = [
            part
            for place, query in enumerate(queries)
            for part in parts_of(place, query, options, generator.permutation(len(query.passages)).tolist())
        ]
        shuffled = [parts[one] for one in generator.permutation(len(parts))]
        yield from (shuffled[start : start + options.queries] for start in range(0, len(shuffled), options.queries))


def step_passages(
    batch: Sequence[tuple[JudgedQuery, Part]], generator: np.random.Generator, options: TuningOptions
) -> tuple[list[str], list[int], list[int]]:
    """Passages of a step, whose query each is, and its level; 0 for a hard negative, which nobody judged."""
    rows: list[tuple[str, int, int]] = []
    for place, (query, part) in enumerate(batch):
        rows += [(query.passages[one], place, query.levels[one]) for one in part.places]
        count = min(options.negatives, len(query.negatives)) if options.contrast else 0
        if count and any(query.levels[one] >= RELEVANT_FROM for one in part.places):
            drawn = generator.choice(len(query.negatives), size=count, replace=False)
            rows += [(query.negatives[one], place, 0) for one in drawn]
    texts, owners, levels = zip(*rows, strict=True)
    return list(texts), list(owners), list(levels)
