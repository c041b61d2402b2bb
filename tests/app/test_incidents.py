"""Incidents from the first sign of one to its closing: reported, proposed, dismissed, reminded, revised, counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.chores import CHORES
from app.database import changing_session, reading_session
from app.errors import Conflict, InvalidChange
from app.models import (
    Alert,
    AuditEntry,
    Fault,
    Harm,
    Incident,
    IncidentKind,
    IncidentState,
    Jurisdiction,
    Notice,
    Organisation,
    Vehicle,
)
from app.schemas.incidents import FaultDecision, IncidentAmendment, IncidentClosing, IncidentReport
from app.schemas.jurisdictions import JurisdictionDetails, ReportingDeadlines
from app.services.accidents import accidents_since
from app.services.alert_ids import alert_public_id
from app.services.disengagements import COLUMNS, disengagement_rows
from app.services.incident_life import close_incident, decide_fault, reopen_incident, review_incident
from app.services.incident_proposals import propose_incidents
from app.services.incident_records import revisions_of
from app.services.incident_windows import KEPT_AROUND_MS, open_incident_windows
from app.services.incidents import amend_incident, attach_to_incident, dismiss_proposal, incident_by_id, report_incident
from app.services.jurisdictions import change_jurisdiction
from app.storage.records import write_alerts
from telemetry.findings import RULES, Finding
from telemetry.ports import AlertChange
from telemetry.samples import Mode, VehicleKind
from tests.app.heard import Fleet
from tests.app.permit_cast import DAY_MS, MANAGER, NOW, REGULATOR, issue, newest, person, register_everything

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
FACTS: dict[str, Any] = {
    "jurisdiction": "CITY",
    "occurred_at_ms": NOW,
    "kind": "collision",
    "harm": "damage",
    "summary": "A bumper.",
}
ASKED = {
    "capable_without_driver": True,
    "driver_present": False,
    "initiated_by": "remote_operator",
    "location": "street",
}
PROPOSE = next(chore for chore in CHORES if chore.name == "propose_incidents")
REMIND = next(chore for chore in CHORES if chore.name == "remind_of_incidents")


@pytest.fixture
def city(engine: Engine) -> Engine:
    register_everything(engine)
    return engine


@pytest.fixture
def session(city: Engine) -> Iterator[Session]:
    with changing_session(city) as session:
        yield session


def reported(session: Session, *, at_ms: int = NOW, vehicle_id: str = "N-1", **facts: Any) -> Incident:
    manager = person(session, MANAGER)
    assert manager.organisation is not None
    report = IncidentReport.model_validate(FACTS | {"vehicle_id": vehicle_id, "occurred_at_ms": at_ms} | facts)
    return report_incident(session, report, organisation=manager.organisation, actor=manager, now_ms=max(at_ms, NOW))


def signed(session: Session, incident: Incident, email: str, at_ms: int = NOW + 1) -> dict[str, Any]:
    return {"expected_version": incident.version, "actor": person(session, email), "now_ms": at_ms}


def alerted(session: Session, finding: Finding, *, at_ms: int = NOW, vehicle_id: str = "N-1", permit: int = -1) -> str:
    vehicle = session.scalars(select(Vehicle).where(Vehicle.vehicle_id == vehicle_id)).one()
    change = AlertChange(
        vehicle=vehicle.id,
        finding=finding,
        severity=RULES[finding].severity,
        opened_at_ms=at_ms,
        opened_seq=7,
        first_seen_ms=at_ms,
        last_seen_ms=at_ms,
        closed_at_ms=None,
        zone_revision=-1,
        permit_revision=permit,
        lon=113.905,
        lat=22.51,
        is_new=True,
    )
    write_alerts(session.connection(), [change])
    return alert_public_id(vehicle.id, finding, at_ms, 7)


def told(session: Session, kind: str) -> list[str]:
    return list(session.scalars(select(Notice.occasion).where(Notice.kind == kind).order_by(Notice.id)))


def incidents(engine: Engine) -> list[Incident]:
    with reading_session(engine) as session:
        found = list(session.scalars(select(Incident).order_by(Incident.id)))
        for incident in found:
            assert incident.alerts is not None  # loaded while there is a session
        return found


# --- reports ------------------------------------------------------------------------------------------


def test_a_report_is_amended_reviewed_closed_and_opened_again_and_every_step_stays(session: Session) -> None:
    incident = reported(session)
    assert (incident.state, incident.complete_at_ms) == (IncidentState.REPORTED, None)
    amended = IncidentAmendment.model_validate(
        FACTS | {"harm": "injury", "injured": 2, "complete": True, "reason": "The hospital called."}
    )
    amend_incident(session, incident, amended, **signed(session, incident, MANAGER))
    attach_to_incident(
        session, incident, file_name="report.txt", content=b"What we saw.", **signed(session, incident, MANAGER)
    )
    review_incident(session, incident, **signed(session, incident, REGULATOR))
    closing = IncidentClosing(conclusion="The brake was worn.", fault="yes")
    close_incident(session, incident, closing, **signed(session, incident, REGULATOR))
    assert (incident.state, incident.fault, incident.conclusion) == (
        IncidentState.CLOSED,
        Fault.YES,
        closing.conclusion,
    )
    with pytest.raises(InvalidChange, match="closed"):
        amend_incident(session, incident, amended, **signed(session, incident, MANAGER))
    reopen_incident(session, incident, "A witness came.", **signed(session, incident, REGULATOR))
    found = revisions_of(session, incident)
    changes = ["reported", "amended", "file_attached", "review_begun", "closed", "reopened"]
    assert [row.change for row in found] == changes
    assert [row.number for row in found] == [1, 2, 3, 4, 5, 6]
    assert [row.content["injured"] for row in found[:2]] == [0, 2]
    assert found[2].content["attachments"][0]["file_name"] == "report.txt"
    assert (found[4].content["state"], found[5].content["state"]) == ("closed", "under_review")
    assert [told(session, f"incident.{kind}") for kind in ("reported", "closed", "reopened")] == [
        ["reported"],
        ["5"],
        ["6"],
    ]


def test_who_has_not_seen_the_newest_version_changes_nothing(session: Session) -> None:
    incident = reported(session)
    old = signed(session, incident, REGULATOR)
    review_incident(session, incident, **signed(session, incident, REGULATOR))
    steps: list[Callable[[], object]] = [
        lambda: amend_incident(session, incident, IncidentAmendment.model_validate(FACTS), **old),
        lambda: attach_to_incident(session, incident, file_name="a", content=b"a", **old),
        lambda: dismiss_proposal(session, incident, "r", **old),
        lambda: review_incident(session, incident, **old),
        lambda: decide_fault(session, incident, FaultDecision(fault="no", reason="r"), **old),
        lambda: close_incident(session, incident, IncidentClosing(conclusion="c", fault="no"), **old),
        lambda: reopen_incident(session, incident, "r", **old),
    ]
    for step in steps:
        with pytest.raises(Conflict):
            step()


@pytest.mark.parametrize(
    "facts",
    [
        {"injured": 1},
        {"killed": 1, "harm": "injury"},
        {"kind": "injury", "harm": "none"},
        {"injured": -1},
        {"summary": " "},
    ],
)
def test_a_report_that_contradicts_itself_is_none(facts: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        IncidentReport.model_validate(FACTS | {"vehicle_id": "N-1"} | facts)


def test_the_full_report_of_a_disengagement_answers_all_that_is_asked(session: Session) -> None:
    with pytest.raises(InvalidChange, match="initiated_by") as refused:
        reported(session, kind="disengagement", disengagement=ASKED | {"initiated_by": None}, complete=True)
    assert refused.value.field == "disengagement.initiated_by"
    reported(session, kind="disengagement", disengagement=ASKED, complete=True)
    reported(session, kind="disengagement", at_ms=NOW - 2 * DAY_MS, summary="=1+1")
    rows = list(disengagement_rows(session, since_ms=NOW - DAY_MS, until_ms=NOW + 1))
    assert [len(row) for row in rows] == [len(COLUMNS)]
    assert rows[0][2:] == ("2024-11-21", "", "Yes", "No", "Remote Operator", "Street", "A bumper.")


def test_the_place_is_where_telemetry_had_the_vehicle(city: Engine) -> None:
    with changing_session(city) as session:
        key = session.scalars(select(Vehicle.id).where(Vehicle.vehicle_id == "N-1")).one()
    Fleet(city, {VehicleKind.ROAD: key}).hear(NOW - 800, 4, lon=113.9012, lat=22.5103)
    with changing_session(city) as session:
        assert reported(session).lon == 113.9012
        assert reported(session, at_ms=NOW - HOUR_MS).lon is None


def test_an_incident_from_an_alert_belongs_to_it_alone(session: Session) -> None:
    alert = alerted(session, Finding.OUTSIDE_AREA)
    assert [each.finding for each in reported(session, alert=alert).alerts] == [Finding.OUTSIDE_AREA]
    for other, vehicle_id, code in (
        (alert, "N-1", "alert_has_incident"),
        (alerted(session, Finding.OVERSPEED), "N-2", "alert_unknown"),
        ("1-nonsense-2-3", "N-1", "alert_unknown"),
    ):
        with pytest.raises(InvalidChange) as refused:
            reported(session, alert=other, vehicle_id=vehicle_id)
        assert refused.value.code == code


# --- proposals ----------------------------------------------------------------------------------------


def test_what_telemetry_shows_is_proposed_once_and_together(city: Engine) -> None:
    with changing_session(city) as session:
        permit = issue(session)
        alerted(session, Finding.TAKEOVER, permit=newest(session).id)
        alerted(session, Finding.HARD_BRAKING, at_ms=NOW + 9 * MINUTE_MS)
        alerted(session, Finding.MINIMAL_RISK, at_ms=NOW + 11 * MINUTE_MS)
        alerted(session, Finding.SEPARATION, vehicle_id="N-2")
        alerted(session, Finding.OVERSPEED, at_ms=NOW + MINUTE_MS)
        alerted(session, Finding.LOW_BATTERY, at_ms=NOW + MINUTE_MS)
        place = permit.jurisdiction.code
    for _ in range(2):
        PROPOSE.run(city, NOW + 12 * MINUTE_MS)
    first, second, third = sorted(incidents(city), key=lambda each: (each.vehicle_key, each.occurred_at_ms))
    assert [alert.finding for alert in first.alerts] == [Finding.TAKEOVER, Finding.HARD_BRAKING]
    assert (first.kind, first.jurisdiction.code, first.lon) == (IncidentKind.DISENGAGEMENT, place, 113.905)
    assert [each.kind for each in (second, third)] == [IncidentKind.SYSTEM_FAILURE, IncidentKind.NEAR_MISS]
    assert {each.state for each in (first, second, third)} == {IncidentState.PROPOSED}
    with reading_session(city) as session:
        assert told(session, "incident.proposed") == ["proposed"] * 3


def test_a_lost_link_is_proposed_of_what_drove_by_itself(city: Engine) -> None:
    with changing_session(city) as session:
        key = session.scalars(select(Vehicle.id).where(Vehicle.vehicle_id == "N-1")).one()
    for number, mode in enumerate((Mode.MANUAL, Mode.AUTONOMOUS)):
        at_ms = NOW + number * HOUR_MS
        Fleet(city, {VehicleKind.ROAD: key}).hear(at_ms, 7, mode=mode)
        with changing_session(city) as session:
            alerted(session, Finding.LINK_LOST, at_ms=at_ms)
    PROPOSE.run(city, NOW + 2 * HOUR_MS)
    assert [(each.kind, each.occurred_at_ms) for each in incidents(city)] == [
        (IncidentKind.LOSS_OF_LINK, NOW + HOUR_MS)
    ]


def test_further_alerts_are_added_to_what_is_open_and_not_to_what_was_dismissed(city: Engine) -> None:
    with changing_session(city) as session:
        incident_id = reported(session).incident_id
        alerted(session, Finding.HARD_BRAKING)
    PROPOSE.run(city, NOW)
    with changing_session(city) as session:
        incident = incident_by_id(session, incident_id)
        assert (len(incident.alerts), incident.summary, revisions_of(session, incident)[-1].change) == (
            *(1, "A bumper."),
            "alert_added",
        )
        alerted(session, Finding.TAKEOVER, vehicle_id="N-2")
        propose_incidents(session, NOW)
        proposal = session.scalars(select(Incident).where(Incident.state == IncidentState.PROPOSED)).one()
        dismiss_proposal(session, proposal, "A test drive.", **signed(session, proposal, MANAGER))
        assert told(session, "incident.dismissed") == [str(proposal.version)]
        alerted(session, Finding.MINIMAL_RISK, vehicle_id="N-2", at_ms=NOW + 1)
    PROPOSE.run(city, NOW + 2)
    assert [each.state for each in incidents(city)] == [
        *(IncidentState.REPORTED, IncidentState.DISMISSED),
        IncidentState.PROPOSED,
    ]


def test_a_proposal_becomes_a_report_and_nothing_else_is_done_with_it(session: Session) -> None:
    alerted(session, Finding.TAKEOVER)
    propose_incidents(session, NOW)
    proposal = session.scalars(select(Incident)).one()
    with pytest.raises(InvalidChange, match="proposed"):
        decide_fault(session, proposal, FaultDecision(fault="yes", reason="r"), **signed(session, proposal, REGULATOR))
    amend_incident(session, proposal, IncidentAmendment.model_validate(FACTS), **signed(session, proposal, MANAGER))
    assert (proposal.state, proposal.reported_at_ms) == (IncidentState.REPORTED, NOW + 1)
    assert told(session, "incident.reported") == ["reported"]
    with pytest.raises(InvalidChange, match="no proposal"):
        dismiss_proposal(session, proposal, "r", **signed(session, proposal, MANAGER))


def test_a_flood_is_proposed_portion_by_portion(city: Engine) -> None:
    with changing_session(city) as session:
        for number in range(230):
            alerted(session, Finding.HARD_BRAKING, at_ms=NOW + number * 11 * MINUTE_MS // 10, vehicle_id="N-1")
    PROPOSE.run(city, NOW + 5 * HOUR_MS)
    assert sum(len(each.alerts) for each in incidents(city)) == 230


# --- deadlines ----------------------------------------------------------------------------------------


def test_deadlines_are_the_jurisdictions_and_are_reminded_of_once_each(city: Engine) -> None:
    with changing_session(city) as session:
        place = session.scalars(select(Jurisdiction)).one()
        details = JurisdictionDetails(
            name_zh=place.name_zh,
            name_en=place.name_en,
            number_prefix=place.number_prefix,
            deadlines=ReportingDeadlines(harm_hours=1, other_hours=3, full_days=5),
            reason="r",
        )
        change_jurisdiction(session, place, details, now_ms=NOW, actor=None)
        incident = reported(session)
        assert (incident.first_due_ms, incident.full_due_ms) == (NOW + 3 * HOUR_MS, NOW + 5 * DAY_MS)
        hurt = reported(session, harm="injury", injured=1, complete=True)
        assert hurt.first_due_ms == NOW + HOUR_MS
        alerted(session, Finding.TAKEOVER, vehicle_id="N-2")
        propose_incidents(session, NOW)
    for hours in (1, 2, 2.5, 4, 48.5, 96.5, 119, 121, 122, 150):
        REMIND.run(city, NOW + round(hours * HOUR_MS))
    with reading_session(city) as session:
        found = {
            kind: [each.partition(":")[0] for each in told(session, f"incident.{kind}")]
            for kind in ("first_due", "first_overdue", "full_due", "full_overdue")
        }
    assert found == {
        "first_due": ["1h"],
        "first_overdue": ["0h", "24h", "72h"],
        "full_due": ["72h", "24h"],
        "full_overdue": ["0h", "24h"],
    }


# --- what others ask ----------------------------------------------------------------------------------


def test_accidents_are_what_was_stated_and_hurt_or_hit_somebody(session: Session) -> None:
    operator = session.scalars(select(Organisation).where(Organisation.code == "NORTH")).one()
    counted = [
        reported(session, at_ms=NOW - 4),
        reported(session, at_ms=NOW - 3, kind="injury", harm="injury"),
        reported(session, at_ms=NOW - 2, kind="disengagement", harm="death", killed=1),
    ]
    reported(session, kind="near_miss", harm="none")
    reported(session, kind="loss_of_link", harm="damage")
    assert accidents_since(session, operator.id, NOW - DAY_MS) == counted


def test_evidence_of_what_is_open_has_a_window_around_it_and_its_alerts(session: Session) -> None:
    closed = reported(session)
    close_incident(session, closed, IncidentClosing(conclusion="c", fault="no"), **signed(session, closed, REGULATOR))
    alert = alerted(session, Finding.OUTSIDE_AREA, at_ms=NOW - HOUR_MS)
    incident = reported(session, alert=alert)
    [window] = open_incident_windows(session)
    assert window == (incident.vehicle_key, NOW - HOUR_MS - KEPT_AROUND_MS, NOW + KEPT_AROUND_MS)


def test_every_change_of_an_incident_stands_in_the_audit_log(city: Engine) -> None:
    with changing_session(city) as session:
        alerted(session, Finding.TAKEOVER)
    PROPOSE.run(city, NOW)
    with reading_session(city) as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "incident.proposed")).one()
        assert (entry.actor, len((entry.after or {})["alerts"])) == ("platform", 1)
        assert session.scalars(select(Alert)).one().finding == Finding.TAKEOVER
        assert session.scalars(select(Incident)).one().harm is Harm.NONE
