"""What the endpoints are handed by `app.main`."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from app.api.workers import Workers
from app.metrics import Metrics
from app.services.alerts import AlertService
from app.services.feedback import FeedbackService, OutreachService
from app.services.grading import GradingService
from app.services.health import HealthService
from app.services.indexing import IndexService
from app.services.launching import BuildService
from app.services.matching import MatchService
from app.services.overview import OverviewService
from app.services.pools import PoolService
from app.services.push_delivery import PushDelivery
from app.services.records import RecordService
from app.services.writing import WriteService


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiState:
    """Services and limits of one application.

    Attributes:
        workers: threads that matches run in.
        write_workers: threads that records are written in; a write waits for the encoder and the disk.
        admin_token: what a request that changes something must bring; ``None`` where everybody may.
        side_workers: threads of records and readiness, so that neither waits behind matches nor is refused with them.
    """

    match: MatchService
    records: RecordService
    writing: WriteService
    feedback: FeedbackService
    outreach: OutreachService
    pools: PoolService
    grading: GradingService
    alerts: AlertService
    health: HealthService
    indexing: IndexService
    builds: BuildService
    overview: OverviewService
    push: PushDelivery
    metrics: Metrics
    workers: Workers
    side_workers: Workers
    write_workers: Workers
    max_filter_values: int
    admin_token: str | None = None


def state_of(request: Request) -> ApiState:
    """The state that `app.main` put on the application."""
    state: ApiState = request.app.state.patmatch
    return state
