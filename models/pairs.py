"""Teaching a prepared model the language of patents by pairs of texts that belong together, without any judgement.

Of a step's pairs each query is to find its own passage among all of them, and each passage its query (InfoNCE in both
directions: van den Oord et al., Representation Learning with Contrastive Predictive Coding, 2018). Pairs of one group,
such as an IPC subclass, stand in one step, so that what has to be told apart is alike.

Training can stop at any step and go on from its state: order, rate and draws are functions of the step and the seed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from models.adaptation import check_names, sha256_of, weights_file
from models.encoder import Encoder, Role
from models.errors import TrainingError
from models.sentence_transformer import Precision
from models.tokens import Prefixes
from models.training import Student, optimiser_of

if TYPE_CHECKING:
    import torch

Report = Callable[[int, int, float], None]
"""Receives the steps done, how many there are, and the loss of the last one."""


_MAY_CHANGE = frozenset({"blend", "save_every", "threads", "device"})
"""Options that a training may go on with another value of: where and how fast it computes, and what is made of it."""


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
    """How a model is adapted. The figures behind the defaults are in docs/decisions/0015-adapted-model.md.

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
        device: where it computes, as torch names it; ``auto`` is CUDA where there is some, else the CPU.
    """

    steps: int = 240
    batch: int = 48
    block: int = 12
    learning_rate: float = 6e-5
    warmup: float = 0.08
    temperature: float = 0.03
    max_tokens: int = 80
    step_tokens: int = 2048
    freeze_embeddings: bool = True
    freeze_layers: int = 6
    blend: float = 0.5
    save_every: int = 20
    precision: Precision = "bfloat16"
    seed: int = 1
    threads: int | None = None
    device: str = "auto"

    def as_json(self) -> dict[str, Any]:
        """The options as JSON types."""
        return asdict(self)

    @property
    def steady(self) -> dict[str, Any]:
        """Those that a training keeps to its end, as JSON types."""
        return {name: value for name, value in self.as_json().items() if name not in _MAY_CHANGE}


class PairTuner:
    """A model that learns from pairs.

    Args:
        folder: the prepared base model.
        options: how it is adapted.
        prefixes: replace those that the folder declares, as in service.

    Raises:
        SourceError: the folder is no model, is damaged, or its weights are not in one file.
        TrainingError: there is no such device, or the model has fewer layers than are to be frozen.
    """

    def __init__(self, folder: Path, options: PairOptions, prefixes: Prefixes | None = None) -> None:
        self._options = options
        self._weights_file = weights_file(folder)
        self._student = Student(folder, prefixes=prefixes, threads=options.threads)
        self.device = _device(options.device)
        self._student.move(self.device)
        self._parameters = self._student.trainable(options)
        check_names(self._weights_file, map(self._named, self._parameters))
        self._base = {name: value.detach().clone() for name, value in self._parameters.items()}

    @property
    def encoder(self) -> Encoder:
        """The model as it is now. Its fingerprint is that of the base and stays so: do not keep its vectors."""
        return self._student

    def train(self, pairs: Sequence[TextPair], state: Path, *, report: Report = lambda *_: None) -> None:
        """Train from the base's weights, or go on from ``state``, and leave the trained weights in the encoder.

        Args:
            pairs: to learn from.
            state: a file that is written every ``save_every`` steps, and read where it is there. Where no step is left
                nothing is learned: its weights are loaded.
            report: receives the steps done, how many there are, and the loss.

        Raises:
            TrainingError: there are fewer pairs than a step takes, the loss is not finite, or the state cannot be read
                or is of other options or pairs.
        """
        import torch

        options = self._options
        if len(pairs) < options.batch:
            raise TrainingError(
                f"There are {len(pairs)} pairs; a step takes {options.batch}. Bring more patents or a smaller --batch.",
                f"只有 {len(pairs)} 对文本，每一步需要 {options.batch} 对。请增加专利或减小 --batch。",
            )
        optimiser, schedule = optimiser_of(
            list(self._parameters.values()), options.steps, options.learning_rate, options.warmup
        )
        progress = _Progress(state, options.steady, digest_of(pairs), self._parameters, optimiser, schedule)
        with torch.random.fork_rng(devices=[]):
            done = progress.resume()
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
                    progress.save(step)

    def differences(self) -> dict[str, npt.NDArray[np.float32]]:
        """What the encoder's weights differ by from the base's, float32, times ``blend``, as the base names them."""
        return {
            self._named(name): ((value.detach() - self._base[name]) * self._options.blend).float().cpu().numpy()
            for name, value in self._parameters.items()
        }

    def load(self, differences: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Put the base's weights with ``differences`` into the encoder."""
        import torch

        with torch.no_grad():
            for name, value in self._parameters.items():
                value.copy_(self._base[name] + torch.from_numpy(differences[self._named(name)]).to(value.device))

    def description(self) -> dict[str, Any]:
        """What an adaptation of this model says of its base, its recipe and the libraries that ran."""
        names = ("patmatch", "torch", "transformers", "sentence-transformers")
        return {
            "base": {"name": self._student.name, "weights_sha256": sha256_of(self._weights_file)},
            "recipe": {**self._options.steady, "blend": self._options.blend, "device": self.device},
            "versions": {name: version(name) for name in names},
        }

    @staticmethod
    def _named(parameter: str) -> str:
        """A parameter as the weights file names it: without the module of sentence-transformers that it lies in."""
        return parameter.split(".", 2)[2]

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


