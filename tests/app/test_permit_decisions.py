from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.database import changing, changing_session, open_engine, reading_session
from app.errors import Conflict, InvalidChange, WiderThanBefore
from app.models import AuditEntry, PermitRevisionRow, Stage
from app.registry import DatabaseRegistry
from app.schemas.permits import Tightening
from app.services.conditions import Conditions
from app.services.decisions import restrict_permit
from app.services.permit_life import TRANSITIONS, Decision, may_follow
from app.services.permit_numbers import next_permit_number
from app.services.permit_register import decisions_on, standing_permit
from app.services.permits import permit_by_number, revise_permit
from app.services.restriction import Terms, widened
from geofences.datum import VerticalReference
from geofences.schedule import Schedule
from telemetry.ports import PermitState
from telemetry.samples import SafetyOfficer
from tests.app.permit_cast import (
    CONDITIONS,
    DAY_MS,
    NOW,
    NUMBER,
    REGULATOR,
    decided,
    issue,
    newest,
    person,
    register_everything,
    restricted,
)
from tests.jurisdictions import jurisdiction


@pytest.fixture
def register(engine: Engine) -> Engine:
    """A registry with one permit, issued."""
    register_everything(engine)
    with changing_session(engine) as session:
        issue(session)
    return engine


@pytest.fixture(scope="module")
def issued(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The same for tests of rules, made once: they change it through `trial` only."""
    path = shutil.copy(migrated_sqlite, tmp_path_factory.mktemp("permits") / "issued.sqlite3")
    engine = open_engine(f"sqlite:///{path}")
    register_everything(engine)
    with changing_session(engine) as session:
        issue(session)
    yield engine
    engine.dispose()


@pytest.fixture
def trial(issued: Engine) -> Iterator[Session]:
    """A session whose changes are forgotten."""
    with Session(changing(issued)) as session:
        yield session


#: How a permit comes into each state.
PATHS = {
    PermitState.ISSUED: (),
    PermitState.SUSPENDED: (Decision.SUSPENDED,),
    PermitState.REVOKED: (Decision.REVOKED,),
    PermitState.SURRENDERED: (Decision.SURRENDERED,),
    PermitState.EXPIRED: (Decision.EXPIRED,),
}
PLAIN = [decision for decision, (_, target) in TRANSITIONS.items() if target is not None]
ALLOWED = {
    (PermitState.ISSUED, Decision.SUSPENDED),
    (PermitState.ISSUED, Decision.REVOKED),
    (PermitState.ISSUED, Decision.SURRENDERED),
    (PermitState.ISSUED, Decision.EXPIRED),
    (PermitState.SUSPENDED, Decision.REINSTATED),
    (PermitState.SUSPENDED, Decision.REVOKED),
    (PermitState.SUSPENDED, Decision.SURRENDERED),
    (PermitState.SUSPENDED, Decision.EXPIRED),
}


@pytest.mark.parametrize(("state", "decision"), list(product(PermitState, PLAIN)))
def test_each_decision_is_taken_in_its_states_only(trial: Session, state: PermitState, decision: Decision) -> None:
    for step in PATHS[state]:
        decided(trial, step, seen=1)
    seen = newest(trial).number
    if (state, decision) in ALLOWED:
        revision = decided(trial, decision, seen=seen)
        assert revision.state is TRANSITIONS[decision][1]
        assert decisions_on(trial, revision.permit)[0].decision is decision
    else:
        with pytest.raises(InvalidChange):
            decided(trial, decision, seen=seen)
        assert newest(trial).number == seen


@pytest.mark.parametrize("state", [PermitState.REVOKED, PermitState.SURRENDERED, PermitState.EXPIRED])
def test_what_has_ended_stays_ended_however_it_is_asked(trial: Session, state: PermitState) -> None:
    for step in PATHS[state]:
        decided(trial, step, seen=1)
    permit = permit_by_number(trial, NUMBER)
    for after in PermitState:
        with pytest.raises(InvalidChange, match="cannot become"):
            revise_permit(trial, permit, state=after, reason="again", now_ms=NOW + 2)
    with pytest.raises(InvalidChange, match="cannot become"):
        restricted(trial, seen=2, speed_cap_kmh=20)


def test_a_decision_acts_on_the_registry_at_once(register: Engine) -> None:
    registry = DatabaseRegistry(register, VerticalReference())
    assert [terms.state for terms in registry.snapshot().permits] == [PermitState.ISSUED]
    with changing_session(register) as session:
        decided(session, Decision.SUSPENDED, seen=1, now_ms=NOW + 5)
    terms = registry.snapshot().permits[-1]
    assert (terms.state, terms.starts_at_ms) == (PermitState.SUSPENDED, NOW + 5)


def test_a_decision_is_audited_with_what_it_changed(register: Engine) -> None:
    with changing_session(register) as session:
        restricted(session, speed_cap_kmh=30.0)
    with reading_session(register) as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "permit.restricted")).one()
        assert (entry.subject_id, entry.reason) == (NUMBER, "事故后收紧")
        assert entry.before is not None
        assert entry.after is not None
        assert entry.before["terms"]["speed_cap_mps"] == 15.0
        assert entry.after["terms"]["speed_cap_mps"] == pytest.approx(30 / 3.6)


def test_a_decision_on_a_stale_page_is_refused(register: Engine) -> None:
    with changing_session(register) as session:
        decided(session, Decision.SUSPENDED, seen=1)
    with changing_session(register) as session:
        with pytest.raises(Conflict):
            decided(session, Decision.REVOKED, seen=1)
        with pytest.raises(Conflict):
            restricted(session, seen=1, speed_cap_kmh=20)
        with pytest.raises(Conflict):
            revise_permit(
                session, permit_by_number(session, NUMBER), reason="late", now_ms=NOW + 2, expected_revision=1
            )


# --- restriction ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "kept"),
    [
        ({"vehicles": ["N-1"]}, lambda row: {vehicle.vehicle_id for vehicle in row.vehicles} == {"N-1"}),
        ({"zones": ["R2"]}, lambda row: {zone.zone_id for zone in row.zones} == {"R2"}),
        ({"officers": ["SO-2"]}, lambda row: {officer.officer_id for officer in row.officers} == {"SO-2"}),
        ({"valid_until_ms": NOW + DAY_MS}, lambda row: row.valid_until_ms == NOW + DAY_MS),
        ({"speed_cap_kmh": 36.0}, lambda row: row.terms["speed_cap_mps"] == 10.0),
        ({"modes": ["manual"]}, lambda row: row.terms["modes"] == ["manual"]),
        ({"safety_officers": ["onboard"]}, lambda row: row.terms["safety_officers"] == ["onboard"]),
        ({"vehicles_per_remote_officer": 1}, lambda row: row.terms["vehicles_per_remote_officer"] == 1),
        ({"passengers_allowed": False}, lambda row: row.terms["passengers_allowed"] is False),
        ({"minimum_accuracy_m": 1.0}, lambda row: row.terms["minimum_accuracy_m"] == 1.0),
        ({"stage": "road_test"}, lambda row: (row.stage, row.permit.stage) == (Stage.ROAD_TEST, Stage.DEMONSTRATION)),
        (
            {"hours": {"days": ["MON", "TUE"], "start": "07:00", "end": "22:00"}},
            lambda row: row.terms["hours"]["windows"] == [{"days": ["MON", "TUE"], "start": "07:00", "end": "22:00"}],
        ),
    ],
)
def test_each_term_can_be_tightened_by_itself(
    trial: Session, terms: dict[str, object], kept: Callable[[PermitRevisionRow], bool]
) -> None:
    before = newest(trial)
    after = restricted(trial, **terms)
    assert kept(after)
    assert after.state is PermitState.ISSUED
    untouched = {"hours", "speed_cap_mps", "modes"} - {name.replace("_kmh", "_mps") for name in terms}
    assert all(after.terms[name] == before.terms[name] for name in untouched)
    assert decisions_on(trial, after.permit)[0].decision is Decision.RESTRICTED


@pytest.mark.parametrize(
    ("terms", "fields"),
    [
        ({"vehicles": ["N-1", "N-9"]}, ("vehicles",)),
        ({"zones": ["R1", "R3"]}, ("zones",)),
        ({"officers": []}, ("officers",)),
        ({"valid_until_ms": NOW + 101 * DAY_MS}, ("valid_until_ms",)),
        ({"speed_cap_kmh": 60.0}, ("speed_cap_kmh",)),
        ({"modes": ["manual", "remote"]}, ("modes",)),
        ({"safety_officers": ["none"]}, ("safety_officers",)),
        ({"vehicles_per_remote_officer": 4}, ("vehicles_per_remote_officer",)),
        ({"minimum_accuracy_m": 5.0}, ("minimum_accuracy_m",)),
        ({"stage": "driverless_test"}, ("stage",)),
        ({"stage": "flight_test"}, ("stage",)),
        ({"hours": {"days": ["MON"], "start": "05:00", "end": "22:00"}}, ("hours",)),
        ({"speed_cap_kmh": 60.0, "zones": ["R1", "R3"], "vehicles": ["N-1"]}, ("speed_cap_kmh", "zones")),
    ],
)
def test_a_restriction_never_widens_and_names_what_would(
    trial: Session, terms: dict[str, object], fields: tuple[str, ...]
) -> None:
    with pytest.raises(WiderThanBefore) as refusal:
        restricted(trial, **terms)
    assert refusal.value.fields == fields
    assert newest(trial).number == 1


def test_an_earlier_stage_takes_out_what_it_does_not_allow(trial: Session) -> None:
    after = restricted(trial, stage="road_test")
    assert after.terms["passengers_allowed"] is False
    assert after.terms["safety_officers"] == ["onboard", "remote"]


@pytest.mark.parametrize("stage", ["driverless_test", "demonstration"])
def test_a_stage_with_officers_cannot_follow_terms_without(trial: Session, stage: str) -> None:
    nobody = replace(CONDITIONS, safety_officers=frozenset({SafetyOfficer.NONE}), vehicles_per_remote_officer=None)
    permit = issue(trial, "CITY-2024-0009", conditions=nobody, stage=Stage.COMMERCIAL_PILOT)
    details = Tightening.model_validate({"stage": stage})
    regulator = person(trial, REGULATOR)
    if stage == "driverless_test":
        assert (
            restrict_permit(
                trial, permit, details, reason="x", expected_revision=1, actor=regulator, now_ms=NOW + 1
            ).number
            == 2
        )
        return
    with pytest.raises(InvalidChange, match="needs a safety officer"):
        restrict_permit(trial, permit, details, reason="x", expected_revision=1, actor=regulator, now_ms=NOW + 1)


def test_a_restriction_that_changes_nothing_is_no_decision(trial: Session) -> None:
    with pytest.raises(InvalidChange, match="nothing"):
        restricted(trial, vehicles=["N-2", "N-1"], speed_cap_kmh=54.0)


def test_a_suspended_permit_is_restricted_and_stays_suspended(trial: Session) -> None:
    decided(trial, Decision.SUSPENDED, seen=1)
    assert restricted(trial, seen=2, speed_cap_kmh=20).state is PermitState.SUSPENDED


def _terms(hours: Schedule | None = None) -> Terms:
    names = frozenset({"a", "b"})
    return Terms(Stage.DEMONSTRATION, Conditions(hours=hours), names, names, frozenset(), NOW, NOW + DAY_MS)


def _hours(*windows: tuple[list[str], str, str], time_zone: str = "Asia/Shanghai") -> Schedule:
    listed = [{"days": days, "start": start, "end": end} for days, start, end in windows]
    return Schedule.from_dict({"time_zone": time_zone, "windows": listed})


DAYTIME = _hours((["ANY"], "06:00", "22:00"))
NIGHT = _hours((["FRI", "SUN"], "22:00", "06:00"))


@pytest.mark.parametrize(
    ("before", "after", "is_tighter"),
    [
        (None, DAYTIME, True),
        (DAYTIME, None, False),
        (DAYTIME, DAYTIME, True),
        (DAYTIME, _hours((["MON"], "08:00", "09:00"), (["TUE"], "06:00", "22:00")), True),
        (DAYTIME, _hours((["MON"], "08:00", "22:01")), False),
        (DAYTIME, _hours((["MON"], "08:00", "09:00"), time_zone="Asia/Tokyo"), False),
        (NIGHT, _hours((["SAT"], "00:00", "06:00")), True),
        (NIGHT, _hours((["MON"], "00:00", "06:00")), True),
        (NIGHT, _hours((["FRI"], "00:00", "06:00")), False),
        (NIGHT, DAYTIME, False),
        (_hours((["MON"], "08:00", "12:00"), (["MON"], "12:00", "18:00")), _hours((["MON"], "09:00", "17:00")), True),
        (DAYTIME, Schedule("Asia/Shanghai", ()), True),
    ],
)
def test_hours_are_compared_as_minutes_of_the_week(
    before: Schedule | None, after: Schedule | None, *, is_tighter: bool
) -> None:
    assert widened(_terms(before), _terms(after)) == ([] if is_tighter else ["hours"])


def test_hours_that_follow_the_sun_are_never_taken_for_tighter() -> None:
    solar = Schedule.from_dict(
        {
            "time_zone": "Asia/Shanghai",
            "position": {"lon": 113.9, "lat": 22.5},
            "windows": [{"days": ["ANY"], "start": {"event": "SR"}, "end": {"event": "SS"}}],
        }
    )
    assert widened(_terms(DAYTIME), _terms(solar)) == ["hours"]
    assert widened(_terms(solar), _terms(solar)) == []
    assert widened(_terms(solar), _terms(DAYTIME)) == ["hours"]


# --- two at once ------------------------------------------------------------------------------


def _at_once(url: str, *actions: Callable[[Engine], None]) -> list[Exception | None]:
    """Each action in a thread and on connections of its own; what each raised."""
    outcomes: list[Exception | None] = [None] * len(actions)
    barrier = threading.Barrier(len(actions))

    def act(index: int) -> None:
        own = open_engine(url)
        try:
            barrier.wait(10)
            actions[index](own)
        except (Conflict, InvalidChange, DBAPIError) as error:
            outcomes[index] = error
        finally:
            own.dispose()

    threads = [threading.Thread(target=act, args=(index,)) for index in range(len(actions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return outcomes


def test_of_two_decisions_at_once_one_wins_and_the_other_is_told(register: Engine, database_url: str) -> None:
    def take(decision: Decision) -> Callable[[Engine], None]:
        def act(engine: Engine) -> None:
            with changing_session(engine) as session:
                decided(session, decision, seen=1)

        return act

    outcomes = _at_once(database_url, take(Decision.SUSPENDED), take(Decision.REVOKED), take(Decision.SURRENDERED))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "Conflict", "NoneType"]
    with reading_session(register) as session:
        assert newest(session).number == 2


def test_permits_issued_at_once_get_different_numbers(register: Engine, database_url: str) -> None:
    def act(engine: Engine) -> None:
        with changing_session(engine) as session:
            city = jurisdiction(session)
            issue(session, next_permit_number(session, city, NOW))

    assert _at_once(database_url, act, act, act) == [None, None, None]
    with reading_session(register) as session:
        for number in range(1, 5):
            assert permit_by_number(session, f"CITY-2024-000{number}")
        assert next_permit_number(session, jurisdiction(session), NOW) == "CITY-2024-0005"


def test_numbers_begin_anew_each_year_in_shenzhen(trial: Session) -> None:
    new_year_ms = 1_735_660_800_000  # 2025-01-01 00:00 in Shanghai
    city = jurisdiction(trial)
    assert next_permit_number(trial, city, new_year_ms - 1) == "CITY-2024-0002"
    assert next_permit_number(trial, city, new_year_ms) == "CITY-2025-0001"


# --- standing ---------------------------------------------------------------------------------


def test_what_a_permit_is_worth_follows_the_clock(trial: Session) -> None:
    worth = {at: standing_permit(trial, NUMBER, now_ms=at).standing for at in (NOW - 1, NOW, NOW + 100 * DAY_MS)}
    assert [str(standing) for standing in worth.values()] == ["upcoming", "issued", "expired"]


def test_a_decision_that_starts_later_is_not_in_force_yet(trial: Session) -> None:
    permit = permit_by_number(trial, NUMBER)
    revise_permit(
        trial,
        permit,
        state=PermitState.SUSPENDED,
        reason="holiday",
        now_ms=NOW + 1,
        starts_at_ms=NOW + DAY_MS,
    )
    found = standing_permit(trial, NUMBER, now_ms=NOW + 2)
    assert (found.standing, found.current.number, found.newest.number) == ("issued", 1, 2)
    assert standing_permit(trial, NUMBER, now_ms=NOW + DAY_MS).standing == "suspended"


def test_an_extension_is_told_from_an_amendment(trial: Session) -> None:
    permit = permit_by_number(trial, NUMBER)
    revise_permit(trial, permit, reason="longer", now_ms=NOW + 1, valid_until_ms=NOW + 200 * DAY_MS)
    wider = Conditions.from_dict(CONDITIONS.to_dict() | {"speed_cap_mps": 20.0})
    revise_permit(trial, permit, reason="faster", now_ms=NOW + 2, conditions=wider)
    taken = [each.decision for each in decisions_on(trial, permit)]
    assert taken == [Decision.AMENDED, Decision.EXTENDED, Decision.ISSUED]


def test_the_table_of_transitions_names_no_way_back_from_an_end() -> None:
    for state in (PermitState.REVOKED, PermitState.SURRENDERED, PermitState.EXPIRED):
        assert not any(may_follow(state, decision) for decision in Decision)
