"""Feeds the live picture: from the service bus at once, and from the database what the bus missed.

Positions and heartbeats are taken over by the network thread itself. Alerts and everything that
needs the database pass through one other thread, in the order in which they came, so that what is
read from the database can never undo what was heard before. Alerts nobody answers are escalated
here too, by every web process: a second one finds nothing left to do.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from app.database import changing_session, reading_session
from app.live import loading
from app.live.things import Alert
from app.live.views import LiveViews
from app.services.alerts import escalate_overdue_alerts
from app.services.generations import current_generation
from telemetry.bus import AlertMessage, LivePosition
from telemetry.ports import Clock

logger = logging.getLogger(__name__)

ESCALATE_EVERY_MS = 5_000
#: How soon readers of this process see what people did about alerts at another one.
HANDLED_EVERY_MS = 1_000
#: Clocks of processes differ, and a transaction takes its time: so far back they are looked for.
HANDLED_MARGIN_MS = 5_000
#: The alerts that stand are compared with the database this often.
RECONCILE_EVERY_MS = 15_000
#: Zones begin and end by the clock, without a new generation of the registry.
REGISTRY_EVERY_MS = 60_000
#: How often unknown vehicles may cause the registry to be read.
NEWCOMERS_EVERY_MS = 2_000
_TICK_S = 0.5
_QUEUED_ALERTS = 10_000
#: So many are taken over together, and told together.
_ALERTS_AT_ONCE = 500


@dataclass(slots=True)
class _Due:
    """When the next time is (0: now), what was read last and when."""

    escalate_ms: int = 0
    handled_ms: int = 0
    reconcile_ms: int = 0
    registry_ms: int = 0
    generation: int = -1
    read_ms: int = 0


class LiveFeed:
    """`start` it in the process that serves; `stop` ends its thread."""

    def __init__(self, live: LiveViews, engine: Engine, clock: Clock, *, escalate_after_s: float) -> None:
        self._live = live
        self._engine = engine
        self._clock = clock
        self._escalate_after_s = escalate_after_s
        self._alerts: queue.Queue[Alert] = queue.Queue(_QUEUED_ALERTS)
        self._reload = threading.Event()
        self._stopping = threading.Event()
        self._due = _Due()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="live-feed", daemon=True)

    def start(self) -> None:
        """Read the database, so that the first who asks is told, and go on in a thread."""
        self.step()
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what is queued is dropped, the next start reads the database."""
        self._stopping.set()
        self._thread.join()

    def hear_positions(self, positions: list[LivePosition]) -> None:
        """Positions from the bus."""
        if self._live.picture.observe(positions):
            self._look_for_newcomers()

    def hear_alert(self, message: AlertMessage) -> None:
        """An alert change from the bus. When too many wait, the database tells them all."""
        try:
            self._alerts.put_nowait(_alert_of(message))
        except queue.Full:
            self._reload.set()

    def reload(self) -> None:
        """Something may have been missed: read alerts and positions again."""
        self._reload.set()

    def step(self, wait_s: float = 0.0) -> None:
        """One turn of the loop: alerts that wait, then what is due."""
        self._attempt(self._keep_up)
        self._take_alerts(wait_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.step(_TICK_S)

    def _take_alerts(self, wait_s: float) -> None:
        while waiting := self._waiting_alerts(wait_s):
            wait_s = 0.0
            if self._live.picture.observe_alerts(waiting):
                self._look_for_newcomers()

    def _waiting_alerts(self, wait_s: float) -> list[Alert]:
        found: list[Alert] = []
        try:
            while len(found) < _ALERTS_AT_ONCE:
                found.append(self._alerts.get(timeout=wait_s) if wait_s and not found else self._alerts.get_nowait())
        except queue.Empty:
            pass
        return found

    def _look_for_newcomers(self) -> None:
        """A vehicle that is not known was registered since: read the registry soon."""
        self._due.registry_ms = 0
        self._due.reconcile_ms = min(self._due.reconcile_ms, self._due.read_ms + NEWCOMERS_EVERY_MS)

    def _attempt(self, action: Callable[[], None]) -> None:
        try:
            action()
        except DBAPIError as error:
            if not self._failing:
                logger.warning("the database is not there, the live picture goes on with the bus alone: %s", error.orig)
            self._failing = True
        else:
            if self._failing:
                logger.info("the live picture reads the database again")
            self._failing = False

    def _keep_up(self) -> None:
        now_ms = self._clock()
        if self._failing or self._reload.is_set() or now_ms >= self._due.reconcile_ms:
            everything = self._failing or self._reload.is_set() or self._due.generation < 0
            self._reload.clear()
            try:
                self._read(now_ms, everything=everything)
            except DBAPIError:
                self._reload.set()
                raise
            self._due.read_ms = now_ms
            self._due.reconcile_ms = now_ms + RECONCILE_EVERY_MS
        if now_ms >= self._due.handled_ms:
            since_ms = self._due.handled_ms - HANDLED_EVERY_MS - HANDLED_MARGIN_MS
            self._hear_people(since_ms)
            self._due.handled_ms = now_ms + HANDLED_EVERY_MS
        if now_ms >= self._due.escalate_ms:
            self._due.escalate_ms = now_ms + ESCALATE_EVERY_MS
            self._escalate(now_ms)

    def _read(self, now_ms: int, *, everything: bool) -> None:
        with reading_session(self._engine) as session:
            generation = current_generation(session)
            if everything or generation != self._due.generation or now_ms >= self._due.registry_ms:
                gazetteer, centrelines = loading.known_places(session, now_ms)
                self._live.picture.know(loading.known_vehicles(session, now_ms), gazetteer)
                self._live.public_picture.know(centrelines, gazetteer)
                self._due.registry_ms = now_ms + REGISTRY_EVERY_MS
                self._due.generation = generation
            if everything:
                self._live.picture.observe(loading.newest_positions(session, now_ms))
            self._live.picture.reconcile(*loading.stored_standing_alerts(session))

    def _hear_people(self, since_ms: int) -> None:
        with reading_session(self._engine) as session:
            handled = loading.alerts_handled_since(session, since_ms, self._live.picture.is_behind)
        self._live.picture.observe_alerts(handled)

    def _escalate(self, now_ms: int) -> None:
        with changing_session(self._engine) as session:
            overdue = escalate_overdue_alerts(session, now_ms=now_ms, after_s=self._escalate_after_s)
            escalated = [loading.alert_of(row) for row in overdue]
        self._live.picture.observe_alerts(escalated)


def _alert_of(message: AlertMessage) -> Alert:
    return Alert(
        vehicle=message.vehicle,
        finding=message.bit,
        severity=message.severity,
        opened_at_ms=message.opened_at_ms,
        opened_seq=message.opened_seq,
        last_seen_ms=message.last_seen_ms,
        lon=message.lon,
        lat=message.lat,
        zone_revision=message.zone_revision,
        closed_at_ms=message.closed_at_ms,
        encounter=message.encounter,
    )
