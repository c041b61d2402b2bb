"""A city whose every free text is an attack, for the tests of hostile input.

NORTH has one object of each kind; then every text column of the database that holds what people or
vehicles wrote gets `HOSTILE`. A column that is added later gets it too, unless `_NO_FREE_TEXT` names it.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Column, Enum, String, select, update
from sqlalchemy.orm import Session

from app.audit import Subject, record
from app.database import changing_session, reading_session
from app.evidence.scope import scope_of
from app.models import (
    Application,
    AuditEntry,
    Base,
    Concern,
    DirectiveAnswer,
    Jurisdiction,
    Notice,
    Officer,
    Organisation,
    RejectRow,
    Role,
    SanctionStep,
    Stage,
    Topic,
    User,
    Vehicle,
)
from app.schemas.applications import ChangeRequest
from app.schemas.directives import Order
from app.schemas.emergencies import Declaration
from app.schemas.incidents import FaultDecision, IncidentReport
from app.schemas.notifications import NewChannel
from app.schemas.sanctions import Appeal, SanctionDecision, SanctionNotice
from app.schemas.saved_filters import Criteria, NewFilter
from app.services.alert_handling import comment_on_alert, escalate_alert
from app.services.alert_ids import alert_by_public_id
from app.services.attachments import store_attachment
from app.services.channels import add_channel, send_test
from app.services.conditions import Conditions
from app.services.emergencies import declare
from app.services.emergency_sightings import Senses
from app.services.emergency_watch import News, tell
from app.services.evidence import store_bundle
from app.services.imports import keep_draft, preview_of
from app.services.incident_life import decide_fault
from app.services.incidents import report_incident
from app.services.notices import notify
from app.services.orders import order_vehicles
from app.services.permits import issue_permit, permit_by_number
from app.services.review import request_changes
from app.services.sanctions import appeal, open_sanction, serve_notice, take_step
from app.services.saved_filters import save_filter
from app.services.tokens import issue_token, tokens_of
from app.services.zone_imports import keep_draft as keep_zones
from app.services.zone_imports import read_zone_file
from app.web.notice_text import NOTICE_TEXTS
from telemetry.directives import Reply
from telemetry.findings import Finding
from telemetry.ports import RejectReason
from tests.app.applicants import begun, prepare, submitted, user
from tests.app.web.cast import DAY_MS, NOON_MS, City, small_city

#: Markup out of every context that a page has, a spreadsheet's formula, a template, a script's address,
#: and a mark that turns the direction of writing. Fits into 200 characters.
HOSTILE = (
    "=1+1\"'></script></style></textarea></title>--><img src=x onerror=window.pwned=1>"
    "<svg/onload=window.pwned=2><x-pwn onpwn=1>{{7*7}}{%x%}%(x)s%s${7*7}javascript:window.pwned=3//\u202e"
)
#: A sign that is in no page of ours: what an element or an attribute made of HOSTILE is called.
MARK = "pwn"
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
PERMIT = "QH-2026-0001"

#: Columns of texts that nobody writes freely: identifiers with a form, hashes, and what programs count with.
_NO_FREE_TEXT = frozenset(
    {
        "applications.number",
        "alert_tellings.batch",
        "attachments.public_id",
        "directives.cause_id",
        "directives.directive_id",
        "attachments.media_type",
        "evidence_bundles.bundle_id",
        "deliveries.delivery_id",
        "deliveries.lease",
        "emergencies.number",
        "import_drafts.kind",
        "import_drafts.public_id",
        "incident_revisions.change",
        "incidents.incident_id",
        "jurisdictions.code",
        "jurisdictions.number_prefix",
        "notices.kind",
        "notices.occasion",
        "notices.subject_id",
        "notices.subject_type",
        "notification_channels.channel_id",
        "officers.officer_id",
        "organisations.code",
        "permits.number",
        "sanctions.occasion",
        "sanctions.rule",
        "sanctions.sanction_id",
        "trials.trial_id",
        "usage_places.key",
        "users.email",
        "users.locale",
        "users.oidc_issuer",
        "users.password_hash",
        "vehicles.vehicle_id",
        "zone_revisions.geometry",
        "zone_revisions.jurisdiction",
        "zones.zone_id",
    }
)
#: What the schema demands before a link is made of it.
_BEGINNINGS = {"organisations.website": "https://operator.example/"}
#: Tables whose rows the platform writes for itself. The audit log cannot be changed: it is told hostile things.
_OTHER_TABLES = frozenset(
    {"audit_entries", "audit_head", "outbox", "vehicle_tracks", "samples", "sample_seals", "seal_cuts", "seal_heads"}
)


@dataclass(frozen=True)
class Attack:
    """The city, and the objects of NORTH by the names of the variables in addresses."""

    city: City
    objects: dict[str, str]

    @property
    def app(self) -> Flask:
        return self.city.app


@contextmanager
def hostile_city(home: Path, registry: Path | None = None) -> Iterator[Attack]:
    """The small city with an attack in every text."""
    with small_city(home, registry) as city:
        yield attacked(city)


def attacked(city: City) -> Attack:
    """A city of the cast, filled, with an attack in every text."""
    with changing_session(city.engine) as session:
        objects = _fill(session, city)
    objects |= {"alert_id": _alerts(city), "audit_entry": _audit_entry(city)}
    with changing_session(city.engine) as session:
        objects["filter_id"] = _handled(session, objects["alert_id"])
    with changing_session(city.engine) as session:
        poison(session)
    city.feed().step()
    for vehicle_id in ("NORTH-R1", "SOUTH-R1"):
        city.observe(vehicle_id)
        city.store_position(vehicle_id)
    return Attack(city, objects)


def poison(session: Session) -> None:
    """Put HOSTILE into every column of free text; where it has to be unique, into the first row."""
    is_cut = session.get_bind().dialect.name == "postgresql"  # which refuses what is too long for a column
    for table in Base.metadata.sorted_tables:
        if table.name in _OTHER_TABLES:
            continue
        for column in table.columns:
            if not _is_free_text(column):
                continue
            text = _BEGINNINGS.get(str(column), "") + HOSTILE
            statement = update(table).values({column: text[: _length(column)] if is_cut else text})
            if column.unique:
                key = next(iter(table.primary_key.columns))
                statement = statement.where(key == select(key).order_by(key).limit(1).scalar_subquery())
            session.execute(statement)


def _length(column: Column[Any]) -> int | None:
    return column.type.length if isinstance(column.type, String) else None


def _is_free_text(column: Column[Any]) -> bool:
    is_text = isinstance(column.type, String) and not isinstance(column.type, Enum)
    return is_text and str(column) not in _NO_FREE_TEXT


def _fill(session: Session, city: City) -> dict[str, str]:
    prepare(session)
    manager, regulator = user(session), user(session, Role.REGULATOR)
    north = session.scalars(select(Organisation).where(Organisation.code == "NORTH")).one()
    qianhai = session.scalars(select(Jurisdiction).where(Jurisdiction.code == "QH")).one()
    issue_permit(
        session,
        number=PERMIT,
        stage=Stage.ROAD_TEST,
        jurisdiction=qianhai,
        holder=north,
        vehicles=session.scalars(select(Vehicle).where(Vehicle.organisation_id == north.id)).all(),
        officers=session.scalars(select(Officer)).all(),
        zone_ids=["QH-R-01"],
        conditions=Conditions(),
        valid_from_ms=NOON_MS - DAY_MS,
        valid_until_ms=NOON_MS + 20 * DAY_MS,
        now_ms=NOON_MS,
        reason=HOSTILE,
        actor=regulator,
    )
    waiting = submitted(session, safety_case=HOSTILE)
    returned = submitted(session, safety_case=HOSTILE)
    _send_back(session, returned, regulator)
    draft = begun(session, safety_case=HOSTILE)
    attachment = store_attachment(
        session, organisation=north, file_name="plan.pdf", content=PDF, actor=manager, now_ms=NOON_MS
    )
    draft.attachments = [attachment]
    record(session, "application.changed", Subject("application", draft.number), actor=manager, now_ms=NOON_MS)
    session.flush()
    return {
        "vehicle_id": "NORTH-R1",
        "officer_id": "N-ON",
        "trial_id": "T-1",
        "zone_id": "QH-C-01",
        "organisation": "NORTH",
        "permit": PERMIT,
        "application": draft.number,
        "waiting": waiting.number,
        "returned": returned.number,
        "attachment": attachment.public_id,
        "bundle": _bundle(session, manager),
        "directive": _directive(session, regulator),
        **_incidents(session, north, manager, regulator),
        **_emergency(session, city, regulator),
        **_sanctions(session, manager, regulator),
        **_channels(session, north, manager),
        **_told(session, north, qianhai),
        **_drafts(session, manager, regulator),
        **_telemetry(session, city),
        **_people(session, manager),
    }


def _send_back(session: Session, application: Application, regulator: User) -> None:
    request = ChangeRequest.model_validate(
        {"reason": HOSTILE, "comments": [{"field": "safety_case", "comment": HOSTILE}]}
    )
    request_changes(
        session,
        application,
        request,
        expected_version=application.version,
        actor=regulator,
        now_ms=NOON_MS,
    )


def _bundle(session: Session, manager: User) -> str:
    """Two of them, as a list needs them; the first's name."""
    vehicle = session.scalars(select(Vehicle).where(Vehicle.vehicle_id == "NORTH-R1")).one()
    scope = scope_of(vehicle.id, NOON_MS, before_s=90, after_s=30, is_for_city=False, now_ms=NOON_MS)
    for name in ("EV-1", "EV-2"):
        store_bundle(
            session,
            name.encode(),
            bundle_id=name,
            scope=scope,
            samples=1,
            faults=[HOSTILE],
            reason=HOSTILE,
            actor=manager,
            now_ms=NOON_MS,
        )
    return "EV-1"


