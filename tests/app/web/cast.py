"""The cast of the web's tests: two operators, their vehicles, three people, one road, one app."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from shapely import LineString
from sqlalchemy import Engine, select

from app.database import changing_session, migrate, open_engine, reading_session
from app.live.feed import LiveFeed
from app.live.views import LiveViews, build_views
from app.models import OPERATORS, Organisation, Role, Sample, TrackRow, ZoneRevisionRow
from app.models import Alert as AlertRow
from app.models import User as UserRow
from app.models import Vehicle as VehicleRow
from app.services.jurisdictions import create_jurisdiction
from app.services.organisations import register_organisation
from app.services.tokens import issue_token
from app.services.users import create_user
from app.services.vehicles import register_vehicle
from app.services.zones import publish_zone_revision
from app.settings import Settings
from app.web.factory import create_app
from geofences.zones import ZoneKind
from telemetry.bus import LivePosition
from telemetry.findings import Finding, Severity
from telemetry.samples import AltitudeDatum, Mode, SafetyOfficer, VehicleKind

NOON_MS = 1_772_337_600_000  # 2026-03-01 12:00 in Shanghai
DAY_MS = 86_400_000
PASSWORD = "a good password"
SECRET = "0123456789abcdef0123456789abcdef"
PEOPLE = {
    Role.ADMINISTRATOR: "admin@city.example",
    Role.REGULATOR: "regulator@city.example",
    Role.OPERATOR_MANAGER: "operator@north.example",
    Role.OPERATOR_STAFF: "staff@north.example",
    Role.AUDITOR: "auditor@city.example",
}
#: The manager of the other operator, and the regulator of the other jurisdiction.
SOUTH_MANAGER = "operator@south.example"
BAOAN_REGULATOR = "regulator@baoan.example"
#: The jurisdictions: PEOPLE's regulator decides in the first.
JURISDICTIONS = {"QH": ("前海", "Qianhai"), "BA": ("宝安", "Bao'an")}
#: One kilometre of road to the north; 0.001 degrees of latitude are about 111 m.
ROAD = LineString([(113.9, 22.52), (113.9, 22.529)])
PLACE_NAME = ("梦海大道", "Menghai Avenue")


@dataclass
class Time:
    """A clock that moves when told."""

    now_ms: int = NOON_MS

    def __call__(self) -> int:
        return self.now_ms

    def pass_ms(self, duration_ms: int) -> None:
        self.now_ms += duration_ms


@dataclass
class City:
    """An app over a small registry, with a picture that tests feed by hand."""

    settings: Settings
    engine: Engine
    time: Time
    live: LiveViews
    app: Flask
    keys: dict[str, int]
    zone_revision: int
    tokens: dict[str, str] = field(default_factory=dict)

    def feed(self) -> LiveFeed:
        return LiveFeed(self.live, self.engine, self.time, escalate_after_s=300.0)

    def client(self) -> FlaskClient:
        return self.app.test_client()

    def logged_in(self, person: Role | str) -> FlaskClient:
        client = self.client()
        answer = log_in(client, email_of(person), PASSWORD)
        assert answer == 303, answer
        return client

    def bearer(self, person: Role | str) -> dict[str, str]:
        """Headers of a program that acts for the person of this role, or with this e-mail address."""
        email = email_of(person)
        if email not in self.tokens:
            with changing_session(self.engine) as session:
                user = session.query(UserRow).filter_by(email=email).one()
                self.tokens[email] = issue_token(
                    session, user, name="test", now_ms=self.time(), expires_at_ms=self.time() + DAY_MS
                )
        return {"Authorization": f"Bearer {self.tokens[email]}"}

    def position(self, vehicle_id: str, **changes: object) -> LivePosition:
        north = LivePosition(
            vehicle=self.keys[vehicle_id],
            vehicle_id=vehicle_id,
            kind=VehicleKind.AIR if "E" in vehicle_id else VehicleKind.ROAD,
            seq=self.time() // 100,
            timestamp_ms=self.time(),
            received_ms=self.time(),
            lon=113.900051,
            lat=22.523456,
            altitude_m=12.3,
            altitude_datum="AMSL",
            heading_deg=123.4,
            speed_mps=8.31,
            horizontal_accuracy_m=0.6,
            mode="autonomous",
            safety_officer="onboard",
            passengers=2,
            battery_percent=81.0,
            verdict=0,
            undecided=0,
        )
        values = {name: getattr(north, name) for name in LivePosition.__struct_fields__}
        return LivePosition(**(values | changes))

    def observe(self, vehicle_id: str, **changes: object) -> None:
        assert self.live.picture.observe([self.position(vehicle_id, **changes)]) == set()

    def store_alert(self, vehicle_id: str, finding: Finding = Finding.OUTSIDE_AREA, **changes: object) -> int:
        """An open alert in the database; returns its key."""
        row = AlertRow(
            vehicle_key=self.keys[vehicle_id],
            finding=int(finding),
            severity=Severity.CRITICAL,
            opened_at_ms=self.time() - 1_234,
            opened_seq=7,
            first_seen_ms=self.time() - 2_000,
            last_seen_ms=self.time(),
            closed_at_ms=None,
            zone_revision_id=self.zone_revision,
            permit_revision_id=None,
            lon=113.900051,
            lat=22.523456,
        )
        for name, value in changes.items():
            setattr(row, name, value)
        with changing_session(self.engine) as session:
            session.add(row)
            session.flush()
            return row.id

    def store_position(self, vehicle_id: str, age_ms: int = 0) -> None:
        """A live sample in the database, as the worker left it."""
        key, timestamp_ms = self.keys[vehicle_id], self.time() - age_ms
        with changing_session(self.engine) as session:
            session.add(
                Sample(
                    timestamp_ms=timestamp_ms,
                    vehicle=key,
                    seq=5,
                    received_ms=timestamp_ms,
                    lon=113.9,
                    lat=22.52,
                    altitude_m=12.5,
                    altitude_datum=AltitudeDatum.AMSL,
                    heading_deg=None,
                    speed_mps=8.0,
                    mode=Mode.MINIMAL_RISK,
                    safety_officer=SafetyOfficer.REMOTE,
                    officer_load=-1,
                    passengers=-1,
                    verdict=0,
                    undecided=0,
                    late=0,
                    zone_revision=-1,
                    permit_revision=-1,
                    generation=1,
                )
            )
            session.add(TrackRow(vehicle=key, watermark=5, last_timestamp_ms=timestamp_ms, last_seq=5, state=b""))


@contextmanager
def small_city(home: Path, registry: Path | None = None, **changes: object) -> Iterator[City]:
    """Two operators (north, south) with a car and an aircraft each; `registry` is a database to copy."""
    settings = Settings.from_environment({"PILOTAGE_HOME": str(home), "PILOTAGE_SECRET_KEY": SECRET})
    settings = replace(settings, second_factor_required=False)  # the tests of logging in ask for it
    settings = replace(settings, **changes)  # type: ignore[arg-type]  # names are checked by replace
    database = Path(settings.database_url.removeprefix("sqlite:///"))
    database.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(registry or build_registry(home / "registry"), database)
    engine = open_engine(settings.database_url)
    with city_over(engine, settings) as city:
        yield city
    engine.dispose()


@contextmanager
def city_on_postgresql(url: str, home: Path) -> Iterator[City]:
    """The same in a migrated and empty database of PostgreSQL."""
    environment = {"PILOTAGE_HOME": str(home), "PILOTAGE_SECRET_KEY": SECRET, "PILOTAGE_DATABASE_URL": url}
    settings = replace(Settings.from_environment(environment), second_factor_required=False)
    engine = open_engine(url)
    try:
        with engine.begin() as connection:  # samples are stored by hand: no worker makes a partition for their day
            connection.exec_driver_sql("CREATE TABLE samples_of_any_day PARTITION OF samples DEFAULT")
        register_cast(engine, Time())
        with city_over(engine, settings) as city:
            yield city
    finally:
        engine.dispose()


@contextmanager
def city_over(engine: Engine, settings: Settings) -> Iterator[City]:
    """The app over a database that holds the cast."""
    time = Time()
    live = build_views(settings, time)
    app = create_app(settings, engine=engine, live=live, clock=time)
    with reading_session(engine) as session:
        keys = {vehicle.vehicle_id: vehicle.id for vehicle in session.scalars(select(VehicleRow))}
        zone_revision = session.scalars(select(ZoneRevisionRow.id).order_by(ZoneRevisionRow.id).limit(1)).one()
    city = City(settings, engine, time, live, app, keys, zone_revision)
    city.feed().step()
    yield city
    live.close()


def build_registry(directory: Path) -> Path:
    """A database with the whole cast; copied for each test, since hashing passwords takes its time."""
    path = directory / "cast.sqlite"
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine)
    register_cast(engine, Time())
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


def register_cast(engine: Engine, time: Time) -> None:
    with changing_session(engine) as session:
        organisations: list[Organisation] = []
        for side, name_zh in (("NORTH", "北方智行"), ("SOUTH", "南方智行")):
            company = register_organisation(
                session, code=side, name_zh=name_zh, name_en=f"{side.title()} Mobility", now_ms=NOON_MS
            )
            organisations.append(company)
            for vehicle_id, kind in ((f"{side}-R1", VehicleKind.ROAD), (f"{side}-E1", VehicleKind.AIR)):
                register_vehicle(
                    session,
                    vehicle_id=vehicle_id,
                    kind=kind,
                    organisation=company,
                    now_ms=time(),
                    plate=f"粤B{vehicle_id}",
                )
        north, south = organisations
        qianhai, baoan = (
            create_jurisdiction(session, code=code, name_zh=name_zh, name_en=name_en, number_prefix=code, now_ms=time())
            for code, (name_zh, name_en) in JURISDICTIONS.items()
        )
        people = [(email, role, north) for role, email in PEOPLE.items()]
        people += [(SOUTH_MANAGER, Role.OPERATOR_MANAGER, south), (BAOAN_REGULATOR, Role.REGULATOR, north)]
        for email, role, organisation in people:
            user = create_user(
                session,
                email=email,
                password=PASSWORD,
                role=role,
                display_name=f"{role.replace('_', ' ').title()} Person",
                now_ms=time(),
                organisation=organisation if role in OPERATORS else None,
            )
            if role is Role.REGULATOR:
                user.jurisdictions.append(baoan if email == BAOAN_REGULATOR else qianhai)
        publish_zone_revision(
            session,
            zone_id="QH-R-01",
            kind=ZoneKind.TEST_ROAD,
            geometry=ROAD,
            name_zh=PLACE_NAME[0],
            name_en=PLACE_NAME[1],
            half_width_m=10.0,
            starts_at_ms=time() - DAY_MS,
            now_ms=time(),
            imported=True,
        )


def email_of(person: Role | str) -> str:
    return PEOPLE[person] if isinstance(person, Role) else person


def csrf_of(client: FlaskClient) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/login").text)
    assert found is not None
    return found[1]


def log_in(client: FlaskClient, email: str, password: str, **fields: str) -> int:
    data = {"email": email, "password": password, "csrf_token": csrf_of(client)} | fields
    return client.post("/login", data=data).status_code
