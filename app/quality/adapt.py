"""Adapt the encoder to patents: it learns from pairs of their texts, without judgements, and can go on after a kill."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from app.catalogue import Catalogue
from app.domain import Kind, Patent
from app.errors import InputError
from app.ingest import read_records
from app.progress import Progress, Report
from app.quality.pair_material import PatentText, held_out, pairs_of
from app.quality.train import refuse_taken, unwritable
from app.serving.encoders import EncoderSpec
from app.serving.translation import translated
from models import Encoder, ModelSource, Prefixes, Role
from models.adaptation import as_kept, sha256_of, write_adaptation, write_adapted
from models.folders import exclusive
from models.pairs import PairOptions, PairTuner, TextPair

MEASURED = 500
"""Titles that are asked among as many abstracts: ten of them are 0.02 of recall, and few enough for a CPU."""
DEPTHS = (1, 10)
"""Recall is measured at these depths."""
_COMPARED = 100
"""Texts whose cosines are compared with rounded differences and with whole ones."""
_AT_ONCE = 50
"""Texts that are embedded between two reports."""
_LAST = 20
"""Steps that the loss is the mean of: one step's is mostly noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptationRequest:
    """What is adapted, and by what.

    Attributes:
        files: of patents, as `patmatch ingest patents` reads them; the catalogue's patents where there are none.
        mapping: their header to our field, for headers that are not recognised.
        measure: a file of patents to measure on; those that are learned from are left out.
        out: the folder that is made.
        state: where the training is kept, to go on from.
        base: source of the model to begin with; the configured one for ``None``.
        options: how it is adapted.
    """

    files: tuple[Path, ...]
    mapping: Mapping[str, str] | None = None
    measure: Path | None = None
    out: Path
    state: Path
    base: str | None = None
    options: PairOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptationOutcome:
    """What an adaptation came to.

    Attributes:
        steps: of the whole training.
        taken: those of this call.
        loss: mean of the last ones of this call; ``None`` where no step was left.
        counts: patents and pairs.
        rejected: rows of the files that could not be used.
        reasons: how often each reason was given.
        before: recall of the base by its depth, as ``recall@10``; empty where nothing was measured.
        after: that of the adapted model.
        rounding: largest difference that rounding makes to a cosine between 100 texts.
        seconds: of the whole call.
    """

    steps: int
    taken: int
    loss: float | None
    counts: Mapping[str, int]
    rejected: int
    reasons: Mapping[str, int]
    before: Mapping[str, float]
    after: Mapping[str, float]
    rounding: float
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The outcome as JSON types."""
        return asdict(self)


class AdaptationService:
    """Adapts encoders. Published indexes, the catalogue and the configured model are not touched.

    Args:
        catalogue: the patents where there are no files.
        models_dir: where prepared models are.
        spec_of: the encoder that a source names; the configured one for ``None``.
    """

    def __init__(self, catalogue: Catalogue, models_dir: Path, spec_of: Callable[[str | None], EncoderSpec]) -> None:
        self._catalogue = catalogue
        self._models_dir = models_dir
        self._spec_of = spec_of

    def adapt(self, request: AdaptationRequest, *, report: Report = lambda _progress: None) -> AdaptationOutcome:
        """Learn, or go on from the state, measure, and write folder and differences.

        Args:
            request: what is adapted, and by what.
            report: receives the progress.

        Raises:
            UsageError: something is at ``out`` already, or the base names no model.
            InputError: a file cannot be used, or holds no patent.
            ModelProblem: the base cannot be loaded, there are too few pairs, or the state is of another training.
            JobError: the folder cannot be written.
        """
        began = perf_counter()
        refuse_taken(request.out)
        material = self._material(request, report)
        with translated():
            folder, tuner = self._base(request)
            asked = _Asked(material.measured, report)
            before = asked.recall(tuner.encoder, "measure the base")
            loss = _Loss(report)
            with exclusive(request.state):
                tuner.train(material.pairs, request.state, report=loss)
            kept, rounding = _kept(tuner, material.pairs)
            after = asked.recall(tuner.encoder, "measure the adapted")
            description = tuner.description() | material.description() | {"rounding": {"cosine": rounding}}
            _write(request.out, folder, kept, description)
        return AdaptationOutcome(
            steps=request.options.steps,
            taken=loss.taken,
            loss=loss.mean,
            counts=material.counts,
            rejected=sum(material.rejected.values()),
            reasons=dict(material.reasons),
            before=before,
            after=after,
            rounding=rounding,
            seconds=round(perf_counter() - began, 1),
        )

    def _base(self, request: AdaptationRequest) -> tuple[Path, PairTuner]:
        spec = self._spec_of(request.base)
        folder = ModelSource.parse(spec.source).folder_for(self._models_dir)
        return folder, PairTuner(
            folder, request.options, Prefixes(query=spec.query_prefix, passage=spec.passage_prefix)
        )

    def _material(self, request: AdaptationRequest, report: Report) -> _Material:
        material = _Material(request, report)
        if request.files:
            texts = [text for path in request.files for text in material.of_file(path)]
        else:
            texts = list(self._of_catalogue(report))
        material.learn(texts)
        return material

    def _of_catalogue(self, report: Report) -> Iterator[PatentText]:
        count, done = self._catalogue.count(Kind.PATENTS), 0
        for page in self._catalogue.iterate(Kind.PATENTS):
            yield from (PatentText.of(one) for one in page if isinstance(one, Patent))
            done += len(page)
            report(Progress("read patents", done, count))


class _Material:
    """What is learned from and measured on, and what became of the rows."""

    def __init__(self, request: AdaptationRequest, report: Report) -> None:
        self._request = request
        self._report = report
        self.rejected: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.pairs: list[TextPair] = []
        self.measured: list[TextPair] = []
        self.counts: dict[str, int] = {}

    def of_file(self, path: Path) -> Iterator[PatentText]:
        """The patents of a file; rows that cannot be used are counted."""
        done = 0
        with read_records(path, Kind.PATENTS, mapping=self._request.mapping) as rows:
            for done, outcome in enumerate(rows, start=1):
                if isinstance(outcome.record, Patent):
                    yield PatentText.of(outcome.record)
                else:
                    self.rejected[path.name] += 1
                    self.reasons.update(found.code for found in outcome.rejected)
                if done % _AT_ONCE == 0:
                    self._report(Progress(f"read {path.name}", done, done))

    def learn(self, texts: Sequence[PatentText]) -> None:
        """Make pairs of these, and draw from the file to measure on what is not among them."""
        seed, measure = self._request.options.seed, self._request.measure
        self.pairs = list(pairs_of(texts, seed))
        if measure is not None:
            self.measured = held_out(self.of_file(measure), texts, MEASURED, seed)
            if not self.measured:
                raise InputError(
                    f"every patent of {measure.name} is learned from or has no abstract: none is left to measure on",
                    f"{measure.name} 中的专利都已用于训练或没有摘要，没有可用于评测的专利",
                    code="nothing_held_out",
                )
        self.counts = {"patents": len(texts), "pairs": len(self.pairs), "measured": len(self.measured)}

    def description(self) -> dict[str, Any]:
        """What an adaptation says of its data."""
        files = [{"name": path.name, "sha256": sha256_of(path)} for path in self._request.files]
        return {"pairs": {name: self.counts[name] for name in ("patents", "pairs")}, "files": files}


class _Loss:
    """Passes steps on, with the loss, and remembers the last ones."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._last: deque[float] = deque(maxlen=_LAST)
        self.taken = 0

    def __call__(self, done: int, total: int, loss: float) -> None:
        self._last.append(loss)
        self.taken += 1
        self._report(Progress("train", done, total, note=f"loss {self.mean:.3f}"))

    @property
    def mean(self) -> float | None:
        """Of the last steps; ``None`` before the first."""
        return sum(self._last) / len(self._last) if self._last else None


