"""What people do about alerts, on both databases."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.database import changing_session, reading_session
from app.errors import Conflict, InvalidChange
from app.models import Alert, AuditEntry, Notice, Role, User
from app.services.alert_handling import (
    acknowledge_alert,
    assign_alert,
    comment_on_alert,
    escalate_alert,
    possible_assignees,
    resolve_alert,
)
from app.services.alert_ids import public_id_of
from app.services.alerts import (
    Handling,
    WantedAlerts,
    alert_by_id,
    alert_comments,
    escalate_overdue_alerts,
    list_alerts,
)
from app.services.jurisdictions import create_jurisdiction
from app.services.notices import notices_for, unread_count
from app.services.users import create_user
from telemetry.findings import Finding, Severity
from tests.app.test_alerts import fleet, opened, regulator

Handle = Callable[[Session, int, User, int], object]


def _assign(session: Session, alert_id: int, actor: User, version: int) -> object:
    return assign_alert(session, alert_id, actor.id, expected_version=version, actor=actor, now_ms=5)


def _escalate(session: Session, alert_id: int, actor: User, version: int) -> object:
    return escalate_alert(session, alert_id, "二级响应", expected_version=version, actor=actor, now_ms=5)


def _resolve(session: Session, alert_id: int, actor: User, version: int) -> object:
    return resolve_alert(session, alert_id, "已处置", expected_version=version, actor=actor, now_ms=5)


def _told(session: Session) -> list[str]:
    told = select(AuditEntry.action).where(AuditEntry.subject_type == "alert").order_by(AuditEntry.number)
    return list(session.scalars(told))


def test_an_alert_passes_through_many_hands(engine: Engine) -> None:
    with changing_session(engine) as session:
        _, vehicle = fleet(session, "a", "A-1")
        key, actor = opened(session, vehicle, 1).id, regulator(session).id
    for handle in (_assign, _escalate, _resolve):
        with changing_session(engine) as session:
            handle(session, key, session.get_one(User, actor), alert_by_id(session, key).version)
    with changing_session(engine) as session:
        comment_on_alert(session, key, "现场已确认", actor=session.get_one(User, actor), now_ms=6)
    with reading_session(engine) as session:
        alert = alert_by_id(session, key)
        assert (
            alert.assigned_to_id == alert.acknowledged_by_id == alert.escalated_by_id == alert.resolved_by_id == actor
        )
        assert (alert.escalation, alert.resolution, alert.comment_count) == ("二级响应", "已处置", 1)
        assert (alert.handled_at_ms, alert.closed_at_ms) == (6, None), "the judge's episode goes on"
        (comment,) = alert_comments(session, alert, limit=9, cursor=None).items
        assert (comment.text, comment.author.id) == ("现场已确认", actor)
        verbs = ["assigned", "acknowledged", "escalated", "resolved", "commented"]
        assert _told(session) == [f"alert.{verb}" for verb in verbs]
        (notice,) = session.scalars(select(Notice)).all()
        assert (notice.kind, notice.organisation_id) == ("alert.escalated", alert.vehicle.organisation_id)


@pytest.mark.parametrize("handle", [_assign, _escalate, _resolve])
def test_of_two_at_once_one_is_told(engine: Engine, handle: Handle) -> None:
    with changing_session(engine) as session:
        _, vehicle = fleet(session, "a", "A-1")
        key, actor = opened(session, vehicle, 1).id, regulator(session).id
        seen = alert_by_id(session, key).version
    with changing_session(engine) as session:
        handle(session, key, session.get_one(User, actor), seen)
    with pytest.raises(Conflict), changing_session(engine) as session:
        handle(session, key, session.get_one(User, actor), seen)


def test_what_is_closed_with_a_reason_stays_closed(engine: Engine) -> None:
    with changing_session(engine) as session:
        _, vehicle = fleet(session, "a", "A-1")
        alert, actor = opened(session, vehicle, 1), regulator(session)
        _resolve(session, alert.id, actor, alert.version)
        for handle in (_resolve, _escalate):
            with pytest.raises(InvalidChange) as refused:
                handle(session, alert.id, actor, alert.version)
            assert refused.value.code == "alert_resolved"
        assert not escalate_overdue_alerts(session, now_ms=10**9, after_s=1.0)


def test_a_person_escalates_once_and_also_what_the_clock_escalated(engine: Engine) -> None:
    with changing_session(engine) as session:
        _, vehicle = fleet(session, "a", "A-1")
        key, actor = opened(session, vehicle, 1).id, regulator(session)
        before = alert_by_id(session, key).version
    with changing_session(engine) as session:
        (alert,) = escalate_overdue_alerts(session, now_ms=10**6, after_s=1.0)
        assert (alert.version, alert.handled_at_ms) == (before + 1, 10**6)
        _escalate(session, key, session.merge(actor), alert.version)
        with pytest.raises(InvalidChange):
            _escalate(session, key, session.merge(actor), alert.version)


def test_people_charge_their_own(engine: Engine) -> None:
    with changing_session(engine) as session:
        ours, vehicle = fleet(session, "a", "A-1")
        theirs, _ = fleet(session, "b", "B-1")
        people = {
            name: create_user(
                session,
                email=f"{name}@example.cn",
                password="long enough",
                role=Role.OPERATOR_STAFF,
                display_name=name,
                now_ms=1,
                organisation=organisation,
            )
            for name, organisation in (("one", ours), ("two", ours), ("other", theirs))
        }
        city, gone = regulator(session), regulator(session, "gone@example.cn")
        gone.disabled_at_ms = 3
        alert = opened(session, vehicle, 1)
        assert possible_assignees(session, people["one"]) == [people["one"], people["two"]]
        assert possible_assignees(session, city) == [city]
        for wrong in (people["other"], city):
            with pytest.raises(InvalidChange, match="nobody whom you can charge"):
                assign_alert(session, alert.id, wrong.id, expected_version=alert.version, actor=people["one"], now_ms=5)
        assign_alert(session, alert.id, people["two"].id, expected_version=alert.version, actor=people["one"], now_ms=5)
        assert (alert.assigned_to, alert.acknowledged_at_ms) == (people["two"], None), "who is charged may not know yet"
        for person, told in (("two", 1), ("one", 0), ("other", 0)):
            assert unread_count(session, people[person]) == told, person
        _assign(session, alert.id, city, alert.version)
        with pytest.raises(InvalidChange, match="in hand"):
            _assign(session, alert.id, people["one"], alert.version)
        assign_alert(session, alert.id, None, expected_version=alert.version, actor=city, now_ms=5)
        assert (alert.assigned_to, alert.assigned_at_ms) == (None, None)


def test_whoever_is_charged_is_told_and_nobody_who_takes_it_on(engine: Engine) -> None:
    with changing_session(engine) as session:
        _, vehicle = fleet(session, "a", "A-1")
        qianhai, baoan = (
            create_jurisdiction(session, code=code, name_zh=code, name_en=code, number_prefix=code, now_ms=1)
            for code in ("QH", "BA")
        )
        actor, charged = regulator(session), regulator(session, "s@example.cn")
        charged.jurisdictions = [baoan]
        alert = opened(session, vehicle, 1)
        alert.severity = Severity.CRITICAL
        session.flush()
        for person in (actor, charged, actor, charged):
            assign_alert(session, alert.id, person.id, expected_version=alert.version, actor=actor, now_ms=5)
        assert unread_count(session, actor) == 0
        (again, _), (first, _) = notices_for(session, charged).items
        assert first.occasion != again.occasion, "each time"
        assert (first.kind, first.jurisdiction_id, first.subject_id) == (
            "alert.assigned_critical",
            baoan.id,
            public_id_of(alert),
        )
        assert first.params == {"vehicle": "A-1", "finding": "overspeed", "person": "R"}
        assert qianhai.id != baoan.id


def test_lists_are_by_what_people_did(engine: Engine) -> None:
    with changing_session(engine) as session:
        _, vehicle = fleet(session, "a", "A-1")
        actor = regulator(session)
        new, seen, mine, done = (opened(session, vehicle, at_ms) for at_ms in range(1, 5))
        new.severity, new.finding = Severity.CRITICAL, int(Finding.OUTSIDE_AREA)
        acknowledge_alert(session, seen.id, actor=actor, now_ms=5)
        _assign(session, mine.id, actor, mine.version)
        _escalate(session, done.id, actor, done.version)

        def listed(wanted: WantedAlerts) -> list[Alert]:
            return list_alerts(session, wanted).items

        assert listed(WantedAlerts(handling=Handling.ESCALATED)) == [done]
        _resolve(session, done.id, actor, done.version)
        assert listed(WantedAlerts(handling=Handling.NEW)) == [new]
        assert listed(WantedAlerts(handling=Handling.ACKNOWLEDGED)) == [mine, seen]
        assert listed(WantedAlerts(handling=Handling.RESOLVED)) == [done]
        assert listed(WantedAlerts(handling=Handling.ESCALATED)) == []
        assert listed(WantedAlerts(assigned_to_id=actor.id)) == [mine]
        assert listed(WantedAlerts(assigned_to_id=0)) == [done, seen, new]
        assert listed(WantedAlerts(severity=Severity.CRITICAL)) == [new]
        assert listed(WantedAlerts(finding=Finding.OVERSPEED)) == [done, mine, seen]
        assert listed(WantedAlerts(zone_id="QH-R-01")) == []
