"""Is the process alive, is the platform ready, and its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

import msgspec
from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.web.heartbeats import HEARTBEAT_AGE_MS, LAG_MS
from app.web.runtime import Runtime, runtime
from telemetry.bus import Heartbeat, WorkerState

health = Blueprint("health", __name__)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be right; `reason` says what is not."""

    ok: bool
    reason: str = ""


@health.get("/healthz")
def alive() -> Response:
    """The process answers: nothing else is asked."""
    return Response(b'{"ok":true}', mimetype="application/json")


@health.get("/readyz")
def ready() -> Response:
    """200 when everything that the live picture depends on works, else 503 with the reasons."""
    checks = readiness(runtime())
    ok = all(check.ok for check in checks.values())
    body = {"ok": ok, "checks": {name: {"ok": c.ok, "reason": c.reason} for name, c in checks.items()}}
    status = HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE
    return Response(msgspec.json.encode(body), status, mimetype="application/json")


@health.get("/metrics")
def metrics() -> Response:
    """Prometheus' text format. From this machine without a login (see app.web.access.LOCAL)."""
    return Response(runtime().metrics.text(), content_type=CONTENT_TYPE_LATEST)


def readiness(state: Runtime) -> dict[str, Check]:
    """The checks by name: database, broker, worker, lag, neighbours."""
    beats = state.heartbeats.workers()
    working = [beat for beat in beats if _worker_problem(beat, state.clock()) == ""]
    return {
        "database": _database(state),
        "broker": Check(ok=state.heartbeats.connected, reason="" if state.heartbeats.connected else "not_connected"),
        "worker": _workers(beats, state.clock()),
        "lag": _lag(working),
        "neighbours": _neighbours(working),
    }


def _database(state: Runtime) -> Check:
    try:
        with state.reading() as database:
            database.execute(text("SELECT 1 FROM registry_generation")).one()
    except DBAPIError as error:
        # The driver's message may name hosts and users: it belongs into the log, not here.
        return Check(ok=False, reason=f"unavailable: {type(error.orig).__name__}")
    return Check(ok=True)


def _workers(beats: list[Heartbeat], now_ms: int) -> Check:
    """Every worker that has not stopped on purpose must be well, and there must be one."""
    expected = [beat for beat in beats if beat.state is not WorkerState.STOPPED]
    problems = [f"{beat.worker}: {problem}" for beat in expected if (problem := _worker_problem(beat, now_ms))]
    if not expected:
        return Check(ok=False, reason="no_worker")
    return Check(ok=not problems, reason="; ".join(problems))


def _worker_problem(beat: Heartbeat, now_ms: int) -> str:
    if beat.state is not WorkerState.RUNNING:
        return f"{beat.state} {beat.reason}".strip()
    age_ms = now_ms - beat.at_ms
    return f"silent for {age_ms} ms" if age_ms > HEARTBEAT_AGE_MS else ""


def _neighbours(working: list[Heartbeat]) -> Check:
    """Whether the workers hear of each other's vehicles, without which nobody knows what is near an aircraft."""
    deaf = [f"{beat.worker}: {len(beat.unheard)} partitions unheard" for beat in working if beat.unheard]
    return Check(ok=not deaf, reason="; ".join(deaf))


def _lag(working: list[Heartbeat]) -> Check:
    if not working:
        return Check(ok=False, reason="unknown")
    lag_ms = max(beat.lag_ms for beat in working)
    return Check(ok=lag_ms <= LAG_MS, reason="" if lag_ms <= LAG_MS else f"{lag_ms} ms behind")
