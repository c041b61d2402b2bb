"""What the platform does by itself, every now and then: in a thread of each web process.

Every chore may run in several processes at once and again after a failure: the second one finds
nothing left to do.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Engine, delete

from app.database import changing_session, reading_session
from app.errors import Conflict
from app.models import ImportDraft
from app.retention import EVERY_S as RETAIN_EVERY_S
from app.retention import Retention, retain
from app.services.alert_notices import EVERY_S as ALERTS_EVERY_S
from app.services.alert_notices import is_any_alert_untold, tell_of_alerts
from app.services.deliveries import drop_stale
from app.services.directive_escalation import is_anything_due, note_overdue, note_refused, note_unanswered
from app.services.directives import note_heard_releases
from app.services.emergency_following import EmergencyFollower
from app.services.emergency_sightings import Senses
from app.services.expiry import expire_permit, permits_over
from app.services.incident_deadlines import incident_reminders_due, remind_of_incidents
from app.services.incident_proposals import has_unproposed_alerts, propose_incidents
from app.services.links import EVERY_S as LINKS_EVERY_S
from app.services.links import Attention, LinkRules, watch_links
from app.services.reminders import remind, reminders_due
from app.services.sanction_rules import propose_sanctions
from app.services.sanctions import make_final, sanctions_due
from app.services.seal_anchors import EVERY_S as ANCHOR_EVERY_S
from app.services.seal_anchors import anchor_seals
from app.services.usage_tally import EVERY_S, tally_usage
from app.settings import Settings
from telemetry.ports import Clock

logger = logging.getLogger(__name__)

_TICK_S = 1.0
_RETRY_S = 60.0
#: Intervals are stretched and shrunk by up to this part, so that processes do not run in step.
_JITTER = 0.1
#: A preview that nobody confirmed within a day is forgotten.
_IMPORT_KEPT_MS = 86_400_000
#: Reminders to a transaction.
_TOLD_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to be done about every `every_s` seconds: `run` gets the database and the present."""

    name: str
    every_s: float
    run: Callable[[Engine, int], None]


@dataclass(frozen=True, slots=True)
class ChoreRecord:
    """How a chore went in this process. `failing` is about the last time."""

    last_success_ms: int | None = None
    failures: int = 0
    failing: bool = False


