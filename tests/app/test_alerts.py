from __future__ import annotations

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.database import changing_session, reading_session
from app.errors import InvalidChange, NotFound
from app.models import Alert, Organisation, Role, User, Vehicle
from app.services.alert_handling import acknowledge_alert
from app.services.alerts import AlertFilter, WantedAlerts, alert_by_id, escalate_overdue_alerts, list_alerts
from app.services.organisations import register_organisation
from app.services.users import create_user
from app.services.vehicles import register_vehicle
from telemetry.findings import Finding, Severity
from telemetry.samples import VehicleKind


def fleet(session: Session, code: str, vehicle_id: str) -> tuple[Organisation, Vehicle]:
    operator = register_organisation(session, code=code, name_zh=code, name_en=code, now_ms=1)
    kind = VehicleKind.ROAD
    return operator, register_vehicle(session, vehicle_id=vehicle_id, kind=kind, organisation=operator, now_ms=1)[0]


def opened(session: Session, vehicle: Vehicle, at_ms: int, closed_at_ms: int | None = None) -> Alert:
    alert = Alert(
        vehicle=vehicle,
        finding=int(Finding.OVERSPEED),
        severity=Severity.WARNING,
        opened_at_ms=at_ms,
        opened_seq=at_ms,
        first_seen_ms=at_ms,
        last_seen_ms=at_ms,
        closed_at_ms=closed_at_ms,
        lon=113.9,
        lat=22.5,
    )
    session.add(alert)
    session.flush()
    return alert


def regulator(session: Session, email: str = "r@example.cn") -> User:
    return create_user(session, email=email, password="long enough", role=Role.REGULATOR, display_name="R", now_ms=1)


def test_alerts_are_listed_newest_first_by_state_and_fleet(engine: Engine) -> None:
    with changing_session(engine) as session:
        ours, a = fleet(session, "a", "A-1")
        _, b = fleet(session, "b", "B-1")
        one, two, three = opened(session, a, 1), opened(session, a, 2, closed_at_ms=9), opened(session, b, 3)
    with reading_session(engine) as session:

        def listed(**changes: object) -> list[int]:
            return [alert.id for alert in list_alerts(session, WantedAlerts(**changes)).items]  # type: ignore[arg-type] # test values

        assert listed() == [three.id, two.id, one.id]
        assert listed(state=AlertFilter.OPEN) == [three.id, one.id]
        assert listed(state=AlertFilter.CLOSED) == [two.id]
        assert listed(organisation_id=ours.id) == [two.id, one.id]
        assert listed(vehicle_id="B-1") == listed(organisation="b") == [three.id]


def test_pages_hold_every_alert_once(engine: Engine) -> None:
    with changing_session(engine) as session:
        _, vehicle = fleet(session, "a", "A-1")
        _, other = fleet(session, "b", "B-1")
        made = {opened(session, which, at_ms).id for at_ms in range(1, 6) for which in (vehicle, other)}
    seen: list[int] = []
    cursor: str | None = None
    with reading_session(engine) as session:
        for _ in range(4):
            page = list_alerts(session, limit=3, cursor=cursor)
            seen += [alert.id for alert in page.items]
            cursor = page.next_cursor
        assert cursor is None
        assert (len(seen), set(seen)) == (10, made)
        with pytest.raises(InvalidChange):
            list_alerts(session, cursor="1.x")


def test_the_first_acknowledgement_stands(engine: Engine) -> None:
    with changing_session(engine) as session:
        _, vehicle = fleet(session, "a", "A-1")
        key = opened(session, vehicle, 1).id
        first, second = regulator(session), regulator(session, "s@example.cn")
    with changing_session(engine) as session:
        acknowledge_alert(session, key, actor=session.merge(first), now_ms=5, note="已联系")
    with changing_session(engine) as session:
        acknowledge_alert(session, key, actor=session.merge(second), now_ms=9)
    with reading_session(engine) as session:
        alert = alert_by_id(session, key)
        assert (alert.acknowledged_at_ms, alert.acknowledged_by_id, alert.acknowledgement) == (5, first.id, "已联系")


def test_no_unknown_alert_is_acknowledged(engine: Engine) -> None:
    with changing_session(engine) as session:
        actor = regulator(session)
        with pytest.raises(NotFound):
            acknowledge_alert(session, 99, actor=actor, now_ms=5)
        with pytest.raises(NotFound):
            alert_by_id(session, 99)


def test_what_nobody_acknowledges_is_escalated_once(engine: Engine) -> None:
    with changing_session(engine) as session:
        _, vehicle = fleet(session, "a", "A-1")
        overdue = opened(session, vehicle, 1000).id
        opened(session, vehicle, 1001)  # still has a millisecond
        opened(session, vehicle, 10, closed_at_ms=20)
        seen = opened(session, vehicle, 11).id
        acknowledge_alert(session, seen, actor=regulator(session), now_ms=12)
    with changing_session(engine) as session:
        assert [alert.id for alert in escalate_overdue_alerts(session, now_ms=301_000, after_s=300.0)] == [overdue]
        assert not escalate_overdue_alerts(session, now_ms=301_000, after_s=300.0)
        assert alert_by_id(session, overdue).escalated_at_ms == 301_000
