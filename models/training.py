"""Fine-tuning a prepared model on graded judgements, on the CPU, the same for a seed.

The loop is our own: the trainer of sentence-transformers needs two packages that nothing else here does, and feeds a
text to the model by rules of its own. Here a text gets the token ids, and a query of several views the weights, that
they get when they are served.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from models.encoder import Encoder, Role
from models.errors import TrainingError
from models.folders import exclusive, staged
from models.sentence_transformer import Precision, SentenceTransformerEncoder, arithmetic
from models.source import check
from models.tokens import Prefixes, WindowPolicy, batches, plan
from models.training_data import RELEVANT_FROM, JudgedQuery, Part, TuningOptions, parts_of, step_passages, steps_of

if TYPE_CHECKING:
    import torch

PROMPT_NAMES = ("query", "passage", "document")
"""Prompts that a folder may declare for the two roles; `document` is what newer folders call a passage."""

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")


@dataclass(frozen=True, slots=True)
class Check:
    """The measures of held-out queries after some steps; training keeps the weights of the best ``score``."""

    step: int
    score: float
    measures: Mapping[str, float]


Measure = Callable[[Encoder], tuple[float, Mapping[str, float]]]
Report = Callable[[int, int], None]


class FineTuner:
    """A model that learns from judgements, each time from the base's weights; it can be measured and saved at any time.

    Args:
        folder: the prepared base model.
        options: how it is fine-tuned.
        prefixes: replace those that the folder declares, as in service.

    Raises:
        SourceError: the folder is no model, or it is damaged.
    """

    def __init__(self, folder: Path, options: TuningOptions, prefixes: Prefixes | None = None) -> None:
        self._options = options
        self._folder = folder
        self._student = Student(folder, prefixes=prefixes, threads=options.threads)
        self._parameters = self._student.trainable(options)
        self._base = {name: value.detach().clone() for name, value in self._parameters.items()}

    @property
    def encoder(self) -> Encoder:
        """The model as it is now. Its fingerprint is that of the base and stays so: do not keep its vectors."""
        return self._student

    @property
    def trained_parameters(self) -> int:
        """How many numbers training changes."""
        return sum(value.numel() for value in self._base.values())

    def steps_of_epoch(self, queries: Sequence[JudgedQuery]) -> int:
        """How many steps see every judgement of ``queries`` once."""
        parts = sum(len(part) for part in (parts_of(place, one, self._options) for place, one in enumerate(queries)))
        return math.ceil(parts / self._options.queries)

    def check_every(self, queries: Sequence[JudgedQuery]) -> int:
        """After how many steps the held-out queries are measured."""
        return max(1, self.steps_of_epoch(queries) // self._options.checks)

    def train(
        self,
        queries: Sequence[JudgedQuery],
        measure: Measure | None,
        *,
        steps: int | None = None,
        report: Report = lambda _done, _total: None,
    ) -> list[Check]:
        """Train from the base's weights and keep those of the best check after the base's own.

        Args:
            queries: to learn from.
            measure: a model's score on held-out queries, larger is better, and what it consists of. Without it the
                last step's weights stay.
            steps: end after so many, with the rate planned for all epochs; all of them when not given.
            report: receives the steps done, and how many there are at most.

        Returns:
            Every check, the base's first; empty without ``measure``.

        Raises:
            TrainingError: no query has passages of two levels, or the loss is not finite: the rate is too high.
        """
        import torch

        if not any(len(set(one.levels)) > 1 for one in queries):
            raise TrainingError(
                "No query has judgements of two levels: there is nothing to learn from.",
                "没有任何查询包含两个不同级别的评判：无从学习。",
            )
        self._load(self._base)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._options.seed)
            return self._trained(queries, measure, steps, report)

    def save(self, out: Path, files: Mapping[str, str]) -> None:
        """Write the model as a sentence-transformers folder, whole or not at all, checked as `prepare` checks one.

        Args:
            out: where it goes; nothing may be there but an empty folder.
            files: further files by name, as text.

        Raises:
            SourceError: the folder cannot be written, or what was written is no working model.
        """
        out.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(out), staged(out) as stage:
            self._student.write(stage, self._folder)
            for name, text in files.items():
                (stage / name).write_text(text, encoding="utf-8")
            check(stage)

    def _trained(
        self, queries: Sequence[JudgedQuery], measure: Measure | None, steps: int | None, report: Report
    ) -> list[Check]:
        options = self._options
        planned = self.steps_of_epoch(queries) * options.epochs
        total = min(steps or planned, planned)
        every = self.check_every(queries)
        optimiser, schedule = optimiser_of(
            list(self._parameters.values()), planned, options.learning_rate, options.warmup
        )
        checks = [Check(0, *measure(self.encoder))] if measure else []
        best, generator = self._base, np.random.default_rng(options.seed)
        for step, parts in enumerate(steps_of(queries, options, generator), start=1):
            self._step(queries, parts, generator, optimiser)
            schedule.step()
            report(step, total)
            if measure and (step % every == 0 or step == total):
                # Measured is what would be written: weights between the base's and the live ones, which train on.
                blended = self._blended()
                checks.append(Check(step, *self._measured(blended, measure)))
                # Not against the base's own check: whether the model beats its base is for the caller to decide.
                if checks[-1].score > max((one.score for one in checks[1:-1]), default=-math.inf):
                    best = blended
                if _out_of_patience(checks, options.patience):
                    break
            if step == total:
                break
        self._load(best if measure else self._blended())
        return checks

    def _step(
        self,
        queries: Sequence[JudgedQuery],
        parts: Sequence[Part],
        generator: np.random.Generator,
        optimiser: torch.optim.Optimizer,
    ) -> None:
        import torch

        self._student.learning(True)
        loss = _loss(self._student, [(queries[part.query], part) for part in parts], generator, self._options)
        self._student.learning(False)
        if not bool(torch.isfinite(loss)):
            raise TrainingError(
                "Training diverged: the loss is not finite. Use a lower learning rate.",
                "训练发散：损失不是有限值。请降低学习率。",
            )
        optimiser.zero_grad()
        if loss.requires_grad:  # it does not where every layer is frozen
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self._parameters.values(), 1.0)
            optimiser.step()

    def _blended(self) -> dict[str, torch.Tensor]:
        blend = self._options.blend
        return {
            name: self._base[name].lerp(value.detach(), blend) if blend < 1 else value.detach().clone()
            for name, value in self._parameters.items()
        }

    def _measured(self, weights: Mapping[str, torch.Tensor], measure: Measure) -> tuple[float, Mapping[str, float]]:
        live = {name: value.detach().clone() for name, value in self._parameters.items()}
        self._load(weights)
        try:
            return measure(self.encoder)
        finally:
            self._load(live)

    def _load(self, weights: Mapping[str, torch.Tensor]) -> None:
        import torch

        with torch.no_grad():
            for name, value in self._parameters.items():
                value.copy_(weights[name])


class Learning(Protocol):
    """What both ways of training have in common."""

    @property
    def max_tokens(self) -> int:
        """Tokens of a text while training."""

    @property
    def step_tokens(self) -> int:
        """Tokens of one pass through the model, padding included."""

    @property
    def freeze_embeddings(self) -> bool:
        """Whether word embeddings stay as they are."""

    @property
    def freeze_layers(self) -> int:
        """How many of the lowest layers stay as they are."""

    @property
    def precision(self) -> Precision:
        """Arithmetic of the transformer while it learns."""


class Student(SentenceTransformerEncoder):
    """The encoder of the service with gradients."""

    def move(self, device: str) -> None:
        """Compute on another device from now on, as torch names it.

        Raises:
            TrainingError: there is no such device here.
        """
        import torch

        try:
            self._model.to(torch.zeros(1, device=device).device)
        # torch raises errors of several kinds for a name it cannot read, a build without the device, and no driver.
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            raise TrainingError(
                f"There is no device {device!r} here. Use --device cpu, or auto.",
                f"本机没有设备 {device!r}。请使用 --device cpu 或 auto。",
            ) from error

    def trainable(self, options: Learning) -> dict[str, torch.nn.Parameter]:
        """The parameters that training changes, by name; the others are frozen."""
        transformer: Any = next(module for module in self._model if hasattr(module, "auto_model")).auto_model
        frozen = [transformer.get_input_embeddings()] if options.freeze_embeddings else []
        if options.freeze_layers:
            layers = getattr(getattr(transformer, "encoder", None), "layer", ())
            if options.freeze_layers > len(layers):
                raise TrainingError(
                    f"The model has no {options.freeze_layers} layers that could be frozen, but {len(layers)}.",
                    f"模型没有 {options.freeze_layers} 层可供冻结，只有 {len(layers)} 层。",
                )
            frozen += [transformer.embeddings, *layers[: options.freeze_layers]]
        for value in self._model.parameters():
            value.requires_grad_(True)
        for module in frozen:
            for value in module.parameters():
                value.requires_grad_(False)
        # A pooler that mean pooling does not use gets no gradient and stays as it is.
        return {name: value for name, value in self._model.named_parameters() if value.requires_grad}

    def learning(self, on: bool) -> None:
        """Dropout on or off."""
        self._model.train(on)

    def tensors(self, texts: Sequence[str], role: Role, options: Learning) -> torch.Tensor:
        """Unit vectors ``[n, dimension]`` with gradients, of each text's first tokens."""
        import torch

        policy = WindowPolicy(max_tokens_per_text=min(options.max_tokens, self._frame.limit))
        ids = self._tokens.ids([self._prefixes[role] + text for text in texts])
        inputs = [plan(one, self._frame, policy).windows[0] for one in ids]
        groups = batches([len(one) for one in inputs], options.step_tokens)
        with arithmetic(options.precision, self._model.device.type):
            pooled = torch.cat([self._pooled([inputs[place] for place in group]) for group in groups]).float()
        order = torch.tensor([place for group in groups for place in group])
        vectors: torch.Tensor = torch.nn.functional.normalize(pooled[torch.argsort(order)], dim=1)
        return vectors

    def write(self, folder: Path, base: Path) -> None:
        """Write the model: the base's tokenizer to the byte, and as prompts the prefixes that it learned with."""
        declared = {name: text for name, text in self._model.prompts.items() if name not in PROMPT_NAMES}
        self._model.prompts = {**declared, **{role.value: prefix for role, prefix in self._prefixes.items()}}
        self._model.save(str(folder), create_model_card=False)
        for name in TOKENIZER_FILES:
            if (base / name).is_file() and (folder / "config.json").is_file():
                shutil.copyfile(base / name, folder / name)