def _sanctions(session: Session, manager: User, regulator: User) -> dict[str, str]:
    """One that waits for its hearing, and one that was decided and appealed."""
    numbers = []
    for is_decided in (False, True):
        permit = permit_by_number(session, PERMIT)
        sanction = open_sanction(session, permit, SanctionStep.WARN, reason=HOSTILE, now_ms=NOON_MS, actor=regulator)
        notice = SanctionNotice(hearing_at_ms=NOON_MS + DAY_MS, reason=HOSTILE)
        serve_notice(session, sanction, notice, expected_version=1, actor=regulator, now_ms=NOON_MS)
        if is_decided:
            decision = SanctionDecision(reason=HOSTILE, hearing_record=HOSTILE)
            take_step(session, sanction, decision, expected_version=2, actor=regulator, now_ms=NOON_MS)
            appeal(session, sanction, Appeal(reason=HOSTILE), expected_version=3, actor=manager, now_ms=NOON_MS)
        numbers.append(sanction.sanction_id)
    return {"sanction": numbers[0], "appealed_sanction": numbers[1]}


def _incidents(session: Session, north: Organisation, manager: User, regulator: User) -> dict[str, str]:
    report = IncidentReport.model_validate(
        {
            "vehicle_id": "NORTH-R1",
            "jurisdiction": "QH",
            "occurred_at_ms": NOON_MS - 1,
            "kind": "collision",
            "harm": "damage",
            "summary": HOSTILE,
        }
    )
    numbers = []
    for fault in ("", "yes"):
        incident = report_incident(session, report, organisation=north, actor=manager, now_ms=NOON_MS)
        if fault:
            decision = FaultDecision.model_validate({"fault": fault, "reason": HOSTILE})
            decide_fault(
                session,
                incident,
                decision,
                expected_version=incident.version,
                actor=regulator,
                now_ms=NOON_MS,
            )
        numbers.append(incident.incident_id)
    return {"incident": numbers[0], "decided_incident": numbers[1]}


