"""The ladder of sanctions: what the record speaks for, and what each step does to the permit."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.chores import CHORES
from app.database import changing, changing_session, open_engine, reading_session
from app.errors import Conflict, Forbidden, InvalidChange
from app.models import (
    Alert,
    AuditEntry,
    Fault,
    Harm,
    Incident,
    IncidentKind,
    IncidentState,
    Notice,
    Role,
    Sanction,
    SanctionState,
    SanctionStep,
    User,
    Vehicle,
)
from app.schemas.permits import Tightening
from app.schemas.sanctions import Appeal, Ruling, SanctionDecision, SanctionDismissal, SanctionNotice
from app.services.permit_life import Decision
from app.services.permits import permit_by_number
from app.services.sanction_rules import next_step, propose_sanctions
from app.services.sanctions import (
    DAY_MS,
    SanctionFilter,
    appeal,
    dismiss,
    make_final,
    open_sanction,
    rule_on_appeal,
    sanctions_due,
    sanctions_of,
    serve_notice,
    take_step,
)
from telemetry.findings import Finding, Severity
from telemetry.ports import PermitState
from tests.app.permit_cast import MANAGER, NOW, NUMBER, REGULATOR, decided, issue, newest, person, register_everything
from tests.app.telling import tell_of
from tests.jurisdictions import jurisdiction

SECOND = "second@city.example"


@pytest.fixture(scope="module")
def issued(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A permit, and a second regulator; tests of rules change it through `trial` only."""
    path = shutil.copy(migrated_sqlite, tmp_path_factory.mktemp("sanctions") / "issued.sqlite3")
    engine = open_engine(f"sqlite:///{path}")
    _arrange(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def trial(issued: Engine) -> Iterator[Session]:
    """A session whose changes are forgotten."""
    with Session(changing(issued)) as session:
        yield session


def _arrange(engine: Engine) -> None:
    register_everything(engine)
    with changing_session(engine) as session:
        issue(session)
        second = User(
            email=SECOND,
            password_hash="nobody logs in",
            role=Role.REGULATOR,
            display_name="Second",
            jurisdictions=[jurisdiction(session)],
            created_at_ms=NOW,
        )
        session.add(second)
        tell_of(session, second)


def opened(session: Session, step: SanctionStep = SanctionStep.SUSPEND) -> Sanction:
    permit = permit_by_number(session, NUMBER)
    regulator = person(session, REGULATOR)
    return open_sanction(session, permit, step, reason="多次越界", now_ms=NOW + 1, actor=regulator)


def taken(session: Session, sanction: Sanction, *, now_ms: int = NOW + 2, **terms: object) -> Sanction:
    restriction = Tightening.model_validate(terms) if terms else None
    decision = SanctionDecision(reason="听证后决定", hearing_record="holder heard", restriction=restriction)
    regulator = person(session, REGULATOR)
    take_step(session, sanction, decision, expected_version=sanction.version, actor=regulator, now_ms=now_ms)
    return sanction


def appealed(session: Session, sanction: Sanction, *, now_ms: int = NOW + 3) -> Sanction:
    manager = person(session, MANAGER)
    appeal(
        session,
        sanction,
        Appeal(reason="the road was closed"),
        expected_version=sanction.version,
        actor=manager,
        now_ms=now_ms,
    )
    return sanction


def ruled(session: Session, sanction: Sanction, outcome: SanctionState, by: str = SECOND) -> Sanction:
    ruling = Ruling.model_validate({"outcome": outcome, "reason": "复核"})
    rule_on_appeal(
        session, sanction, ruling, expected_version=sanction.version, actor=person(session, by), now_ms=NOW + 4
    )
    return sanction


# --- steps --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "terms", "state", "revision"),
    [
        (SanctionStep.WARN, {}, PermitState.ISSUED, 1),
        (SanctionStep.RESTRICT, {"speed_cap_kmh": 20}, PermitState.ISSUED, 2),
        (SanctionStep.SUSPEND, {}, PermitState.SUSPENDED, 2),
        (SanctionStep.REVOKE, {}, PermitState.SUSPENDED, 2),
    ],
)
def test_each_step_acts_through_a_decision_on_the_permit(
    trial: Session, step: SanctionStep, terms: dict[str, object], state: PermitState, revision: int
) -> None:
    sanction = taken(trial, opened(trial, step), **terms)
    assert (newest(trial).state, newest(trial).number) == (state, revision)
    assert (sanction.state, sanction.revision_before, sanction.revision_after) == (SanctionState.IN_FORCE, 1, revision)
    assert sanction.appeal_until_ms == NOW + 2 + 60 * DAY_MS
    assert newest(trial).reason == ("符合要求" if step is SanctionStep.WARN else "听证后决定")