def _loss(
    student: Student,
    batch: Sequence[tuple[JudgedQuery, Part]],
    generator: np.random.Generator,
    options: TuningOptions,
) -> torch.Tensor:
    """The loss of one step: over levels within each query, and of relevant passages against all others of the step."""
    import torch

    text_parts = [text_part for query, _ in batch for text_part in query.text_parts]
    passages, owners, levels = step_passages(batch, generator, options)
    part_vectors = student.tensors(text_parts, Role.QUERY, options)
    passage_vectors = student.tensors(passages, Role.PASSAGE, options)
    total, start = torch.zeros(()), 0
    for place, (query, _) in enumerate(batch):
        weights = torch.tensor(query.weights)[:, None]
        mixed = (part_vectors[start : start + len(weights)] * weights).sum(dim=0)
        start += len(weights)
        scores = passage_vectors @ torch.nn.functional.normalize(mixed, dim=0)
        own = torch.tensor([owner == place and level > 0 for owner, level in zip(owners, levels, strict=True)])
        graded = torch.tensor(levels)
        total = total + _ordered(scores[own], graded[own], options.scale)
        known = set(query.passages)
        others = torch.tensor(
            [passage not in known and (level > 0 or owner == place) for passage, owner, level in
             zip(passages, owners, levels, strict=True)]
        )  # fmt: skip
        relevant = scores[own & (graded >= RELEVANT_FROM)]
        total = total + options.contrast * _apart(relevant, scores[others], options.contrast_scale)
    return total / len(batch)