def _directive(session: Session, regulator: User) -> str:
    """An order to each of NORTH's vehicles, refused by the first with hostile words."""
    order = Order.model_validate({"vehicles": ["NORTH-R1", "NORTH-E1"], "kind": "halt", "reason": HOSTILE})
    rows = order_vehicles(session, order, actor=regulator, now_ms=NOON_MS)
    directive = next(row for row in rows if row.vehicle.vehicle_id == "NORTH-R1")
    refusal = DirectiveAnswer(reply=Reply.REFUSED, detail=HOSTILE, answered_at_ms=NOON_MS, received_at_ms=NOON_MS)
    refusal.directive_key = directive.id
    session.add(refusal)
    return directive.directive_id


def _channels(session: Session, north: Organisation, manager: User) -> dict[str, str]:
    """Channels with a message each."""
    ids = {}
    for kind, address in (("webhook", "https://receiver.example/"), ("email", "duty@north.example")):
        details = NewChannel.model_validate(
            {"name": "Duty", "kind": kind, "address": address, "topics": list(Topic), "enabled": True}
        )
        channel = add_channel(session, details, owner=north, allowed=(), actor=manager, now_ms=NOON_MS)
        delivery = send_test(session, channel, actor=manager, now_ms=NOON_MS)
        ids = ids or {"channel_id": channel.channel_id, "delivery_id": delivery.delivery_id}
    return ids


def _emergency(session: Session, city: City, regulator: User) -> dict[str, str]:
    """Two that last, of which both vehicles of NORTH were told."""
    declaration = Declaration.model_validate(
        {"jurisdiction": "QH", "reason": HOSTILE, "circle": {"lon": 113.9, "lat": 22.52, "radius_m": 500}}
    )
    senses = Senses(city.settings.vertical, city.settings.coverage_factor)
    concerned = {city.keys[vehicle]: (Concern.INSIDE, NOON_MS) for vehicle in ("NORTH-R1", "NORTH-E1")}
    for _twice in range(2):
        emergency = declare(session, declaration, senses=senses, actor=regulator, now_ms=NOON_MS)
        tell(session, emergency, News(concerned), actor=None, now_ms=NOON_MS)
    return {"emergency": emergency.number}


