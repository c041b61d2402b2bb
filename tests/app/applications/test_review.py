"""From submission to decision, and what becomes of the permit."""

from __future__ import annotations

import threading
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.database import changing_session, reading_session
from app.errors import Conflict, InvalidChange
from app.models import (
    ApplicationState,
    AuditEntry,
    Notice,
    Permit,
    Role,
    Stage,
    Vehicle,
)
from app.schemas.applications import ChangeRequest, FieldComment, NewApplication
from app.services.application_terms import conditions_of, draft_of_permit
from app.services.applications import (
    application_by_number,
    create_application,
    draft_of,
    save_draft,
    submit,
    withdraw,
)
from app.services.completeness import gaps
from app.services.permits import newest_revision, revise_permit
from app.services.review import (
    content_of,
    differences,
    grant,
    history,
    newest_submitted,
    open_comments,
    reject,
    request_changes,
    take_under_review,
)
from telemetry.samples import Mode
from tests.app.applicants import END_MS, begun, complete_draft, granting, submitted, user
from tests.app.telling import tell_of
from tests.app.web.cast import DAY_MS, NOON_MS


def test_an_incomplete_application_cannot_be_submitted(session: Session) -> None:
    application = begun(session, vehicles=[])
    with pytest.raises(InvalidChange) as refused:
        submit(
            session,
            application,
            comment="",
            expected_version=application.version,
            actor=user(session),
            now_ms=NOON_MS,
        )
    assert refused.value.code == "application_incomplete"


def test_a_submission_is_kept_and_the_regulators_are_told(session: Session) -> None:
    application = submitted(session)
    assert application.state is ApplicationState.SUBMITTED
    assert content_of(newest_submitted(application)).vehicles == ["NORTH-R1"]
    notice = session.scalars(select(Notice).where(Notice.kind == "application.submitted")).one()
    assert notice.jurisdiction_id == application.jurisdiction_id
    with pytest.raises(InvalidChange):
        save_draft(
            session,
            application,
            complete_draft(zones=[]),
            expected_version=application.version,
            actor=user(session),
            now_ms=NOON_MS,
        )


def test_changes_are_asked_for_by_field_and_both_revisions_compared(session: Session) -> None:
    application = submitted(session)
    manager, regulator = user(session), user(session, Role.REGULATOR)
    take_under_review(session, application, expected_version=application.version, actor=regulator, now_ms=NOON_MS)
    request = ChangeRequest(reason="Slower.", comments=[FieldComment(field="conditions", comment="30 km/h at most")])
    request_changes(
        session, application, request, expected_version=application.version, actor=regulator, now_ms=NOON_MS
    )
    assert open_comments(session, application) == {"": ["Slower."], "conditions": ["30 km/h at most"]}
    asked = complete_draft().conditions.model_dump() | {"speed_cap_kmh": 30}
    draft = complete_draft(conditions=asked)
    save_draft(session, application, draft, expected_version=application.version, actor=manager, now_ms=NOON_MS)
    submit(session, application, comment="done", expected_version=application.version, actor=manager, now_ms=NOON_MS)
    assert open_comments(session, application) == {}
    first, second = (content_of(revision) for revision in application.revisions)
    changed = [each for each in differences(first, second) if each.changed]
    assert [(each.field, each.before, each.after) for each in changed] == [
        ("conditions.speed_cap_kmh", ["36.0"], ["30.0"])
    ]
    assert [event.state for event in history(session, application)] == [
        ApplicationState.DRAFT,
        ApplicationState.SUBMITTED,
        ApplicationState.UNDER_REVIEW,
        ApplicationState.CHANGES_REQUESTED,
        ApplicationState.CHANGES_REQUESTED,
        ApplicationState.SUBMITTED,
    ]


def test_a_grant_issues_the_permit_on_the_regulators_terms(session: Session) -> None:
    application = submitted(session)
    asked = complete_draft().conditions.model_dump() | {"speed_cap_kmh": 18}
    revision = grant(
        session,
        application,
        granting(conditions=asked),
        expected_version=application.version,
        actor=user(session, Role.REGULATOR),
        now_ms=NOON_MS,
    )
    assert revision.permit.number == "QH-2026-0001"
    assert revision.terms["speed_cap_mps"] == pytest.approx(5)
    assert revision.terms["hours"]["time_zone"] == "Asia/Shanghai"
    assert [officer.officer_id for officer in revision.officers] == ["N-ON"]
    assert application.state is ApplicationState.GRANTED
    assert application.permit is revision.permit
    actions = session.info["audit_pending"]
    assert {"permit.issued", "application.granted"} <= {entry["action"] for entry in actions}


