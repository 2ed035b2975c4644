"""What `/metrics` shows, in Prometheus' words. One registry an application, so that tests do not share counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

_LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """The service's counters, histograms and gauges."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "patmatch_requests_total", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self.latency = Histogram(
            "patmatch_request_seconds", "Time to answer a request.", ["route"], buckets=_LATENCY, registry=self.registry
        )
        self.stages = Histogram(
            "patmatch_match_stage_seconds",
            "Time a match spends encoding, searching and fetching.",
            ["stage"],
            buckets=_LATENCY,
            registry=self.registry,
        )
        self._ready = Gauge("patmatch_ready", "1 when the part can answer.", ["part"], registry=self.registry)
        self._records = Gauge(
            "patmatch_snapshot_records", "Records in the served snapshot.", ["target"], registry=self.registry
        )
        self._built = Gauge(
            "patmatch_snapshot_built_timestamp_seconds",
            "When the served snapshot was built, Unix time.",
            ["target"],
            registry=self.registry,
        )

        self._delta = Gauge(
            "patmatch_delta_records",
            "Records changed since the served snapshot: upserted, hidden in it, or pending to be embedded.",
            ["target", "state"],
            registry=self.registry,
        )

        self._behind = Gauge(
            "patmatch_alerts_behind_patents",
            "New patents that were not yet compared with watched needs, or cannot be searched yet.",
            registry=self.registry,
        )
        self._alerts = Gauge("patmatch_alerts", "Alerts made since watching began.", registry=self.registry)
        self._webhook_messages = Counter(
            "patmatch_webhook_messages_total",
            "Messages to the webhook that this process sent, by what became of the attempt.",
            ["outcome"],
            registry=self.registry,
        )
        self._outbox = Gauge(
            "patmatch_webhook_outbox", "Messages to the webhook by status.", ["status"], registry=self.registry
        )

    def ready(self, part: str, ready: bool) -> None:
        """Whether a part can answer."""
        self._ready.labels(part).set(float(ready))

    def snapshot(self, target: str, records: int, built: float) -> None:
        """The snapshot that is served for a target; `built` is Unix time."""
        self._records.labels(target).set(records)
        self._built.labels(target).set(built)

    def delta(self, target: str, upserted: int, hidden: int, pending: int) -> None:
        """What changed since the served snapshot of a target."""
        for state, count in (("upserted", upserted), ("hidden", hidden), ("pending", pending)):
            self._delta.labels(target, state).set(count)

    def alerts(self, behind: int, made: int) -> None:
        """How many patents the watcher of needs is behind, and the alerts that it made."""
        self._behind.set(behind)
        self._alerts.set(made)

    def webhook_message(self, outcome: str) -> None:
        """A message to the webhook was delivered, dropped, put back to be tried again, or failed for good."""
        self._webhook_messages.labels(outcome).inc()

    def webhook(self, counts: Mapping[str, int]) -> None:
        """How many messages to the webhook there are of each status."""
        for status, count in counts.items():
            self._outbox.labels(status).set(count)

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """A gauge that is read when `/metrics` is."""
        Gauge(name, text, registry=self.registry).set_function(value)

    def exposition(self) -> bytes:
        """The text that a scrape gets."""
        return generate_latest(self.registry)
