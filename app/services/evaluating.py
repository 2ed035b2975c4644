"""Measure on judged queries what the service answers: the same index, the same matching, only with other records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import index
from app.catalogue import Catalogue
from app.domain import AnyRecord, Filter, Kind, MatchAnswer, MatchRequest, Need, Patent, Query, QueryResult
from app.errors import InputError, PatmatchError
from app.evaluation.collection import Collection, QueryRun, Ranked, Served, TextRow
from app.evaluation.files import KnownJudgements, keep_known, read_qrels, read_texts
from app.evaluation.measures import RECALL_DEPTH
from app.evaluation.report import ReportContents
from app.evaluation.result import evaluate_runs
from app.ingest.language import detect_language
from app.ingest.text import fold_body, fold_line
from app.services.embedding import Progress, Report
from app.services.indexing import BuildReport, IndexService, IndexSettings
from app.services.kept import KeptEncoder
from app.services.matching import MatchLimits, MatchService
from app.services.serving import ServedIndex
from models import Encoder

_TARGET = Kind.PATENTS
_BATCH = 32
"""Queries of one match request: enough that their texts fill the encoder's batches."""
_PAGE = 4000
"""Records of one transaction, as when a file is imported."""
_TITLE_CHARS = 60
"""How much of a text stands for a title where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSettings:
    """What the service in force would use.

    Attributes:
        vectors_dir: where vectors are kept, so that a second evaluation embeds nothing.
        options: how an index is built.
        limits: what one request may ask for; a query longer than these allow fails here as it does there.
    """

    vectors_dir: Path
    options: index.BuildOptions
    limits: MatchLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationFiles:
    """What an evaluator brings; `app.evaluation.files` says how they look."""

    corpus: Path
    queries: Path
    qrels: Path


class EvaluationService:
    """Evaluates judged queries on an index of its own; the published indexes and the catalogue are not touched.

    Args:
        encoder: gives the encoder.
        settings: what the service in force would use.
    """

    def __init__(self, encoder: Callable[[], Encoder], settings: EvaluationSettings) -> None:
        self._encoder = encoder
        self._settings = settings

    def evaluate(self, files: EvaluationFiles, *, report: Report = lambda _progress: None) -> ReportContents:
        """Index the corpus, ask every query, score every judged document, and measure.

        Raises:
            InputError: a file cannot be used, or no judgement is about its queries and documents.
            ModelProblem: the encoder cannot be loaded.
            IndexProblem: no index could be built of the corpus.
            ConflictError: another job writes vectors of this model.
        """
        began = perf_counter()
        material = _Material.read(files)
        with TemporaryDirectory(prefix="patmatch-evaluate-", ignore_cleanup_errors=True) as folder:
            catalogue = Catalogue.open(f"sqlite:///{Path(folder) / 'catalogue.sqlite3'}")
            try:
                _store(catalogue, material)
                place = IndexSettings(
                    index_dir=Path(folder), vectors_dir=self._settings.vectors_dir, options=self._settings.options
                )
                build = IndexService(catalogue, self._encoder, place).build(_TARGET, publish=True, report=report)
                runs = self._ask(catalogue, place, material, report)
                snapshot = _described(build, index.load_snapshot(place.index_dir, build.snapshot).manifest)
            finally:
                catalogue.close()
        return self._contents(material, runs, snapshot, perf_counter() - began)