def test_a_revocation_suspends_at_once_and_revokes_when_nobody_appealed(trial: Session) -> None:
    sanction = taken(trial, opened(trial, SanctionStep.REVOKE))
    over_ms = sanction.appeal_until_ms or 0
    assert sanctions_due(trial, over_ms - 1) == []
    assert sanctions_due(trial, over_ms) == [sanction.sanction_id]
    make_final(trial, sanction.sanction_id, now_ms=over_ms)
    assert newest(trial).state is PermitState.REVOKED
    assert (sanction.final_at_ms, sanction.revision_after) == (over_ms, 3)
    assert sanctions_due(trial, over_ms + 1) == []


def test_what_the_permit_became_meanwhile_is_not_revoked_again(trial: Session) -> None:
    sanction = taken(trial, opened(trial, SanctionStep.REVOKE))
    decided(trial, Decision.SURRENDERED, seen=2, now_ms=NOW + 5, by=MANAGER)
    make_final(trial, sanction.sanction_id, now_ms=sanction.appeal_until_ms or 0)
    assert newest(trial).state is PermitState.SURRENDERED


def test_notice_names_a_hearing_to_come_and_may_move_it(trial: Session) -> None:
    sanction, regulator = opened(trial), person(trial, REGULATOR)
    past = SanctionNotice(hearing_at_ms=NOW, reason="x")
    with pytest.raises(InvalidChange, match="over already"):
        serve_notice(trial, sanction, past, expected_version=1, actor=regulator, now_ms=NOW + 2)
    for version, day in enumerate((7, 9), start=1):
        notice = SanctionNotice(hearing_at_ms=NOW + day * DAY_MS, reason="拟暂停")
        serve_notice(trial, sanction, notice, expected_version=version, actor=regulator, now_ms=NOW + 2)
    assert (sanction.state, sanction.hearing_at_ms) == (SanctionState.NOTICED, NOW + 9 * DAY_MS)
    told = trial.scalars(select(Notice).where(Notice.kind == "sanction.noticed")).all()
    assert [(each.params["permit"], each.organisation_id is not None) for each in told] == [(NUMBER, True)] * 2
    assert taken(trial, sanction).hearing_record == "holder heard"


@pytest.mark.parametrize("had_notice", [False, True])
def test_a_dismissal_is_told_to_whom_had_notice(trial: Session, *, had_notice: bool) -> None:
    sanction, regulator = opened(trial), person(trial, REGULATOR)
    if had_notice:
        notice = SanctionNotice(hearing_at_ms=NOW + DAY_MS, reason="拟暂停")
        serve_notice(trial, sanction, notice, expected_version=1, actor=regulator, now_ms=NOW + 2)
    dismiss(
        trial,
        sanction,
        SanctionDismissal(reason="no fault"),
        expected_version=sanction.version,
        actor=regulator,
        now_ms=NOW + 3,
    )
    told = trial.scalars(select(Notice).where(Notice.kind == "sanction.dismissed")).all()
    assert (len(told), newest(trial).state) == (int(had_notice), PermitState.ISSUED)


def test_a_restriction_says_to_what_and_no_other_step_does(trial: Session) -> None:
    with pytest.raises(InvalidChange, match="says to what"):
        taken(trial, opened(trial, SanctionStep.RESTRICT))
    with pytest.raises(InvalidChange, match="says to what"):
        taken(trial, opened(trial, SanctionStep.WARN), speed_cap_kmh=10)


def test_nothing_is_opened_against_a_permit_that_has_ended(trial: Session) -> None:
    decided(trial, Decision.REVOKED, seen=1)
    with pytest.raises(InvalidChange, match="has ended"):
        opened(trial)


def test_of_two_who_decide_the_second_is_told(trial: Session) -> None:
    sanction = taken(trial, opened(trial))
    decision = SanctionDecision(reason="again")
    with pytest.raises(Conflict):
        take_step(trial, sanction, decision, expected_version=1, actor=person(trial, SECOND), now_ms=NOW + 3)
    with pytest.raises(InvalidChange, match="does not allow"):
        take_step(
            trial, sanction, decision, expected_version=sanction.version, actor=person(trial, SECOND), now_ms=NOW + 3
        )


