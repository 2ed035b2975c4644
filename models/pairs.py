"""Teaching a prepared model the language of patents by pairs of texts that belong together, without any judgement.

Of a step's pairs each query is to find its own passage among all of them, and each passage its query (InfoNCE in both
directions: van den Oord et al., Representation Learning with Contrastive Predictive Coding, 2018). Pairs of one group,
such as an IPC subclass, stand in one step, so that what has to be told apart is alike.

Training can stop at any step and go on from its state: order, rate and draws are functions of the step and the seed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.encoder import Encoder, Role
from models.errors import TrainingError
from models.sentence_transformer import Precision
from models.tokens import Prefixes
from models.training import Student, optimiser_of

if TYPE_CHECKING:
    import torch

Report = Callable[[int, int, float], None]
"""Receives the steps done, how many there are, and the loss of the last one."""


@dataclass(frozen=True, slots=True)
class TextPair:
    """Two texts that belong together.

    Attributes:
        query: what asks, such as a title.
        passage: what is to be found by it, such as an abstract.
        group: what it is hard to tell apart within, such as an IPC subclass; ``""`` where there is none.
    """

    query: str
    passage: str
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairOptions:
    """How a model is adapted.

    Attributes:
        steps: how many, each of ``batch`` pairs.
        batch: pairs of a step.
        block: pairs of one group that stand together in a step.
        learning_rate: at its highest, after the warm-up; it then falls linearly to zero.
        warmup: share of the steps in which the rate rises.
        temperature: what a cosine is divided by in the loss.
        max_tokens: of a text while training; the rest of a longer one is left out.
        step_tokens: of one pass through the model, padding included.
        freeze_embeddings: leave the word embeddings as they are.
        freeze_layers: how many of the lowest layers to leave as they are.
        blend: how far the published weights go from the base's (0) to the trained ones (1).
        save_every: steps after which the state is saved.
        precision: arithmetic of the transformer while it learns.
        seed: of the order and of dropout.
        threads: CPU threads of torch; ``None`` leaves them.
    """

    steps: int = 600
    batch: int = 64
    block: int = 16
    learning_rate: float = 5e-5
    warmup: float = 0.1
    temperature: float = 0.03
    max_tokens: int = 128
    step_tokens: int = 4096
    freeze_embeddings: bool = True
    freeze_layers: int = 6
    blend: float = 0.5
    save_every: int = 50
    precision: Precision = "bfloat16"
    seed: int = 1
    threads: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The options as JSON types."""
        return asdict(self)