def test_a_failed_entry_gate_needs_a_reason_which_is_kept(session: Session) -> None:
    application = submitted(session, stage=Stage.DEMONSTRATION)
    regulator = user(session, Role.REGULATOR)
    with pytest.raises(InvalidChange) as refused:
        grant(session, application, granting(), expected_version=application.version, actor=regulator, now_ms=NOON_MS)
    assert (refused.value.code, refused.value.field) == ("exception_missing", "exception_reason")
    grant(
        session,
        application,
        granting(exception_reason="Tested abroad."),
        expected_version=application.version,
        actor=regulator,
        now_ms=NOON_MS,
    )
    assert history(session, application)[-1].comment == "All is well.\n[experience] Tested abroad."


def test_what_has_become_incomplete_cannot_be_granted(session: Session) -> None:
    application = submitted(session)
    vehicle = session.scalars(select(Vehicle).where(Vehicle.vehicle_id == "NORTH-R1")).one()
    vehicle.insured_until = date(2026, 3, 2)
    tell_of(session, vehicle)
    with pytest.raises(InvalidChange) as refused:
        grant(
            session,
            application,
            granting(),
            expected_version=application.version,
            actor=user(session, Role.REGULATOR),
            now_ms=NOON_MS,
        )
    assert refused.value.code == "application_incomplete"


def test_an_application_may_change_a_permit(session: Session) -> None:
    first = submitted(session)
    manager, regulator = user(session), user(session, Role.REGULATOR)
    assert manager.organisation is not None
    issued = grant(session, first, granting(), expected_version=first.version, actor=regulator, now_ms=NOON_MS)
    number = issued.permit.number
    change = create_application(
        session,
        NewApplication(jurisdiction="QH", trial_id="T-1", permit=number),
        holder=manager.organisation,
        actor=manager,
        now_ms=NOON_MS,
    )
    assert draft_of(change) == complete_draft(safety_case="")
    save_draft(
        session,
        change,
        complete_draft(valid_until_ms=END_MS + DAY_MS),
        expected_version=change.version,
        actor=manager,
        now_ms=NOON_MS,
    )
    submit(session, change, comment="", expected_version=change.version, actor=manager, now_ms=NOON_MS)
    grant(
        session,
        change,
        granting(valid_until_ms=END_MS + DAY_MS, permit_revision=1),
        expected_version=change.version,
        actor=regulator,
        now_ms=NOON_MS,
    )
    assert [permit.number for permit in session.scalars(select(Permit))] == [number]
    newest = newest_revision(session, issued.permit)
    assert (newest.number, newest.valid_until_ms) == (2, END_MS + DAY_MS)


def test_a_change_replaces_only_what_its_regulator_has_seen(session: Session) -> None:
    first = submitted(session)
    manager, regulator = user(session), user(session, Role.REGULATOR)
    assert manager.organisation is not None
    issued = grant(session, first, granting(), expected_version=first.version, actor=regulator, now_ms=NOON_MS)
    change = create_application(
        session,
        NewApplication(jurisdiction="QH", trial_id="T-1", permit=issued.permit.number),
        holder=manager.organisation,
        actor=manager,
        now_ms=NOON_MS,
    )
    save_draft(session, change, complete_draft(), expected_version=change.version, actor=manager, now_ms=NOON_MS)
    submit(session, change, comment="", expected_version=change.version, actor=manager, now_ms=NOON_MS)
    revise_permit(session, issued.permit, reason="Slower.", now_ms=NOON_MS, actor=regulator)
    at = {"expected_version": change.version, "actor": regulator, "now_ms": NOON_MS}
    with pytest.raises(InvalidChange) as refused:
        grant(session, change, granting(), **at)  # type: ignore[arg-type]  # the same three for each try
    assert refused.value.code == "permit_revision_missing"
    with pytest.raises(Conflict):
        grant(session, change, granting(permit_revision=1), **at)  # type: ignore[arg-type]  # as above
    assert newest_revision(session, issued.permit).number == 2