class ChoreBook:
    """How the chores of this process went. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: dict[str, ChoreRecord] = {}

    def succeeded(self, name: str, at_ms: int) -> None:
        """The chore was done."""
        with self._lock:
            known = self._records.get(name, ChoreRecord())
            self._records[name] = replace(known, last_success_ms=at_ms, failing=False)

    def failed(self, name: str) -> None:
        """The chore broke; it will be tried again."""
        with self._lock:
            known = self._records.get(name, ChoreRecord())
            self._records[name] = replace(known, failures=known.failures + 1, failing=True)

    def records(self) -> dict[str, ChoreRecord]:
        """All that were tried, by name."""
        with self._lock:
            return dict(self._records)


class ChoreThread:
    """`start` it in the process that serves; `stop` ends it after the chore at hand."""

    def __init__(self, chores: Sequence[Chore], engine: Engine, clock: Clock, book: ChoreBook) -> None:
        self._chores = chores
        self._engine = engine
        self._clock = clock
        self._book = book
        self._due_ms = dict.fromkeys((chore.name for chore in chores), 0)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chores", daemon=True)

    def start(self) -> None:
        """Do everything once and go on in a thread."""
        self._thread.start()

    def stop(self, *, is_patient: bool = True) -> None:
        """End the thread; without patience the chore at hand dies with the process, and is continued by the next."""
        self._stopping.set()
        if is_patient:
            self._thread.join()

    def step(self) -> None:
        """Do what is due."""
        for chore in self._chores:
            if not self._stopping.is_set() and self._clock() >= self._due_ms[chore.name]:
                wait_s = chore.every_s if self._done(chore) else min(_RETRY_S, chore.every_s)
                jitter = random.uniform(1 - _JITTER, 1 + _JITTER)
                self._due_ms[chore.name] = self._clock() + round(wait_s * jitter * 1000)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.step()
            self._stopping.wait(_TICK_S)

    def _done(self, chore: Chore) -> bool:
        try:
            chore.run(self._engine, self._clock())
        except Exception:
            logger.exception("the chore %s failed and will be tried again", chore.name)
            self._book.failed(chore.name)
            return False
        self._book.succeeded(chore.name, self._clock())
        return True


def _expire_permits(engine: Engine, now_ms: int) -> None:
    with reading_session(engine) as session:
        over = permits_over(session, now_ms)
    for permit_id, number in over:
        try:
            with changing_session(engine) as session:
                expire_permit(session, permit_id, expected_revision=number, now_ms=now_ms)
        except Conflict:
            logger.info("permit %s was decided on while it expired", permit_id)


def _remind(engine: Engine, now_ms: int) -> None:
    with reading_session(engine) as session:
        due = reminders_due(session, now_ms)
    # In portions: on SQLite the worker waits while somebody else writes.
    for first in range(0, len(due), _TOLD_AT_ONCE):
        with changing_session(engine) as session:
            remind(session, due[first : first + _TOLD_AT_ONCE], now_ms)


def _propose_incidents(engine: Engine, now_ms: int) -> None:
    # Portion by portion, for as long as there is something: a flood of alerts must not wait for the next time.
    while True:
        with reading_session(engine) as session:
            if not has_unproposed_alerts(session, now_ms):
                return
        with changing_session(engine) as session:
            if not propose_incidents(session, now_ms):
                return


def _remind_of_incidents(engine: Engine, now_ms: int) -> None:
    with reading_session(engine) as session:
        due = incident_reminders_due(session, now_ms)
        for first in range(0, len(due), _TOLD_AT_ONCE):
            with changing_session(engine) as writing:
                remind_of_incidents(writing, due[first : first + _TOLD_AT_ONCE], now_ms)


def _clear_imports(engine: Engine, now_ms: int) -> None:
    with changing_session(engine) as session:
        session.execute(delete(ImportDraft).where(ImportDraft.created_at_ms < now_ms - _IMPORT_KEPT_MS))


def _anchor_seals(engine: Engine, now_ms: int) -> None:
    with changing_session(engine) as session:
        anchor_seals(session, now_ms)


def _follow_directives(engine: Engine, now_ms: int) -> None:
    with reading_session(engine) as session:
        if not is_anything_due(session, now_ms):
            return
    with changing_session(engine) as session:
        note_heard_releases(session, now_ms)
        note_refused(session, now_ms)
        note_unanswered(session, now_ms)
        note_overdue(session, now_ms)


def _propose_sanctions(engine: Engine, now_ms: int) -> None:
    try:
        with changing_session(engine) as session:
            propose_sanctions(session, now_ms)
    except Conflict:
        logger.info("sanctions were proposed by another process")


def _close_appeals(engine: Engine, now_ms: int) -> None:
    with reading_session(engine) as session:
        due = sanctions_due(session, now_ms)
    for sanction_id in due:
        with changing_session(engine) as session:
            make_final(session, sanction_id, now_ms=now_ms)


def _tell_of_alerts(engine: Engine, now_ms: int) -> None:
    with reading_session(engine) as session:
        if not is_any_alert_untold(session, now_ms):
            return
    with changing_session(engine) as session:
        tell_of_alerts(session, now_ms)


def _drop_stale_notifications(engine: Engine, now_ms: int) -> None:
    with changing_session(engine) as session:
        drop_stale(session, now_ms)


#: Everything that is to be done. A new chore is added here.
CHORES: tuple[Chore, ...] = (
    Chore("follow_directives", 1.0, _follow_directives),
    Chore("tell_of_alerts", ALERTS_EVERY_S, _tell_of_alerts),
    Chore("expire_permits", 60.0, _expire_permits),
    Chore("propose_sanctions", 300.0, _propose_sanctions),
    Chore("close_appeals", 60.0, _close_appeals),
    Chore("propose_incidents", 5.0, _propose_incidents),
    Chore("remind_of_incidents", 60.0, _remind_of_incidents),
    Chore("remind", 3_600.0, _remind),
    Chore("clear_imports", 3_600.0, _clear_imports),
    Chore("drop_stale_notifications", 3_600.0, _drop_stale_notifications),
    Chore("anchor_seals", ANCHOR_EVERY_S, _anchor_seals),
)


def long_chores_of(settings: Settings) -> tuple[Chore, ...]:
    """What may take minutes, and is safe to be killed at any point: for a thread of its own."""
    rules = Retention(settings.keep_samples_days, settings.archive_directory)
    return (Chore("retain_samples", RETAIN_EVERY_S, lambda engine, now_ms: _retain(engine, now_ms, rules)),)


def _retain(engine: Engine, now_ms: int, rules: Retention) -> None:
    try:
        written = retain(engine, now_ms, rules)
    except Conflict as error:  # another process does it
        logger.info("no days were archived: %s", error)
        return
    for day in written:
        logger.info("a day of samples is in the archive: %s", day)


def chores_of(settings: Settings, attention: Attention) -> tuple[Chore, ...]:
    """All of these, and those that read altitudes, accuracies and silences as this installation does.

    `attention` says since when the platform has been listening to a partition.
    """
    follower = EmergencyFollower(Senses(settings.vertical, settings.coverage_factor))
    links = LinkRules(round(settings.link_lost_after_s * 1000), settings.vertical)
    return (
        Chore("follow_emergencies", 1.0, follower.run),
        *CHORES,
        Chore("watch_links", LINKS_EVERY_S, partial(watch_links, rules=links, attention=attention)),
        Chore("tally_usage", EVERY_S, partial(tally_usage, vertical=settings.vertical)),
    )
