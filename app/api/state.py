"""What the endpoints are handed by `app.main`."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from app.alerts.service import AlertService
from app.api.workers import Workers
from app.builds.launcher import BuildService
from app.builds.overview import OverviewService
from app.builds.service import IndexService
from app.feedback.grading import GradingService
from app.feedback.pools import PoolService
from app.feedback.service import FeedbackService, OutreachService
from app.match.service import MatchService
from app.metrics import Metrics
from app.push.delivery import PushDelivery
from app.records.read import RecordService
from app.records.write import WriteService
from app.serving.health import HealthService


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