class _Asked:
    """Titles that are asked among abstracts."""

    def __init__(self, pairs: Sequence[TextPair], report: Report) -> None:
        self._pairs = pairs
        self._report = report

    def recall(self, encoder: Encoder, stage: str) -> dict[str, float]:
        """Share of titles whose abstract is among the first of all, by its depth; nothing without pairs."""
        if not self._pairs:
            return {}
        titles = [pair.query for pair in self._pairs]
        abstracts = [pair.passage for pair in self._pairs]
        queries = self._embedded(encoder, titles, Role.QUERY, stage, 0)
        passages = self._embedded(encoder, abstracts, Role.PASSAGE, stage, len(titles))
        return recalls(queries @ passages.T)

    def _embedded(self, encoder: Encoder, texts: Sequence[str], role: Role, stage: str, done: int) -> Any:  # noqa: ANN401
        found = []
        for start in range(0, len(texts), _AT_ONCE):
            found.append(encoder.encode(texts[start : start + _AT_ONCE], role).vectors)
            self._report(Progress(stage, done + min(start + _AT_ONCE, len(texts)), 2 * len(self._pairs)))
        return np.concatenate(found)


def recalls(cosines: np.ndarray[Any, Any]) -> dict[str, float]:
    """Recall at each depth, of cosines ``[n, n]`` whose own passage stands in the diagonal."""
    own = np.diagonal(cosines)[:, None]
    ranks = (cosines > own).sum(axis=1)
    return {f"recall@{depth}": float((ranks < depth).mean()) for depth in DEPTHS}


def _kept(tuner: PairTuner, pairs: Sequence[TextPair]) -> tuple[Mapping[str, Any], float]:
    """The differences as a file keeps them, loaded into the encoder, and how much rounding moves a cosine at most."""
    whole = tuner.differences()
    kept = as_kept(whole)
    texts = [pair.passage for pair in pairs[:: max(1, len(pairs) // _COMPARED)]][:_COMPARED]
    cosines = []
    for differences in (whole, kept):
        tuner.load(differences)
        vectors = tuner.encoder.encode(texts, Role.PASSAGE).vectors
        cosines.append(vectors @ vectors.T)
    return kept, float(np.abs(cosines[0] - cosines[1]).max())


def _write(out: Path, base: Path, differences: Mapping[str, Any], description: Mapping[str, Any]) -> None:
    file = out.with_name(f".{out.name}.safetensors")
    try:
        write_adaptation(file, differences, description)
        write_adapted(base, file, out)
    except OSError as error:
        raise unwritable(out, error) from error
    finally:
        file.unlink(missing_ok=True)
