"""A city in which every column that has a secret to keep holds a recognisable one."""

from __future__ import annotations

import json

from sqlalchemy import select

from app.database import changing_session
from app.models import LicenceRevision, Officer, Organisation, Stage, Trial, TrialDomain, Vehicle, Zone
from app.services.conditions import Conditions
from app.services.jurisdictions import jurisdiction_by_code
from app.services.permits import issue_permit
from app.services.vehicles import renew_credential
from telemetry.findings import Finding
from tests.app.telling import tell_of
from tests.app.web.cast import DAY_MS, NOON_MS, SECRET, City

DELAY_MS = 35_000
#: Credentials that were handed out, once.
CREDENTIALS: list[str] = []
LON, LAT = 113.9000517, 22.5234561
SECRETS = {
    "vin": "LSVAA4187E2184847",
    "plate": "粤B·SECRET7",
    "serial number": "EH216-SN-99817",
    "registration mark": "B-70SECRET",
    "remote id": "1581F4SECRETRID",
    "insurance": "PICC-POLICY-4711",
    "officer name": "Zhang Geheim",
    "officer id": "SO-SECRET-0412",
    "licence number": "LIC-4403-9981",
    "contact name": "Wang Contact-Secret",
    "contact e-mail": "wang.secret@north.example",
    "contact phone": "13800138000",
    "credit code": "91440300MA5SECRET9",
    "user name": "Regulator Person",
    "remark": "internal remark of a regulator",
    "lon": f"{LON:.7f}"[:-1],
    "lat": f"{LAT:.7f}"[:-1],
    "sample time": str(NOON_MS + 1_777),
    "platform secret": SECRET,
}


def fill(city: City) -> None:
    """Every column that has a secret to keep gets one."""
    with changing_session(city.engine) as session:
        north = session.scalars(select(Organisation).where(Organisation.code == "NORTH")).one()
        north.credit_code, north.contact_name = SECRETS["credit code"], SECRETS["contact name"]
        north.contact_email, north.contact_phone = SECRETS["contact e-mail"], SECRETS["contact phone"]
        north.emergency_phone, north.website = "0755-1234567", "https://north.example"
        road, air = (
            session.scalars(select(Vehicle).where(Vehicle.vehicle_id == f"NORTH-{suffix}")).one()
            for suffix in ("R1", "E1")
        )
        road.vin, road.plate, road.insurance_policy = SECRETS["vin"], SECRETS["plate"], SECRETS["insurance"]
        air.serial_number, air.registration_mark = SECRETS["serial number"], SECRETS["registration mark"]
        air.remote_id = SECRETS["remote id"]
        CREDENTIALS.append(renew_credential(session, road, now_ms=NOON_MS))
        officer = Officer(officer_id=SECRETS["officer id"], organisation=north, name=SECRETS["officer name"])
        licence = LicenceRevision(
            officer=officer,
            licence_class="A",
            licence_number=SECRETS["licence number"],
            expires_at_ms=NOON_MS + DAY_MS,
            generation=1,
        )
        zone = session.scalars(select(Zone)).one()
        trial = Trial(
            trial_id="T-1",
            organisation=north,
            name_zh="夜间接驳",
            name_en="Night shuttle",
            domain=TrialDomain.ROAD,
            stage=Stage.ROAD_TEST,
            goal="To find out",
            starts_at_ms=NOON_MS - DAY_MS,
            ends_at_ms=NOON_MS + DAY_MS,
            vehicles=[road, air],
            zones=[zone],
        )
        session.add_all([licence, trial])
        revision = issue_permit(
            session,
            number="QH-2026-0007",
            stage=Stage.ROAD_TEST,
            jurisdiction=jurisdiction_by_code(session, "QH"),
            holder=north,
            vehicles=[road, air],
            zone_ids=["QH-R-01"],
            conditions=Conditions(),
            valid_from_ms=NOON_MS,
            valid_until_ms=NOON_MS + 30 * DAY_MS,
            now_ms=NOON_MS,
            reason=SECRETS["remark"],
        )
        revision.officers.append(officer)
        tell_of(session, north, road, air, officer, trial)
    city.store_alert("NORTH-R1", lon=LON, lat=LAT, opened_at_ms=NOON_MS)
    city.feed().step()
    city.time.pass_ms(1_777)
    for vehicle_id in city.keys:
        city.observe(vehicle_id, lon=LON, lat=LAT, verdict=int(Finding.OUTSIDE_AREA))
    city.time.pass_ms(DELAY_MS)
    assert len(json.loads(city.live.public.snapshot())["features"]) == len(city.keys)