@dataclass(frozen=True, slots=True)
class _Progress:
    """How far a training is, on disk: all that the steps to come depend on."""

    file: Path
    options: Mapping[str, Any]
    pairs: str
    parameters: Mapping[str, torch.nn.Parameter]
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler

    def save(self, step: int) -> None:
        """Write it, whole or not at all."""
        import torch

        beside = self.file.with_name(f"{self.file.name}.writing")
        torch.save(
            {
                "options": self.options,
                "pairs": self.pairs,
                "step": step,
                "weights": {name: value.detach() for name, value in self.parameters.items()},
                "optimiser": self.optimiser.state_dict(),
                "schedule": self.schedule.state_dict(),
            },
            beside,
        )
        beside.replace(self.file)

    def resume(self) -> int:
        """The steps that it has behind it, its weights loaded; 0 where there is none.

        Raises:
            TrainingError: it cannot be read, or is of other options or pairs.
        """
        import torch

        if not self.file.is_file():
            return 0
        try:
            found = torch.load(self.file, weights_only=True, map_location="cpu")
            options, step = found["options"], int(found["step"])
        # A file that is cut short or none of ours raises whatever part of torch trips over it.
        except Exception as error:
            raise TrainingError(
                f"The state {self.file.name} cannot be read; remove it to train from the beginning.",
                f"无法读取训练状态 {self.file.name}；删除该文件后可从头训练。",
            ) from error
        other = sorted(name for name, value in self.options.items() if options.get(name, value) != value)
        # The state of a release before pairs were digested says nothing of them.
        if other or found.get("pairs", self.pairs) != self.pairs:
            of, of_zh = (
                (f"other options ({', '.join(other)})", "另一组选项") if other else ("other pairs", "另一批文本")
            )
            raise TrainingError(
                f"{self.file.name} is the state of a training with {of}; use the same, or remove it to train from the "
                "beginning.",
                f"{self.file.name} 属于{of_zh}的训练；请使用相同的，或删除该文件后从头训练。",
            )
        with torch.no_grad():
            for name, value in self.parameters.items():
                value.copy_(found["weights"][name])
        self.optimiser.load_state_dict(found["optimiser"])
        self.schedule.load_state_dict(found["schedule"])
        return step


def _device(asked: str) -> str:
    import torch

    return asked if asked != "auto" else "cuda" if torch.cuda.is_available() else "cpu"


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


def digest_of(pairs: Sequence[TextPair]) -> str:
    """What pairs they are, in their order: 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for pair in pairs:
        digest.update(json.dumps([pair.query, pair.passage, pair.group]).encode())
    return digest.hexdigest()


def both_ways(queries: torch.Tensor, passages: torch.Tensor, ignored: torch.Tensor, temperature: float) -> torch.Tensor:
    """InfoNCE from queries to passages and back, a scalar.

    Args:
        queries: unit vectors ``[n, d]``.
        passages: unit vectors ``[n, d]``, that of each query in its row.
        ignored: bool ``[n, n]``, pairs that count as neither right nor wrong.
        temperature: what cosines are divided by.
    """
    import torch

    logits = (queries @ passages.T / temperature).masked_fill(ignored.to(queries.device), -torch.inf)
    right = torch.arange(len(logits), device=logits.device)
    forward = torch.nn.functional.cross_entropy(logits, right)
    backward = torch.nn.functional.cross_entropy(logits.T, right)
    return (forward + backward) / 2