# --- appeals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "terms"),
    [
        (SanctionStep.WARN, {}),
        (SanctionStep.RESTRICT, {"speed_cap_kmh": 20, "stage": "road_test", "vehicles": ["N-1"]}),
        (SanctionStep.SUSPEND, {}),
        (SanctionStep.REVOKE, {}),
    ],
)
def test_an_appeal_that_is_overturned_brings_back_what_was(
    trial: Session, step: SanctionStep, terms: dict[str, object]
) -> None:
    before = newest(trial)
    sanction = ruled(trial, appealed(trial, taken(trial, opened(trial, step), **terms)), SanctionState.OVERTURNED)
    after = newest(trial)
    assert (after.state, after.stage, after.terms) == (before.state, before.stage, before.terms)
    assert {each.vehicle_id for each in after.vehicles} == {"N-1", "N-2"}
    assert (sanction.state, sanction.final_at_ms) == (SanctionState.OVERTURNED, NOW + 4)


def test_an_appeal_that_is_upheld_revokes_at_once(trial: Session) -> None:
    sanction = appealed(trial, taken(trial, opened(trial, SanctionStep.REVOKE)))
    assert sanctions_due(trial, (sanction.appeal_until_ms or 0) + 1) == []
    ruled(trial, sanction, SanctionState.UPHELD)
    assert newest(trial).state is PermitState.REVOKED


def test_who_decided_does_not_rule_on_the_appeal(trial: Session) -> None:
    sanction = appealed(trial, taken(trial, opened(trial)))
    with pytest.raises(Forbidden):
        ruled(trial, sanction, SanctionState.UPHELD, by=REGULATOR)


def test_what_others_decided_since_is_not_undone(trial: Session) -> None:
    sanction = appealed(trial, taken(trial, opened(trial)))
    decided(trial, Decision.REINSTATED, seen=2, now_ms=NOW + 4)
    with pytest.raises(InvalidChange, match="decided on since"):
        ruled(trial, sanction, SanctionState.OVERTURNED)


def test_an_appeal_has_its_time(trial: Session) -> None:
    sanction = taken(trial, opened(trial))
    with pytest.raises(InvalidChange, match="over"):
        appealed(trial, sanction, now_ms=sanction.appeal_until_ms or 0)


# --- the record ---------------------------------------------------------------------------------


def breach(session: Session, at_ms: int, finding: Finding = Finding.RESTRICTED_AREA, vehicle_id: str = "N-1") -> None:
    vehicle = session.scalars(select(Vehicle).where(Vehicle.vehicle_id == vehicle_id)).one()
    session.add(
        Alert(
            vehicle_key=vehicle.id,
            finding=int(finding),
            severity=Severity.CRITICAL,
            opened_at_ms=at_ms,
            opened_seq=at_ms,
            first_seen_ms=at_ms,
            last_seen_ms=at_ms,
            permit_revision_id=newest(session).id,
            lon=113.9,
            lat=22.5,
        )
    )
    session.flush()


def accident(session: Session, harm: Harm, fault: Fault, *, at_ms: int = NOW) -> None:
    vehicle = session.scalars(select(Vehicle).where(Vehicle.vehicle_id == "N-2")).one()
    incident = Incident(
        incident_id=f"INC-{harm}",
        vehicle=vehicle,
        jurisdiction=jurisdiction(session),
        occurred_at_ms=at_ms,
        kind=IncidentKind.COLLISION,
        state=IncidentState.UNDER_REVIEW,
        first_due_ms=at_ms + DAY_MS,
        full_due_ms=at_ms + 10 * DAY_MS,
        harm=harm,
        summary="",
        fault=fault,
        fault_reason="",
        reported_at_ms=at_ms,
        decided_at_ms=None if fault is Fault.UNDECIDED else at_ms,
    )
    session.add(incident)
    session.flush()


def proposed(session: Session, now_ms: int = NOW + DAY_MS) -> list[tuple[str, SanctionStep, int]]:
    return [(each.rule, each.step, len(each.grounds)) for each in propose_sanctions(session, now_ms)]


def test_three_breaches_within_a_month_speak_for_a_warning_once(trial: Session) -> None:
    for at_ms in (NOW - 31 * DAY_MS, NOW + 1, NOW + 2):
        breach(trial, at_ms)
    breach(trial, NOW + 3, Finding.OVERSPEED)
    assert proposed(trial) == []
    breach(trial, NOW + 4, vehicle_id="N-2")
    assert proposed(trial) == [("repeated_breaches", SanctionStep.WARN, 3)]
    assert proposed(trial) == []
    breach(trial, NOW + 5)
    assert proposed(trial) == []


