"""Prometheus metrics of the web process, and what the workers' heartbeats say."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from flask import Flask, Response, request
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.chores import ChoreBook
from app.live.picture import LivePicture
from app.web.heartbeats import Heartbeats
from app.web.slots import Audience, StreamSlots
from telemetry.bus import Heartbeat
from telemetry.findings import Severity

_COUNTERS: tuple[tuple[str, str, Callable[[Heartbeat], float]], ...] = (
    ("pilotage_worker_committed", "Samples stored.", lambda beat: beat.committed_total),
    ("pilotage_worker_rejected", "Payloads recorded as rejects.", lambda beat: beat.rejected_total),
    ("pilotage_worker_duplicates", "Samples that were stored already.", lambda beat: beat.duplicates_total),
)
_GAUGES: tuple[tuple[str, str, Callable[[Heartbeat], float]], ...] = (
    ("pilotage_worker_lag_seconds", "Age of the oldest message not committed.", lambda beat: beat.lag_ms / 1_000),
    ("pilotage_worker_buffered_messages", "Messages waiting in the worker.", lambda beat: beat.buffered),
    ("pilotage_worker_heartbeat_timestamp_seconds", "When the worker last spoke.", lambda beat: beat.at_ms / 1_000),
    ("pilotage_worker_flush_seconds", "Duration of a flush.", lambda beat: beat.flush_ms / 1_000),
    ("pilotage_worker_unheard_partitions", "Partitions of others not heard of.", lambda beat: len(beat.unheard)),
)


class WebMetrics:
    """One registry of its own per app."""

    def __init__(self, heartbeats: Heartbeats, picture: LivePicture, slots: StreamSlots, chores: ChoreBook) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "pilotage_http_requests", "Answers by endpoint and status.", ("endpoint", "status"), registry=self._registry
        )
        self._registry.register(_Present(heartbeats, picture, slots, chores))

    def answered(self, endpoint: str, status: int) -> None:
        """Count one answer."""
        self._requests.labels(endpoint, str(status)).inc()

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)


class _Present(Collector):
    """Reads the present state when asked, so that nothing has to be kept up to date."""

    def __init__(self, heartbeats: Heartbeats, picture: LivePicture, slots: StreamSlots, chores: ChoreBook) -> None:
        self._heartbeats = heartbeats
        self._picture = picture
        self._slots = slots
        self._chores = chores

    def collect(self) -> Iterable[Metric]:
        beats = self._heartbeats.workers()
        for name, text, read in _COUNTERS:
            counter = CounterMetricFamily(name, text, labels=("worker",))
            for beat in beats:
                counter.add_metric((beat.worker,), read(beat))
            yield counter
        for name, text, read in _GAUGES:
            gauge = GaugeMetricFamily(name, text, labels=("worker",))
            for beat in beats:
                gauge.add_metric((beat.worker,), read(beat))
            yield gauge
        yield from self._live()
        yield from self._done()

    def _live(self) -> Iterable[Metric]:
        streams = GaugeMetricFamily("pilotage_event_streams", "Open event streams.", labels=("audience",))
        for audience in Audience:
            streams.add_metric((audience.value,), self._slots.open(audience))
        yield streams
        count = self._picture.vehicle_count()
        yield GaugeMetricFamily("pilotage_live_vehicles", "Vehicles with a position that is not stale.", value=count)
        opened = [alert.severity for alert in self._picture.open_alerts()]
        alerts = GaugeMetricFamily("pilotage_open_alerts", "Open alerts.", labels=("severity",))
        for severity in Severity:
            alerts.add_metric((severity.value,), opened.count(severity))
        yield alerts

    def _done(self) -> Iterable[Metric]:
        last = GaugeMetricFamily("pilotage_chore_success_timestamp_seconds", "Last success.", labels=("chore",))
        failures = CounterMetricFamily("pilotage_chore_failures", "Attempts that failed.", labels=("chore",))
        for name, record in sorted(self._chores.records().items()):
            failures.add_metric((name,), record.failures)
            if record.last_success_ms is not None:
                last.add_metric((name,), record.last_success_ms / 1_000)
        yield from (last, failures)


def install(app: Flask, metrics: WebMetrics) -> None:
    """Count every answer of the app."""

    @app.after_request
    def count(answer: Response) -> Response:
        metrics.answered(request.endpoint or "none", answer.status_code)
        return answer
