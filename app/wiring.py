"""The only wiring: settings to services. Tests build the same services from parts of their own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import SecretStr

import models
from app.alerts.messages import alert_renderers
from app.alerts.service import AlertService
from app.alerts.watcher import Watcher, WatchSettings
from app.builds.launcher import BuildLauncher, BuildService, ProcessLauncher
from app.builds.overview import OverviewService
from app.builds.service import IndexService, IndexSettings
from app.builds.verify import VerificationService
from app.catalogue import Catalogue
from app.domain import Kind, WatchLevel
from app.feedback.funnel import FunnelService
from app.feedback.grading import GradingService
from app.feedback.judgements import JudgementService
from app.feedback.pools import PoolService
from app.feedback.service import FeedbackService, OutreachService
from app.match.service import MatchLimits, MatchService
from app.metrics import Metrics
from app.push.delivery import PushDelivery
from app.push.messages import push_renderers
from app.push.report import PushReporter
from app.push.run import PushService
from app.push.sources import FeedbackSource
from app.quality.calibrate import CalibrationService
from app.quality.evaluate import EvaluationService, EvaluationSettings
from app.quality.train import TrainingService, TrainingSettings
from app.records.imports import ImportService
from app.records.industries import IndustryService
from app.records.read import RecordService
from app.records.write import Embed, WriteService
from app.serving.delta import Delta, VectorStores
from app.serving.encoders import Encoders, EncoderSlot, EncoderSpec
from app.serving.health import HealthService
from app.serving.served import ServedIndex, Serving
from app.settings import Settings
from app.webhooks.post import Endpoint
from app.webhooks.sender import WebhookService, WebhookSettings
from index import BuildOptions

EncoderLoader = Callable[[], models.Encoder]
SpecLoader = Callable[[EncoderSpec], models.Encoder]

BUILD_COMMAND = (sys.executable, "-m", "scripts.cli")
"""What a server runs for a build: this program, by the interpreter that runs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that commands and endpoints use."""

    settings: Settings
    catalogue: Catalogue
    metrics: Metrics
    encoders: Encoders
    encoder: EncoderSlot
    serving: Serving
    match: MatchService
    records: RecordService
    health: HealthService
    importing: ImportService
    industries: IndustryService
    writing: WriteService
    feedback: FeedbackService
    outreach: OutreachService
    judgements: JudgementService
    funnel: FunnelService
    pools: PoolService
    grading: GradingService
    alerts: AlertService
    watcher: Watcher
    indexing: IndexService
    builds: BuildService
    overview: OverviewService
    verification: VerificationService
    evaluating: EvaluationService
    training: TrainingService
    pushing: PushService
    push_delivery: PushDelivery
    push_reporting: PushReporter
    calibrating: CalibrationService
    webhooks: WebhookService

    def close(self) -> None:
        """Stop what runs and close what is open."""
        self.watcher.stop()
        self.webhooks.stop()
        self.serving.stop()
        self.catalogue.close()


def model_source(settings: Settings) -> models.ModelSource:
    """The configured model."""
    return models.ModelSource.parse(settings.model)


def encoder_spec(settings: Settings, model: str | None = None) -> EncoderSpec:
    """The configured encoder, or ``model`` in its place; a folder by its whole path, since a snapshot remembers it.

    Raises:
        SourceError: this names no model.
    """
    source = models.ModelSource.parse(model) if model is not None else model_source(settings)
    if source.origin is models.Origin.DIR:
        source = replace(source, place=str(source.folder_for(settings.models_dir)))
    return EncoderSpec(
        source=str(source),
        query_prefix=settings.query_prefix,
        passage_prefix=settings.passage_prefix,
        precision=settings.precision,
    )


def load_encoder(settings: Settings, spec: EncoderSpec | None = None) -> models.Encoder:
    """An encoder from its prepared folder; the configured one when no other is asked for.

    Raises:
        ModelError: the folder is missing or damaged.
    """
    wanted = spec or encoder_spec(settings)
    return models.load_encoder(
        models.ModelSource.parse(wanted.source).folder_for(settings.models_dir),
        prefixes=models.Prefixes(query=wanted.query_prefix, passage=wanted.passage_prefix),
        precision="bfloat16" if wanted.precision == "bfloat16" else "float32",
        threads=settings.encoder_threads,
    )


def build_services(
    settings: Settings,
    *,
    encoder: EncoderLoader | None = None,
    encoders: SpecLoader | None = None,
    launcher: BuildLauncher | None = None,
    embed: Embed | None = None,
) -> Services:
    """All services over one catalogue; nothing heavy is loaded before its first use.

    Args:
        settings: what to wire.
        encoder: makes every encoder instead of the configured model; for tests.
        encoders: the same, told which one is wanted.
        launcher: starts the processes of builds that a server is asked for; for tests.
        embed: makes sure that records have vectors before they are written; by default what serves them does.

    Raises:
        CatalogueProblem: the database cannot be opened.
    """
    catalogue, metrics = Catalogue.open(settings.catalogue_url), Metrics()
    known = Encoders(_spec_loader(settings, encoder, encoders), encoder_spec(settings))
    slot = known.slot()
    serving = _serving(settings, catalogue, known)
    indexes = serving.indexes
    indexing = IndexService(catalogue, known, index_settings(settings))
    outreach, pools = OutreachService(catalogue), PoolService(catalogue)
    told = _feedback_source(outreach, pools)
    delivery = PushDelivery(catalogue, told)
    alerts = AlertService(catalogue, WatchLevel(settings.alert_level))
    renderers = push_renderers(delivery) | alert_renderers(alerts)
    evaluating = EvaluationService(known, evaluation_settings(settings))
    return Services(
        settings=settings,
        catalogue=catalogue,
        metrics=metrics,
        encoders=known,
        encoder=slot,
        serving=serving,
        match=_match(settings, catalogue, serving, slot, metrics),
        records=RecordService(catalogue),
        health=_health(settings, catalogue, serving, known, metrics),
        importing=ImportService(catalogue, settings.rejects_dir),
        industries=IndustryService(catalogue, settings.rejects_dir),
        writing=WriteService(catalogue, embed or serving.embed, max_batch_records=settings.max_batch_records),
        feedback=_feedback(settings, catalogue, embed or serving.embed),
        outreach=outreach,
        judgements=JudgementService(catalogue),
        funnel=FunnelService(catalogue, delivery.pushed_pairs),
        pools=pools,
        grading=GradingService(catalogue, settings.rejects_dir),
        alerts=alerts,
        watcher=Watcher(
            indexes[Kind.PATENTS], serving.store_of, catalogue, outreach.excluded_pairs, watch_settings(settings)
        ),
        indexing=indexing,
        builds=_builds(settings, indexing, launcher),
        overview=OverviewService(catalogue, indexing, shared_terms=settings.shared_terms),
        verification=VerificationService(catalogue, known, settings.index_dir),
        evaluating=evaluating,
        training=TrainingService(catalogue, training_settings(settings)),
        pushing=PushService(
            indexes[Kind.PATENTS],
            serving.store_of,
            catalogue,
            settings.push_dir,
            told,
            lists_a_message=None if settings.webhook_url is None else settings.webhook_lists,
        ),
        push_delivery=delivery,
        push_reporting=PushReporter(catalogue, delivery),
        calibrating=CalibrationService(
            evaluating, catalogue, serving, limits=match_limits(settings), index_dir=settings.index_dir
        ),
        webhooks=WebhookService(catalogue.outbox, webhook_settings(settings), renderers, metrics),
    )


def webhook_settings(settings: Settings) -> WebhookSettings | None:
    """Where events are sent as they happen; ``None`` where nothing is sent."""
    if settings.webhook_url is None:
        return None
    endpoint = Endpoint(url=settings.webhook_url, key=settings.webhook_key, timeout_s=settings.webhook_timeout_s)
    return WebhookSettings(endpoint=endpoint, attempts=settings.webhook_attempts)


def _serving(settings: Settings, catalogue: Catalogue, encoders: Encoders) -> Serving:
    stores = VectorStores(settings.vectors_dir)
    indexes = {
        kind: ServedIndex(
            settings.index_dir,
            kind,
            encoder_of=encoders.of_snapshot,
            catalogue=catalogue,
            delta=Delta(kind, catalogue, stores, settings.delta_limit),
        )
        for kind in Kind
    }
    return Serving(encoders, indexes, stores, settings.index_poll_seconds)


def _feedback_source(outreach: OutreachService, pools: PoolService) -> FeedbackSource:
    return FeedbackSource(
        excluded_pairs=outreach.rejected_pairs,
        opted_out=outreach.opted_out,
        is_opted_out=outreach.is_opted_out,
        pool=pools.filter,
    )


def _match(
    settings: Settings, catalogue: Catalogue, serving: Serving, slot: EncoderSlot, metrics: Metrics
) -> MatchService:
    return MatchService(
        indexes=serving.indexes,
        catalogue=catalogue,
        limits=match_limits(settings),
        why_not=slot.ready,
        observe=metrics.stage,
    )


def _health(
    settings: Settings, catalogue: Catalogue, serving: Serving, encoders: Encoders, metrics: Metrics
) -> HealthService:
    return HealthService(
        encoders=encoders,
        indexes=serving.indexes,
        catalogue=catalogue,
        metrics=metrics,
        shared_terms=settings.shared_terms,
    )


def _feedback(settings: Settings, catalogue: Catalogue, embed: Embed) -> FeedbackService:
    return FeedbackService(catalogue, embed, settings.rejects_dir, max_batch_records=settings.max_batch_records)


def _builds(settings: Settings, indexing: IndexService, launcher: BuildLauncher | None) -> BuildService:
    starts = launcher or build_launcher(settings)
    return BuildService(indexing.jobs, starts, lambda source: encoder_spec(settings, source))


def build_launcher(settings: Settings, command: Sequence[str] = BUILD_COMMAND) -> ProcessLauncher:
    """Starts `patmatch` with the settings in force, whatever this process's own environment says."""
    return ProcessLauncher(command, process_environment(settings))