def test_the_next_rung_follows_and_what_counted_once_counts_no_more(trial: Session) -> None:
    for at_ms in range(NOW + 1, NOW + 4):
        breach(trial, at_ms)
    (warning,) = propose_sanctions(trial, NOW + 5)
    taken(trial, warning, now_ms=NOW + 6)
    assert proposed(trial) == []
    for at_ms in range(NOW + 7, NOW + 10):
        breach(trial, at_ms)
    assert proposed(trial) == [("repeated_breaches", SanctionStep.RESTRICT, 3)]


def test_a_dismissed_proposal_does_not_come_back(trial: Session) -> None:
    for at_ms in range(NOW + 1, NOW + 4):
        breach(trial, at_ms)
    (sanction,) = propose_sanctions(trial, NOW + 5)
    drill = SanctionDismissal(reason="drill")
    dismiss(trial, sanction, drill, expected_version=1, actor=person(trial, REGULATOR), now_ms=NOW + 6)
    assert proposed(trial) == []


@pytest.mark.parametrize(
    ("harm", "fault", "expected"),
    [
        (Harm.DAMAGE, Fault.YES, [("accident_at_fault", SanctionStep.RESTRICT, 1)]),
        (Harm.INJURY, Fault.YES, [("people_hurt_at_fault", SanctionStep.SUSPEND, 1)]),
        (Harm.INJURY, Fault.NO, []),
        (Harm.DEATH, Fault.UNDECIDED, []),
    ],
)
def test_accidents_count_once_somebody_decided_on_the_fault(
    trial: Session, harm: Harm, fault: Fault, expected: list[tuple[str, SanctionStep, int]]
) -> None:
    accident(trial, harm, fault)
    assert proposed(trial) == expected


def test_driving_while_suspended_speaks_for_revocation(trial: Session) -> None:
    decided(trial, Decision.SUSPENDED, seen=1)
    breach(trial, NOW + 2, Finding.PERMIT_SUSPENDED)
    assert proposed(trial) == [("drove_while_suspended", SanctionStep.REVOKE, 1)]


@pytest.mark.parametrize(
    ("decisions", "after_ms", "expected"),
    [
        ([], 0, SanctionStep.WARN),
        ([Decision.SUSPENDED, Decision.REINSTATED], 0, SanctionStep.REVOKE),
        ([Decision.SUSPENDED, Decision.REINSTATED], 366 * DAY_MS, SanctionStep.WARN),
    ],
)
def test_plain_decisions_count_as_rungs_for_a_year(
    trial: Session, decisions: list[Decision], after_ms: int, expected: SanctionStep
) -> None:
    for seen, decision in enumerate(decisions, start=1):
        decided(trial, decision, seen=seen)
    assert next_step(trial, permit_by_number(trial, NUMBER), NOW + 2 + after_ms) is expected


def test_an_overturned_suspension_is_no_rung(trial: Session) -> None:
    ruled(trial, appealed(trial, taken(trial, opened(trial))), SanctionState.OVERTURNED)
    assert next_step(trial, permit_by_number(trial, NUMBER), NOW + 5) is SanctionStep.WARN


# --- with the database --------------------------------------------------------------------------


def test_the_chores_propose_and_close(engine: Engine) -> None:
    _arrange(engine)
    with changing_session(engine) as session:
        for at_ms in range(NOW + 1, NOW + 4):
            breach(session, at_ms)
    chores = {chore.name: chore for chore in CHORES}
    for _ in range(2):
        chores["propose_sanctions"].run(engine, NOW + 5)
    with changing_session(engine) as session:
        sanction = session.scalars(sanctions_of(SanctionFilter(permit=NUMBER))).one()
        assert session.scalars(sanctions_of(SanctionFilter(organisation_id=sanction.permit.holder_id))).all() == []
        until_ms = taken(session, sanction, now_ms=NOW + 6).appeal_until_ms or 0
    chores["close_appeals"].run(engine, until_ms)
    with reading_session(engine) as session:
        final = session.scalars(sanctions_of(SanctionFilter(holder="NORTH", state=SanctionState.IN_FORCE))).one()
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.subject_type == "sanction")).all()
    assert final.final_at_ms == until_ms
    assert actions == ["sanction.proposed", "sanction.decided", "sanction.final"]