def test_terms_survive_the_way_to_a_permit_and_back(session: Session) -> None:
    application = submitted(session)
    revision = grant(
        session,
        application,
        granting(),
        expected_version=application.version,
        actor=user(session, Role.REGULATOR),
        now_ms=NOON_MS,
    )
    draft = draft_of_permit(revision.permit, revision, trial_id="T-1")
    assert conditions_of(draft).to_dict() == revision.terms
    assert conditions_of(draft).modes == {Mode.AUTONOMOUS, Mode.MANUAL}


SUNRISE = {"days": ["ANY"], "start": {"event": "SR", "offset_min": -30}, "end": "18:00"}
MORNING = {"days": ["MON"], "start": "08:00", "end": "10:00"}


@pytest.mark.parametrize(
    "hours",
    [
        {"time_zone": "Asia/Shanghai", "position": {"lon": 113.9, "lat": 22.5}, "windows": [SUNRISE]},
        {"time_zone": "Asia/Shanghai", "position": {"lon": 113.9, "lat": 22.5}, "windows": [MORNING, SUNRISE]},
        {"time_zone": "Asia/Tokyo", "windows": [MORNING]},
        {"time_zone": "Asia/Shanghai", "windows": [MORNING] * 15},
        {"time_zone": "Asia/Shanghai", "windows": []},
    ],
)
def test_hours_that_an_application_cannot_state_are_a_gap_until_somebody_decides(
    session: Session, hours: dict[str, Any]
) -> None:
    """Left out, they would allow every hour."""
    first = submitted(session)
    at = {"expected_version": first.version, "actor": user(session, Role.REGULATOR), "now_ms": NOON_MS}
    revision = grant(session, first, granting(), **at)  # type: ignore[arg-type]  # as above
    revision.terms = revision.terms | {"hours": hours}
    draft = draft_of_permit(revision.permit, revision, trial_id="T-1")
    assert (draft.hours, draft.hours_decided) == ([], False)
    found = [gap.code for gap in gaps(session, first, draft, NOON_MS)]
    assert "hours_undecided" in found
    for decided in ({"hours_decided": True}, {"hours": complete_draft().hours}):
        found = [gap.code for gap in gaps(session, first, draft.model_copy(update=decided), NOON_MS)]
        assert "hours_undecided" not in found


@pytest.mark.parametrize("decided", ["rejected", "withdrawn"])
def test_what_is_decided_is_decided(session: Session, decided: str) -> None:
    application = submitted(session)
    regulator = user(session, Role.REGULATOR)
    if decided == "rejected":
        reject(session, application, reason="no", expected_version=application.version, actor=regulator, now_ms=NOON_MS)
    else:
        withdraw(
            session,
            application,
            reason="no",
            expected_version=application.version,
            actor=user(session),
            now_ms=NOON_MS,
        )
    assert application.state.value == decided
    with pytest.raises(InvalidChange):
        withdraw(
            session,
            application,
            reason="again",
            expected_version=application.version,
            actor=user(session),
            now_ms=NOON_MS,
        )
    with pytest.raises(InvalidChange):
        grant(session, application, granting(), expected_version=application.version, actor=regulator, now_ms=NOON_MS)


def test_of_two_decisions_at_once_one_wins_and_the_other_is_told(either_town: Engine) -> None:
    town = either_town
    with changing_session(town) as session:
        application = submitted(session)
        number, version = application.number, application.version
    # SQLite lets one writer in at a time; on PostgreSQL both have read before either writes.
    together = threading.Barrier(2 if town.dialect.name == "postgresql" else 1)
    outcomes: list[str] = []

    def decide(*, granted: bool) -> None:
        try:
            with changing_session(town) as session:
                found = application_by_number(session, number)
                together.wait(10)
                regulator = user(session, Role.REGULATOR)
                if granted:
                    grant(session, found, granting(), expected_version=version, actor=regulator, now_ms=NOON_MS)
                else:
                    reject(session, found, reason="no", expected_version=version, actor=regulator, now_ms=NOON_MS)
            outcomes.append("done")
        except Conflict:
            outcomes.append("told")

    threads = [threading.Thread(target=decide, kwargs={"granted": granted}) for granted in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["done", "told"]
    with reading_session(town) as session:
        state = application_by_number(session, number).state
        permits = session.scalars(select(Permit)).all()
        assert len(permits) == (1 if state is ApplicationState.GRANTED else 0)


def test_every_step_is_in_the_audit_log(either_town: Engine) -> None:
    with changing_session(either_town) as session:
        submitted(session)
    with reading_session(either_town) as session:
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.subject_type == "application")).all()
    assert actions == ["application.created", "application.draft_saved", "application.submitted"]