def _ordered(scores: torch.Tensor, levels: torch.Tensor, scale: float) -> torch.Tensor:
    """CoSENT within one query: log(1 + sum of exp(scale * (lower - higher))) over all pairs of different levels."""
    import torch

    above = levels[:, None] > levels[None, :]
    wrong = scale * (scores[None, :] - scores[:, None])[above]
    return torch.logsumexp(torch.cat([torch.zeros(1), wrong]), dim=0)


def _apart(relevant: torch.Tensor, others: torch.Tensor, scale: float) -> torch.Tensor:
    """InfoNCE: each relevant passage against all others; zero where there are none of either."""
    import torch

    if not len(relevant) or not len(others):
        return torch.zeros(())
    rows = torch.cat([relevant[:, None], others.expand(len(relevant), -1)], dim=1) * scale
    return (torch.logsumexp(rows, dim=1) - rows[:, 0]).mean()


def optimiser_of(
    parameters: list[torch.nn.Parameter], planned: int, learning_rate: float, warmup: float
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """AdamW and its rate, which rises for a share ``warmup`` of the planned steps and then falls linearly to zero."""
    import torch

    warm = max(1, round(planned * warmup))
    optimiser = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.01)
    return optimiser, torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm, max(0.0, (planned - step) / max(1, planned - warm)))
    )


def _out_of_patience(checks: Sequence[Check], patience: int) -> bool:
    best = max(range(len(checks)), key=lambda place: checks[place].score)
    return len(checks) - 1 - best >= patience