class PairTuner:
    """A model that learns from pairs.

    Args:
        folder: the prepared base model.
        options: how it is adapted.
        prefixes: replace those that the folder declares, as in service.

    Raises:
        SourceError: the folder is no model, or it is damaged.
    """

    def __init__(self, folder: Path, options: PairOptions, prefixes: Prefixes | None = None) -> None:
        self._options = options
        self._student = Student(folder, prefixes=prefixes, threads=options.threads)
        self._parameters = self._student.trainable(options)
        self._base = {name: value.detach().clone() for name, value in self._parameters.items()}

    @property
    def encoder(self) -> Encoder:
        """The model as it is now. Its fingerprint is that of the base and stays so: do not keep its vectors."""
        return self._student

    def train(self, pairs: Sequence[TextPair], state: Path, *, report: Report = lambda *_: None) -> None:
        """Train from the base's weights, or go on from ``state``, and leave the blended weights in the encoder.

        Args:
            pairs: to learn from.
            state: a file that is written every ``save_every`` steps, and read where it is there.
            report: receives the steps done, how many there are, and the loss.

        Raises:
            TrainingError: there are fewer pairs than a step takes, the loss is not finite, or the state is of other
                options or pairs.
        """
        import torch

        options = self._options
        if len(pairs) < options.batch:
            raise TrainingError(
                f"There are {len(pairs)} pairs; a step takes {options.batch}.",
                f"只有 {len(pairs)} 对文本，每一步需要 {options.batch} 对。",
            )
        optimiser, schedule = optimiser_of(
            list(self._parameters.values()), options.steps, options.learning_rate, options.warmup
        )
        with torch.random.fork_rng(devices=[]):
            done = self._resumed(state, optimiser, schedule)
            for step, batch in enumerate(steps_of(pairs, options), start=1):
                if step > options.steps:
                    break
                if step <= done:
                    continue
                torch.manual_seed(options.seed * 1_000_003 + step)
                loss = self._step([pairs[place] for place in batch], optimiser)
                schedule.step()
                report(step, options.steps, loss)
                if step % options.save_every == 0 or step == options.steps:
                    self._save(state, step, optimiser, schedule)
        self.load_blend(options.blend)

    def load_blend(self, blend: float) -> None:
        """Put the weights between the base's (0) and the trained ones (1) into the encoder; once, at the end."""
        import torch

        with torch.no_grad():
            for name, value in self._parameters.items():
                value.copy_(self._base[name].lerp(value, blend))

    def differences(self) -> Mapping[str, torch.Tensor]:
        """What the weights in the encoder differ by from the base's, by name."""
        return {name: value.detach() - self._base[name] for name, value in self._parameters.items()}

    def _step(self, batch: Sequence[TextPair], optimiser: torch.optim.Optimizer) -> float:
        import torch

        self._student.learning(True)
        queries = self._student.tensors([pair.query for pair in batch], Role.QUERY, self._options)
        passages = self._student.tensors([pair.passage for pair in batch], Role.PASSAGE, self._options)
        self._student.learning(False)
        loss = both_ways(queries, passages, same_texts(batch), self._options.temperature)
        if not bool(torch.isfinite(loss)):
            raise TrainingError(
                "Training diverged: the loss is not finite. Use a lower learning rate.",
                "训练发散：损失不是有限值。请降低学习率。",
            )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._parameters.values(), 1.0)
        optimiser.step()
        return float(loss.detach())

    def _save(self, state: Path, step: int, optimiser: torch.optim.Optimizer, schedule: Any) -> None:
        import torch

        weights = {name: value.detach() for name, value in self._parameters.items()}
        beside = state.with_name(f"{state.name}.writing")
        torch.save(
            {
                "options": self._options.as_json(),
                "step": step,
                "weights": weights,
                "optimiser": optimiser.state_dict(),
                "schedule": schedule.state_dict(),
            },
            beside,
        )
        os.replace(beside, state)

    def _resumed(self, state: Path, optimiser: torch.optim.Optimizer, schedule: Any) -> int:
        """The steps that the state has behind it, its weights loaded; 0 where there is none."""
        import torch

        if not state.is_file():
            return 0
        found = torch.load(state, weights_only=True)
        if found["options"] != self._options.as_json():
            raise TrainingError(
                f"{state.name} is the state of a training with other options; remove it or use the same ones.",
                f"{state.name} 属于另一组选项的训练；请删除该文件或使用相同选项。",
            )
        with torch.no_grad():
            for name, value in self._parameters.items():
                value.copy_(found["weights"][name])
        optimiser.load_state_dict(found["optimiser"])
        schedule.load_state_dict(found["schedule"])
        return int(found["step"])


def steps_of(pairs: Sequence[TextPair], options: PairOptions) -> Iterator[list[int]]:
    """Places of the pairs of each step, without end: blocks of one group, dealt anew in every pass."""
    groups: dict[str, list[int]] = {}
    for place, pair in enumerate(pairs):
        groups.setdefault(pair.group, []).append(place)
    generator = np.random.default_rng(options.seed)
    names = sorted(groups)
    while True:
        blocks = []
        for name in names:
            order = generator.permutation(groups[name]).tolist()
            blocks += [order[start : start + options.block] for start in range(0, len(order), options.block)]
        dealt = [place for one in generator.permutation(len(blocks)).tolist() for place in blocks[one]]
        for start in range(0, len(dealt) - options.batch + 1, options.batch):
            yield dealt[start : start + options.batch]


def same_texts(batch: Sequence[TextPair]) -> torch.Tensor:
    """Bool ``[n, n]``: where another pair has the same query or passage, which is then no wrong answer."""
    import torch

    queries, passages = ([getattr(pair, side) for pair in batch] for side in ("query", "passage"))
    same = [
        [i != j and (queries[i] == queries[j] or passages[i] == passages[j]) for j in range(len(batch))]
        for i in range(len(batch))
    ]
    return torch.tensor(same)


def both_ways(queries: torch.Tensor, passages: torch.Tensor, ignored: torch.Tensor, temperature: float) -> torch.Tensor:
    """InfoNCE from queries to passages and back, a scalar.

    Args:
        queries: unit vectors ``[n, d]``.
        passages: unit vectors ``[n, d]``, that of each query in its row.
        ignored: bool ``[n, n]``, pairs that count as neither right nor wrong.
        temperature: what cosines are divided by.
    """
    import torch

    logits = (queries @ passages.T / temperature).masked_fill(ignored, -torch.inf)
    right = torch.arange(len(logits))
    forward = torch.nn.functional.cross_entropy(logits, right)
    backward = torch.nn.functional.cross_entropy(logits.T, right)
    return (forward + backward) / 2
