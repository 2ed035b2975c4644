"""The only wiring: settings to services. Tests build the same services from parts of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

import models
from app.alerts.service import AlertService, alert_renderers
from app.alerts.watcher import Watcher, WatchSettings
from app.builds.launcher import BuildService, ProcessLauncher
from app.builds.overview import OverviewService
from app.builds.service import IndexService, IndexSettings
from app.builds.verify import VerificationService
from app.catalogue import Catalogue
from app.domain import Kind, WatchLevel
from app.feedback.funnel import FunnelService
from app.feedback.judgements import JudgementService
from app.feedback.pools import PoolService
from app.feedback.service import FeedbackService, GradingService, OutreachService
from app.ingest import IngestOptions
from app.made_once import made_once
from app.match.service import MatchLimits, MatchService
from app.metrics import Metrics
from app.push.delivery import PushDelivery
from app.push.messages import push_renderers
from app.push.report import PushReporter
from app.push.run import PushService
from app.quality.adapt import AdaptationService
from app.quality.calibrate import CalibrationService
from app.quality.evaluate import EvaluationService, EvaluationSettings
from app.quality.judging import JudgingService
from app.quality.train import TrainingService, TrainingSettings
from app.records.files import FileService
from app.records.imports import ImportService
from app.records.loads import LoadHistory
from app.records.read import RecordService
from app.records.write import Embed, WriteService
from app.serving.delta import Delta, VectorStores
from app.serving.encoders import Encoders, EncoderSlot, EncoderSpec
from app.serving.health import HealthService
from app.serving.served import ServedIndex, Serving
from app.settings import Settings
from app.text.synonyms import loaded, use
from app.webhooks.post import Endpoint
from app.webhooks.sender import WebhookService, WebhookSettings
from index import BuildOptions

BUILD_COMMAND = (sys.executable, "-m", "scripts.cli")
"""What a server runs for a build: this program, by the interpreter that runs it."""


class Services:
    """Everything that commands and endpoints use. Each service is made when it is first used, and no thread is begun.

    Args:
        settings: what to wire.
        encoder: makes every encoder instead of the configured model; for tests.
        encoders: the same, by the spec that is wanted.
        launcher: starts the processes of builds that clients request; for tests.
        embed: makes sure that records have vectors before they are written; by default what serves them does.

    Raises:
        CatalogueProblem: the database cannot be opened.
        SourceError: the settings name no model.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        encoder: Callable[[], models.Encoder] | None = None,
        encoders: Callable[[EncoderSpec], models.Encoder] | None = None,
        launcher: ProcessLauncher | None = None,
        embed: Embed | None = None,
    ) -> None:
        self.settings, self.metrics = settings, Metrics()
        use(loaded(settings.synonyms))
        # Not left to their first use: a server with a wrong URL or model name should not start at all.
        self.catalogue = Catalogue.open(settings.catalogue_url)
        self._spec = encoder_spec(settings)
        self._load = encoders or ((lambda _spec: encoder()) if encoder is not None else self._load_shared)
        self._launcher = launcher
        self._embed = embed

    def close(self) -> None:
        """Stop what runs and close what is open."""
        for name in ("watcher", "webhooks", "serving"):
            if name in vars(self):
                getattr(self, name).stop()
        if "encoders" in vars(self):  # a command may have used an encoder though it serves nothing
            self.encoders.close()
        self.catalogue.close()

    def spec_of(self, model: str | None) -> EncoderSpec:
        """`encoder_spec` of `model`, or of the configured one."""
        return self._spec if model is None else encoder_spec(self.settings, model)

    def _load_shared(self, spec: EncoderSpec) -> models.Encoder:
        return models.BatchingEncoder(
            load_encoder(self.settings, spec),
            max_queue_texts=self.settings.encoder_queue_texts,
            max_batch_texts=self.settings.encoder_batch_texts,
        )

    @made_once
    def encoders(self) -> Encoders:
        """Encoders by their specs; each is loaded once."""
        return Encoders(self._load, self._spec)

    @made_once
    def encoder(self) -> EncoderSlot:
        """The configured encoder."""
        return self.encoders.slot()

    @made_once
    def serving(self) -> Serving:
        """The published snapshots and what changed since."""
        settings, stores = self.settings, VectorStores(self.settings.vectors_dir)
        indexes = {
            kind: ServedIndex(
                settings.index_dir,
                kind,
                encoder_of=self.encoders.of_snapshot,
                catalogue=self.catalogue,
                delta=Delta(kind, self.catalogue, stores, settings.delta_limit),
            )
            for kind in Kind
        }
        return Serving(self.encoders, indexes, stores, settings.index_poll_seconds)

    @made_once
    def match_limits(self) -> MatchLimits:
        """How much one request may ask for."""
        settings = self.settings
        return MatchLimits(
            max_queries=settings.max_queries,
            max_k=settings.max_k,
            max_text_chars=settings.max_text_chars,
            candidates=settings.candidates,
            shared_terms=settings.shared_terms,
        )

    @made_once
    def match(self) -> MatchService:
        """Queries to matches."""
        return MatchService(
            indexes=self.serving.indexes,
            catalogue=self.catalogue,
            limits=self.match_limits,
            why_not=self.encoder.ready,
            stages=self.metrics.stages.labels,
        )

    @made_once
    def health(self) -> HealthService:
        """Whether matches can be answered."""
        return HealthService(
            encoders=self.encoders,
            indexes=self.serving.indexes,
            catalogue=self.catalogue,
            metrics=self.metrics,
            shared_terms=self.settings.shared_terms,
        )

    @made_once
    def records(self) -> RecordService:
        """Records by id."""
        return RecordService(self.catalogue)

    @property
    def _ingest_options(self) -> IngestOptions:
        """How files and requests are read."""
        return IngestOptions(zone=self.settings.zone)

    @made_once
    def importing(self) -> ImportService:
        """Files of every kind."""
        return ImportService(self.catalogue, self.settings.rejects_dir, self._ingest_options)

    @made_once
    def load_history(self) -> LoadHistory:
        """The log of loads, and taking one back."""
        return LoadHistory(self.catalogue)

    @made_once
    def files(self) -> FileService:
        """Files that come over HTTP, loaded by processes of their own."""
        settings, launcher = self.settings, self._process_launcher
        return FileService(
            self.catalogue,
            settings.files_dir.resolve(),
            settings.rejects_dir,
            lambda arguments, output: launcher.launch(arguments, output=output),
            max_bytes=settings.max_file_bytes,
        )

    @made_once
    def writing(self) -> WriteService:
        """Single records and batches."""
        return WriteService(
            self.catalogue,
            self._embed or self.serving.embed,
            max_batch_records=self.settings.max_batch_records,
            options=self._ingest_options,
        )

    @made_once
    def feedback(self) -> FeedbackService:
        """What came back, one by one and in batches."""
        return FeedbackService(
            self.catalogue,
            self._embed or self.serving.embed,
            max_batch_records=self.settings.max_batch_records,
            options=self._ingest_options,
        )

    @made_once
    def outreach(self) -> OutreachService:
        """Opt-outs and rejected pairs."""
        return OutreachService(self.catalogue)

    @made_once
    def judgements(self) -> JudgementService:
        """Judgements as files."""
        return JudgementService(self.catalogue, self.settings.zone)

    @made_once
    def judging(self) -> JudgingService:
        """Sheets for judges."""
        return JudgingService(self.catalogue, self.match, self.settings.max_queries, self._ingest_options)

    @made_once
    def funnel(self) -> FunnelService:
        """The way from a push to a contract."""
        return FunnelService(self.catalogue, self.push_delivery.pushed_pairs)

    @made_once
    def pools(self) -> PoolService:
        """Named selections of patents."""
        return PoolService(self.catalogue)

    @made_once
    def grading(self) -> GradingService:
        """Grades of patents."""
        return GradingService(self.catalogue)

    @made_once
    def pushing(self) -> PushService:
        """Push runs."""
        settings, serving = self.settings, self.serving
        lists = None if settings.webhook_url is None else settings.webhook_lists
        patents, folder = serving.indexes[Kind.PATENTS], settings.push_dir
        return PushService(patents, serving.store_of, self.catalogue, folder, lists)

    @made_once
    def push_delivery(self) -> PushDelivery:
        """The lists of push runs."""
        return PushDelivery(self.catalogue, self.settings.zone)

    @made_once
    def push_reporting(self) -> PushReporter:
        """Reports of push runs."""
        return PushReporter(self.catalogue, self.push_delivery)

    @made_once
    def alerts(self) -> AlertService:
        """Alerts of needs, and from which level on they are watched."""
        return AlertService(self.catalogue, WatchLevel(self.settings.alert_level))

    @made_once
    def watcher(self) -> Watcher:
        """Finds new patents that fit watched needs."""
        settings = self.settings
        watching = WatchSettings(
            default=WatchLevel(settings.alert_level),
            shared_terms=settings.shared_terms,
            poll_seconds=settings.index_poll_seconds,
            lock=settings.home / "alerts.lock",
            announce=settings.webhook_url is not None,
        )
        patents = self.serving.indexes[Kind.PATENTS]
        return Watcher(patents, self.serving.store_of, self.catalogue, self.outreach.excluded_pairs, watching)

    @made_once
    def webhooks(self) -> WebhookService:
        """Sends events as they happen; nothing where no URL is set."""
        settings = self.settings
        sending = None
        if settings.webhook_url is not None:
            endpoint = Endpoint(
                url=settings.webhook_url, key=settings.webhook_key, timeout_s=settings.webhook_timeout_s
            )
            sending = WebhookSettings(endpoint=endpoint, attempts=settings.webhook_attempts)
        renderers = push_renderers(self.push_delivery) | alert_renderers(self.alerts)
        return WebhookService(self.catalogue.outbox, sending, renderers, self.metrics)

    @made_once
    def indexing(self) -> IndexService:
        """Builds, publications and rollbacks."""
        return IndexService(self.catalogue, self.encoders, self._index_settings)

    @made_once
    def builds(self) -> BuildService:
        """Builds in processes of their own."""
        return BuildService(self.indexing.jobs, self._process_launcher, self.spec_of)

    @property
    def _process_launcher(self) -> ProcessLauncher:
        # With the settings in force, whatever this process's own environment says.
        return self._launcher or ProcessLauncher(BUILD_COMMAND, self.settings.environment())

    @made_once
    def overview(self) -> OverviewService:
        """Where every index stands."""
        return OverviewService(self.catalogue, self.indexing, shared_terms=self.settings.shared_terms)

    @made_once
    def verification(self) -> VerificationService:
        """Reads snapshots whole again."""
        return VerificationService(self.catalogue, self.encoders, self.settings.index_dir)

    @property
    def _index_settings(self) -> IndexSettings:
        """Where indexes live and what a snapshot must reach."""
        settings = self.settings
        options = BuildOptions(
            recall_floor=settings.recall_floor, recall_target=settings.recall_target, flat_below=settings.flat_below
        )
        return IndexSettings(
            index_dir=settings.index_dir,
            vectors_dir=settings.vectors_dir,
            options=options,
            centre_from=settings.centre_from,
            neighbours_from=settings.neighbours_from,
        )

    @made_once
    def evaluating(self) -> EvaluationService:
        """Measures the matches on judged queries."""
        evaluating = EvaluationSettings(building=self._index_settings, spec_of=self.spec_of, limits=self.match_limits)
        return EvaluationService(self.encoders, evaluating)

    @made_once
    def training(self) -> TrainingService:
        """Fine-tunes the encoder."""
        settings = self.settings
        training = TrainingSettings(
            models_dir=settings.models_dir,
            index_dir=settings.index_dir,
            spec_of=self.spec_of,
            centre_from=settings.centre_from,
            neighbours_from=settings.neighbours_from,
            shared_terms=settings.shared_terms,
        )
        return TrainingService(self.catalogue, training)

    @made_once
    def adapting(self) -> AdaptationService:
        """Adapts the encoder to patents."""
        return AdaptationService(self.catalogue, self.settings.models_dir, self.spec_of)

    @made_once
    def calibrating(self) -> CalibrationService:
        """Fits what a score means."""
        limits, folder = self.match_limits, self.settings.index_dir
        return CalibrationService(self.evaluating, self.catalogue, self.serving, limits=limits, index_dir=folder)


def encoder_spec(settings: Settings, model: str | None = None) -> EncoderSpec:
    """The configured encoder, or ``model`` in its place; a folder by its whole path, since a snapshot remembers it.

    Raises:
        SourceError: this names no model.
    """
    source = models.ModelSource.parse(settings.model if model is None else model)
    if source.origin is models.Origin.DIR:
        source = replace(source, place=str(source.folder_for(settings.models_dir)))
    return EncoderSpec(
        source=str(source),
        query_prefix=settings.query_prefix,
        passage_prefix=settings.passage_prefix,
        precision=settings.precision,
    )


def load_encoder(settings: Settings, spec: EncoderSpec) -> models.Encoder:
    """An encoder from its prepared folder.

    Raises:
        ModelError: the folder is missing or damaged.
    """
    return models.SentenceTransformerEncoder(
        models.ModelSource.parse(spec.source).folder_for(settings.models_dir),
        prefixes=models.Prefixes(query=spec.query_prefix, passage=spec.passage_prefix),
        precision="bfloat16" if spec.precision == "bfloat16" else "float32",
        threads=settings.encoder_threads,
    )