def process_environment(settings: Settings) -> dict[str, str]:
    """This process's environment with every setting as it is in force; the home folder by its whole path."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("PATMATCH_")}
    chosen = {name: getattr(settings, name) for name in Settings.model_fields}
    chosen["home"] = settings.home.resolve()
    return kept | {
        f"PATMATCH_{name.upper()}": _as_variable(value) for name, value in chosen.items() if value is not None
    }


def _as_variable(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value) if isinstance(value, str | int | float | Path) else json.dumps(value, default=_as_variable)


def index_settings(settings: Settings) -> IndexSettings:
    """Where indexes live and what a snapshot must reach."""
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


def match_limits(settings: Settings) -> MatchLimits:
    """How much one request may ask for."""
    return MatchLimits(
        max_queries=settings.max_queries,
        max_k=settings.max_k,
        max_text_chars=settings.max_text_chars,
        candidates=settings.candidates,
        shared_terms=settings.shared_terms,
    )


def watch_settings(settings: Settings) -> WatchSettings:
    """How needs are watched."""
    return WatchSettings(
        default=WatchLevel(settings.alert_level),
        shared_terms=settings.shared_terms,
        poll_seconds=settings.index_poll_seconds,
        lock=settings.home / "alerts.lock",
        announce=settings.webhook_url is not None,
    )


def evaluation_settings(settings: Settings) -> EvaluationSettings:
    """What an evaluation shares with the service in force."""
    return EvaluationSettings(
        index_dir=settings.index_dir,
        vectors_dir=settings.vectors_dir,
        spec_of=lambda source: encoder_spec(settings, source),
        options=index_settings(settings).options,
        centre_from=settings.centre_from,
        neighbours_from=settings.neighbours_from,
        limits=match_limits(settings),
    )


def training_settings(settings: Settings) -> TrainingSettings:
    """What training shares with the service in force."""
    return TrainingSettings(
        models_dir=settings.models_dir,
        index_dir=settings.index_dir,
        spec_of=lambda source: encoder_spec(settings, source),
        centre_from=settings.centre_from,
        neighbours_from=settings.neighbours_from,
        shared_terms=settings.shared_terms,
    )


def _spec_loader(settings: Settings, encoder: EncoderLoader | None, encoders: SpecLoader | None) -> SpecLoader:
    if encoders is not None:
        return encoders
    if encoder is not None:
        return lambda _spec: encoder()
    return lambda spec: _shared(load_encoder(settings, spec), settings)


def _shared(encoder: models.Encoder, settings: Settings) -> models.Encoder:
    return models.BatchingEncoder(
        encoder, max_queue_texts=settings.encoder_queue_texts, max_batch_texts=settings.encoder_batch_texts
    )
