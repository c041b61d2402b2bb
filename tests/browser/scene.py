"""A stage for the browser: the real web edge over a database with the showcase's zones, and a fleet fed by hand."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from shapely.geometry import LineString
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.database import changing_session, migrate, open_engine
from app.live.feed import LiveFeed
from app.live.things import Alert
from app.live.views import LiveViews, build_views
from app.services.organisations import register_organisation
from app.services.vehicles import register_vehicle
from app.services.zones import publish_zone_revision, zones_in_force
from app.settings import Settings
from app.showcase.plan import shipped_zones
from app.showcase.seed import seed
from app.web.factory import create_app
from geofences.zones import ZoneKind
from telemetry.bus import LivePosition
from telemetry.clock import system_clock
from telemetry.findings import RULES, Finding
from telemetry.samples import VehicleKind
from tests.browser.serving import serving

DAY_MS = 86_400_000
METRES_PER_DEGREE = 111_320.0
TICK_S = 0.5
#: Names that would be markup if any page took them for it.
HOSTILE_ZONE = "</script><img src=x onerror=alert(1)><b>某路</b>"
HOSTILE_OPERATOR = "<img src=x onerror=alert(1)><b>某公司</b>"


@dataclass
class Actor:
    """One vehicle on its line; `aside_m` moves it off the line, as a breach does."""

    key: int
    vehicle_id: str
    kind: VehicleKind
    line: LineString
    speed_mps: float
    start_m: float
    aside_m: float = 0.0


@dataclass
class Scene:
    """The running web edge at `url`, and the fleet that it shows."""

    url: str
    engine: Engine
    live: LiveViews
    actors: Sequence[Actor]
    zone_revision: int
    began: float = field(default_factory=time.monotonic)
    seq: int = 0
    is_driving: threading.Event = field(default_factory=threading.Event)
    _open: dict[str, Alert] = field(default_factory=dict)

    def actor(self, kind: VehicleKind) -> Actor:
        return next(actor for actor in self.actors if actor.kind is kind)

    def tick(self, part: slice = slice(None)) -> None:
        """Everybody, or those of a part of the cast, reports once."""
        self.seq += 1
        self.live.picture.observe([self._position(actor) for actor in self.actors[part]])

    def breach(self, actor: Actor, finding: Finding, aside_m: float = 40.0) -> None:
        """The vehicle does something wrong, and an alert opens."""
        actor.aside_m = aside_m
        position = self._position(actor)
        alert = Alert(
            vehicle=actor.key,
            finding=finding,
            severity=RULES[finding].severity,
            opened_at_ms=position.timestamp_ms,
            opened_seq=self.seq,
            last_seen_ms=position.timestamp_ms,
            lon=position.lon,
            lat=position.lat,
            zone_revision=self.zone_revision,
        )
        self._open[actor.vehicle_id] = alert
        assert not self.live.picture.observe_alerts([alert])

    def amend(self, actor: Actor) -> None:
        """The vehicle complies again, and its alert closes."""
        actor.aside_m = 0.0
        alert = self._open.pop(actor.vehicle_id)
        assert not self.live.picture.observe_alerts([replace(alert, closed_at_ms=system_clock())])

    def amend_all(self) -> None:
        for actor in self.actors:
            if actor.vehicle_id in self._open:
                self.amend(actor)

    def _position(self, actor: Actor) -> LivePosition:
        length = actor.line.length
        driven = (time.monotonic() - self.began) * actor.speed_mps + actor.start_m
        along = driven / METRES_PER_DEGREE % (2 * length)
        back = along > length
        at = 2 * length - along if back else along
        here = actor.line.interpolate(at)
        before, ahead = actor.line.interpolate(max(at - 1e-5, 0)), actor.line.interpolate(min(at + 1e-5, length))
        heading = math.atan2(ahead.x - before.x, ahead.y - before.y) + (math.pi if back else 0.0)
        aside = actor.aside_m / METRES_PER_DEGREE
        is_air = actor.kind is VehicleKind.AIR
        return LivePosition(
            vehicle=actor.key,
            vehicle_id=actor.vehicle_id,
            kind=actor.kind,
            seq=self.seq,
            timestamp_ms=system_clock(),
            received_ms=system_clock(),
            lon=here.x + aside * math.cos(heading),
            lat=here.y - aside * math.sin(heading),
            altitude_m=55.0 + actor.key % 7 if is_air else 4.0,
            altitude_datum="AMSL",
            heading_deg=math.degrees(heading) % 360,
            speed_mps=actor.speed_mps,
            horizontal_accuracy_m=0.6,
            mode="autonomous",
            safety_officer="remote" if is_air else "onboard",
            passengers=2,
            battery_percent=81.0,
            verdict=int(Finding.OUTSIDE_AREA) if actor.aside_m else 0,
            undecided=0,
        )


@contextmanager
def stage(home: Path, *, cars: int = 20, aircraft: int = 5, **changes: object) -> Iterator[Scene]:
    """Open the curtain: a fresh database, the app on a free loopback port, a fleet that drives until the end."""
    settings = Settings.from_environment({"PILOTAGE_HOME": str(home), "PILOTAGE_SECRET_KEY": "s" * 40})
    settings = replace(settings, public_delay_s=0.5, demo=True, second_factor_required=False)
    settings = replace(settings, **changes)  # type: ignore[arg-type]  # names are checked by replace
    engine = open_engine(settings.database_url)
    migrate(engine)
    with changing_session(engine) as session:
        seed(session, system_clock())
        _publish_hostile_zone(session)
        actors = _cast(session, cars=cars, aircraft=aircraft)
        menghai = _revision_of(session, "road-menghai")
    live = build_views(settings, system_clock)
    app = create_app(settings, engine=engine, live=live)
    LiveFeed(live, engine, system_clock, escalate_after_s=settings.alert_escalation_s).step()
    curtain = threading.Event()
    with serving(app) as url:
        scene = Scene(url, engine, live, actors, menghai)
        scene.is_driving.set()
        fleet = threading.Thread(target=_drive, args=(scene, curtain), name="scene-fleet")
        fleet.start()
        try:
            yield scene
        finally:
            curtain.set()
            live.close()
            fleet.join()
    engine.dispose()


def _drive(scene: Scene, curtain: threading.Event) -> None:
    while not curtain.wait(TICK_S):
        if scene.is_driving.is_set():
            scene.tick()


def _publish_hostile_zone(session: Session) -> None:
    publish_zone_revision(
        session,
        zone_id="road-hostile",
        kind=ZoneKind.TEST_ROAD,
        geometry=LineString([(113.880, 22.515), (113.884, 22.515)]),
        name_zh=HOSTILE_ZONE,
        name_en=HOSTILE_ZONE,
        half_width_m=8.0,
        starts_at_ms=system_clock() - DAY_MS,
        now_ms=system_clock(),
        imported=True,
    )


def _revision_of(session: Session, zone_id: str) -> int:
    return next(row.id for row in zones_in_force(session, system_clock()) if row.zone.zone_id == zone_id)


def _cast(session: Session, *, cars: int, aircraft: int) -> list[Actor]:
    company = register_organisation(session, code="SCENE", name_zh=HOSTILE_OPERATOR, name_en=HOSTILE_OPERATOR, now_ms=0)
    lines = {
        kind: [
            LineString(z["geometry"]["coordinates"])
            for z in shipped_zones().values()
            if z["properties"]["kind"] == place
        ]
        for kind, place in ((VehicleKind.ROAD, ZoneKind.TEST_ROAD), (VehicleKind.AIR, ZoneKind.AIR_CORRIDOR))
    }
    actors = []
    for kind, count, letter in ((VehicleKind.ROAD, cars, "R"), (VehicleKind.AIR, aircraft, "E")):
        for number in range(count):
            vehicle, _ = register_vehicle(
                session,
                vehicle_id=f"SCENE-{letter}{number:03d}",
                kind=kind,
                organisation=company,
                now_ms=system_clock(),
                plate=f"粤S{letter}{number:04d}D",
            )
            line = lines[kind][number % len(lines[kind])]
            start_m = number * 0.37 * line.length * METRES_PER_DEGREE
            speed_mps = 9.0 + number % 5 if kind is VehicleKind.ROAD else 24.0
            actors.append(Actor(vehicle.id, vehicle.vehicle_id, kind, line, speed_mps, start_m))
    return actors
