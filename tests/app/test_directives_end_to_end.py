"""From a regulator's decision over a real broker to the vehicles' own programs, and back to what telemetry shows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from app.chores import CHORES
from app.database import changing_session, migrate, open_engine, reading_session
from app.models import DirectiveRow, Notice
from app.registry import DatabaseRegistry
from app.services.directive_register import DirectiveFilter, Progress, directives_of, progress_of
from app.services.permit_life import Decision
from app.storage import open_store
from geofences.datum import VerticalReference
from telemetry.agent.agent import VehicleAgent
from telemetry.agent.group import AgentGroup
from telemetry.directives import Directive, Release, Reply
from telemetry.messages import telemetry_topic
from telemetry.pipeline import Pipeline
from telemetry.worker import Worker, WorkerSettings, worker_client
from tests.app.permit_cast import NOW, decided, issue, register_everything
from tests.brokers import SERVICE_PASSWORD, SERVICE_USER, Mosquitto, mosquitto, platform_acl

CAR, OTHER = "N-1", "N-2"
_HASTE = 30  # simulated seconds in a second
_DEADLINE_S = 60.0
_USERS = {SERVICE_USER: SERVICE_PASSWORD, CAR: "one", OTHER: "two"}


class Program:
    """A vehicle's own program: it answers what it is told to answer, and stops if it is obedient."""

    def __init__(self, answer: Reply | None, *, is_obedient: bool) -> None:
        self._answer = answer
        self._is_obedient = is_obedient
        self.agent: VehicleAgent | None = None
        self.heard: list[str] = []
        self.speed_mps = 8.0

    def demanded(self, directive: Directive) -> None:
        self.heard.append(directive.kind)
        if self._is_obedient:
            self.speed_mps = 0.0
        if self._answer is not None and self.agent is not None:
            self.agent.answer(directive.directive_id, self._answer)

    def ended(self, _directive_id: str) -> None:
        self.heard.append("ended")

    def released(self, _release: Release, *, may_go_on: bool) -> None:
        self.heard.append("may go on" if may_go_on else "released")


class Town:
    """A platform with a worker of its own, a broker, and whoever drives."""

    def __init__(self, engine: Engine, broker: Mosquitto, home: Path) -> None:
        self.engine, self.broker, self.home = engine, broker, home
        self._began_s = time.monotonic()
        self._driving: list[Program] = []
        register_everything(engine)
        with changing_session(engine) as session:
            issue(session)

    def now_ms(self) -> int:
        return NOW + 1_000 + round((time.monotonic() - self._began_s) * 1_000 * _HASTE)

    @contextmanager
    def working(self) -> Iterator[None]:
        settings = WorkerSettings(name="w1")
        client = worker_client(self.broker.service(), settings, self.now_ms)
        store = open_store(self.engine)
        pipeline = Pipeline(DatabaseRegistry(self.engine, VerticalReference()), store, self.now_ms)
        worker = Worker(client, pipeline, store, settings, self.now_ms)
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            yield
        finally:
            worker.stop()
            thread.join()

    @contextmanager
    def vehicle(self, vehicle_id: str, program: Program) -> Iterator[Program]:
        """It drives, or stands, until it is left."""
        url, ring = f"mqtt://127.0.0.1:{self.broker.port}", self.home / f"{vehicle_id}.ring"
        with AgentGroup(url, ring, clock=self.now_ms) as group:
            program.agent = group.add(vehicle_id, _USERS[vehicle_id], telemetry_topic(vehicle_id), program=program)
            self._driving.append(program)
            yield program
            self._driving.remove(program)

    def until(self, claim: Callable[[], bool]) -> None:
        """Let time pass, with a sample of each vehicle now and then, until the claim is true."""
        deadline_s = time.monotonic() + _DEADLINE_S
        chore = next(chore for chore in CHORES if chore.name == "follow_directives")
        while not claim():
            assert time.monotonic() < deadline_s, "it never came true"
            for program in self._driving:
                if program.agent is not None:
                    program.agent.publish(_sample(self.now_ms(), program.speed_mps))
            chore.run(self.engine, self.now_ms())
            time.sleep(0.05)

    def suspend(self) -> None:
        with changing_session(self.engine) as session:
            decided(session, Decision.SUSPENDED, seen=1, now_ms=self.now_ms())

    def reinstate(self) -> None:
        with changing_session(self.engine) as session:
            decided(session, Decision.REINSTATED, seen=2, now_ms=self.now_ms())

    def directive(self, vehicle_id: str) -> DirectiveRow:
        with reading_session(self.engine) as session:
            found = directives_of(DirectiveFilter(vehicle_id=vehicle_id))
            return session.scalars(found).unique().one()

    def progress(self, vehicle_id: str) -> Progress:
        return progress_of(self.directive(vehicle_id))

    def told(self, vehicle_id: str) -> set[str]:
        """What operator and regulators were told of its directive."""
        with reading_session(self.engine) as session:
            query = select(Notice).where(Notice.subject_id == self.directive(vehicle_id).directive_id)
            return {notice.kind for notice in session.scalars(query)}


def _sample(at_ms: int, speed_mps: float) -> dict[str, object]:
    location = {"lat": 22.51, "lng": 113.905, "horizontal_accuracy": 0.5, "speed": speed_mps}
    said = {"mode": "autonomous", "safety_officer": "onboard", "officer_id": "SO-1", "passengers": 0}
    return {"timestamp": at_ms, "location": location, **said}


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    engine = open_engine(f"sqlite:///{tmp_path / 'town.sqlite3'}")
    migrate(engine)
    with ExitStack() as stack:
        stack.callback(engine.dispose)
        broker = stack.enter_context(mosquitto(tmp_path, users=_USERS, acl=platform_acl()))
        made = Town(engine, broker, tmp_path)
        stack.enter_context(made.working())
        yield made


def obedient() -> Program:
    return Program(Reply.ACCEPTED, is_obedient=True)


def test_who_hears_it_stands_until_it_is_released_and_who_was_away_hears_of_it_first(town: Town) -> None:
    with town.vehicle(CAR, obedient()) as driving:
        town.suspend()
        town.until(lambda: town.progress(CAR) is Progress.COMPLIED)
        complied = town.directive(CAR)
        assert driving.heard == ["halt"], "it stands until it is released"
        town.reinstate()
        town.until(lambda: driving.heard == ["halt", "may go on"])
        town.until(lambda: not town.directive(CAR).release_owed)
    assert town.progress(CAR) is Progress.RELEASED
    assert complied.sent_at_ms is not None
    assert complied.complied_at_ms is not None
    assert complied.answers[-1].reply is Reply.ACCEPTED
    assert town.told(CAR) == set()
    assert town.directive(OTHER).release_owed, "it was never there"
    with town.vehicle(OTHER, obedient()) as late:
        town.until(lambda: not town.directive(OTHER).release_owed)
        assert late.heard == ["may go on"]


def test_who_says_yes_and_drives_on_becomes_overdue_and_so_does_who_says_nothing(town: Town) -> None:
    with (
        town.vehicle(CAR, Program(Reply.ACCEPTED, is_obedient=False)),
        town.vehicle(OTHER, Program(None, is_obedient=False)),
    ):
        town.suspend()
        town.until(lambda: town.progress(CAR) is Progress.ACCEPTED and town.progress(OTHER) is Progress.DELIVERED)
        town.until(lambda: Progress.OVERDUE is town.progress(CAR) is town.progress(OTHER))
    assert town.told(CAR) == {"directive.overdue"}
    assert town.told(OTHER) == {"directive.unanswered", "directive.overdue"}