def _told(session: Session, north: Organisation, qianhai: Jurisdiction) -> dict[str, str]:
    """Notices of every kind with hostile words in them; an audit entry that tells hostile things."""
    names = {"reason"}.union(*(re.findall(r"%\((\w+)\)", str(text)) for text in NOTICE_TEXTS.values()))
    params = dict.fromkeys(names, HOSTILE) | {"ends_at_ms": NOON_MS}
    for kind in NOTICE_TEXTS:
        for owner in ({"organisation": north}, {"jurisdiction": qianhai}):
            notify(
                session,
                kind=kind,
                subject=Subject("permit", PERMIT),
                occasion=next(iter(owner)),
                params=params,
                now_ms=NOON_MS,
                **owner,
            )
    record(
        session,
        "vehicle.changed",
        Subject("vehicle", HOSTILE),
        actor=None,
        now_ms=NOON_MS,
        reason=HOSTILE,
        before={HOSTILE: HOSTILE},
        after={HOSTILE: [HOSTILE, {HOSTILE: HOSTILE}]},
    )
    notice = session.scalars(select(Notice).where(Notice.organisation_id == north.id)).first()
    assert notice is not None
    return {"notice_id": str(notice.id)}


def _drafts(session: Session, manager: User, regulator: User) -> dict[str, str]:
    """What was uploaded and waits for a yes: a spreadsheet and a file of zones."""
    table = io.StringIO()
    csv.writer(table).writerows(
        [["kind", "vehicle_id", "make", "model"], ["road", "NORTH-9", HOSTILE, "=1+1"], [HOSTILE] * 4]
    )
    vehicles = keep_draft(
        session,
        preview_of(session, table.getvalue().encode()),
        file_name=HOSTILE,
        actor=manager,
        now_ms=NOON_MS,
    )
    features = [
        {
            "type": "Feature",
            "properties": {"zone_id": zone_id, "kind": "test_road", "name_zh": HOSTILE, "name_en": HOSTILE}
            | {"authority": HOSTILE, "half_width_m": 8},
            "geometry": {"type": "LineString", "coordinates": [[113.9, 22.5], [113.9, 22.51]]},
        }
        for zone_id in ("QH-R-02", HOSTILE)
    ]
    data = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    zones = keep_zones(
        session,
        read_zone_file(session, data, decides_in={"QH"}, jurisdiction="QH"),
        actor=regulator,
        now_ms=NOON_MS,
    )
    return {"vehicle_import": vehicles, "zone_import": zones.public_id}


def _telemetry(session: Session, city: City) -> dict[str, str]:
    """A reject in text and one in bytes, a position with hostile words, and alerts."""
    payload = json.dumps({"seq": 1, "faults": [HOSTILE], "note": HOSTILE}, ensure_ascii=False).encode()
    for number, content in enumerate((payload, b"\xff\xfe" + payload)):
        session.add(
            RejectRow(
                digest=bytes([number]) * 32,
                topic=HOSTILE,
                vehicle=city.keys["NORTH-R1"],
                reason=RejectReason.MALFORMED_JSON,
                detail=HOSTILE,
                payload=content,
                arrivals=1,
                first_received_ms=NOON_MS,
                last_received_ms=NOON_MS,
            )
        )
    session.flush()
    reject = session.scalars(select(RejectRow)).first()
    assert reject is not None
    return {"reject_id": str(reject.id)}


def _alerts(city: City) -> str:
    """An open alert, and one that somebody took note of."""
    with reading_session(city.engine) as session:
        regulator = user(session, Role.REGULATOR).id
    city.store_alert("NORTH-R1", Finding.OVERSPEED, acknowledged_at_ms=NOON_MS, acknowledged_by_id=regulator)
    city.store_alert("NORTH-R1")
    return f"{city.keys['NORTH-R1']}-{Finding.OUTSIDE_AREA.code}-{NOON_MS - 1_234}-7"


def _handled(session: Session, alert_id: str) -> str:
    """An alert that people wrote about, and a filter that the manager saved."""
    manager, alert = user(session), alert_by_public_id(session, alert_id)
    comment_on_alert(session, alert.id, HOSTILE, actor=manager, now_ms=NOON_MS)
    escalate_alert(session, alert.id, HOSTILE, expected_version=alert.version, actor=manager, now_ms=NOON_MS)
    wanted = NewFilter(name=HOSTILE, criteria=Criteria(text=HOSTILE.replace("\u202e", "")))
    return str(save_filter(session, manager.id, wanted, now_ms=NOON_MS).id)


def _audit_entry(city: City) -> str:
    with reading_session(city.engine) as session:
        return str(session.scalars(select(AuditEntry.number).where(AuditEntry.subject_id == HOSTILE)).one())


def _people(session: Session, manager: User) -> dict[str, str]:
    issue_token(session, manager, name=HOSTILE, now_ms=NOON_MS, expires_at_ms=NOON_MS + DAY_MS)
    staff = user(session, Role.OPERATOR_STAFF)
    return {"user_id": str(staff.id), "token_id": str(tokens_of(session, manager)[0].id)}
