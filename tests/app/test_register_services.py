"""The operators' register: vehicles' statuses and credentials, licences, trials, imports."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.audit import state_of
from app.audit_check import faults
from app.database import changing_session, reading_session
from app.errors import AlreadyRegistered, InvalidChange, NotFound
from app.models import AuditEntry, ImportDraft, Organisation, Role, ServiceStatus, User, Vehicle
from app.schemas.officers import LicenceRenewal, LicenceWithdrawal, OfficerRegistration
from app.schemas.organisations import OrganisationDetails
from app.schemas.trials import TrialDetails, TrialRegistration
from app.schemas.vehicles import StatusChange, VehicleDetails
from app.services.generations import current_generation
from app.services.imports import DRAFT_MS, draft_preview, draft_registrations, keep_draft, preview_of, take_over
from app.services.officers import (
    SOON_MS,
    LicenceState,
    end_of_day_ms,
    officer_rows,
    register_officer,
    renew_licence,
    withdraw_licence,
)
from app.services.organisations import change_organisation, register_organisation
from app.services.pages import Page
from app.services.rejects import payload_dump, payload_text
from app.services.trials import TrialState, change_trial, register_trial, trial_state
from app.services.users import create_user
from app.services.vehicle_lists import VehicleFilter, vehicle_page
from app.services.vehicle_status import change_status, status_history, status_of
from app.services.vehicles import (
    change_vehicle,
    register_vehicle,
    renew_credential,
    revoke_credential,
    vehicle_by_id,
    verify_credential,
)
from app.services.zones import publish_zone_revision
from geofences.zones import ZoneKind
from telemetry.samples import VehicleKind
from tests.app.imports.spreadsheets import GOOD, GOOD_TOO, HEADER, csv_text, workbook
from tests.app.test_services import ROAD

NOW = 1_772_337_600_000  # 2026-03-01 12:00 in Shanghai
CAR = VehicleDetails.model_validate(dict(zip(HEADER[:6], GOOD[:6], strict=True)))
OFFICER = OfficerRegistration.model_validate(
    {
        "officer_id": "SO-1",
        "name": "陈晓明",
        "capacity": "onboard_safety_officer",
        "licence_class": "C1",
        "licence_number": "4403",
        "expires_on": "2026-12-31",
    }
)
RENEWAL = LicenceRenewal.model_validate({"licence_class": "C1", "licence_number": "4403", "expires_on": "2027-12-31"})
TRIAL = TrialRegistration.model_validate(
    {
        "trial_id": "T-1",
        "name_zh": "接驳",
        "name_en": "Shuttle",
        "domain": "road",
        "stage": "road_test",
        "goal": "g",
        "starts_on": "2026-03-01",
        "ends_on": "2026-03-31",
        "vehicles": ["C-1"],
        "zones": ["R1"],
    }
)


class Cast:
    """An operator with two of its people, a regulator, and another operator."""

    def __init__(self, session: Session) -> None:
        self.holder = register_organisation(session, code="op", name_zh="甲", name_en="A", now_ms=NOW)
        self.other = register_organisation(session, code="ot", name_zh="乙", name_en="B", now_ms=NOW)
        self.manager = _user(session, "m@a.example", Role.OPERATOR_MANAGER, self.holder)
        self.staff = _user(session, "s@a.example", Role.OPERATOR_STAFF, self.holder)
        self.regulator = _user(session, "r@c.example", Role.REGULATOR, None)

    def car(self, session: Session, details: VehicleDetails = CAR) -> Vehicle:
        vehicle, _ = register_vehicle(
            session,
            vehicle_id=details.vehicle_id,
            kind=details.kind,
            organisation=self.holder,
            now_ms=NOW,
            actor=self.manager,
            **details.facts(),
        )
        return vehicle


def _user(session: Session, email: str, role: Role, organisation: Organisation | None) -> User:
    return create_user(
        session,
        email=email,
        password="a good password",
        role=role,
        display_name=email,
        now_ms=NOW,
        organisation=organisation,
    )


def to(status: ServiceStatus, reason: str = "because") -> StatusChange:
    return StatusChange(status=status, reason=reason)


# --- vehicles -----------------------------------------------------------------------------------


def test_a_vehicle_keeps_what_was_stated_and_no_number_is_used_twice(engine: Engine) -> None:
    with changing_session(engine) as session:
        cast = Cast(session)
        car = cast.car(session)
        assert (car.vin, car.automation_level, car.make) == (CAR.vin, 4, "北汽")
        with pytest.raises(AlreadyRegistered) as caught:
            cast.car(session, CAR.model_copy(update={"vehicle_id": "C-2"}))
        assert caught.value.field == "vin"


def test_a_change_replaces_all_but_the_name_and_the_kind(engine: Engine) -> None:
    with changing_session(engine) as session:
        cast = Cast(session)
        car = cast.car(session)
        version = car.version
        changed = CAR.model_copy(update={"make": "新", "plate": "粤B·1"})
        change_vehicle(session, car, changed, now_ms=NOW + 1, actor=cast.manager)
        assert (car.make, car.plate, car.version) == ("新", "粤B·1", version + 1)
        for update in ({"vehicle_id": "C-9"}, {"kind": VehicleKind.AIR}):
            with pytest.raises(InvalidChange) as caught:
                change_vehicle(session, car, CAR.model_copy(update=update), now_ms=NOW, actor=cast.manager)
            assert caught.value.code == "fixed_field"
        cast.car(session, CAR.model_copy(update={"vehicle_id": "C-2", "vin": GOOD_TOO[4]}))
        with pytest.raises(AlreadyRegistered):
            change_vehicle(session, car, CAR.model_copy(update={"vin": GOOD_TOO[4]}), now_ms=NOW, actor=cast.manager)


def test_a_revoked_credential_opens_nothing_until_it_is_renewed(engine: Engine) -> None:
    with changing_session(engine) as session:
        cast = Cast(session)
        car = cast.car(session)
        token = renew_credential(session, car, now_ms=NOW, actor=cast.manager)
        assert not token.startswith("-")
        assert verify_credential(session, "C-1", token) is car
        revoke_credential(session, car, now_ms=NOW, actor=cast.manager)
        assert verify_credential(session, "C-1", token) is None
        assert verify_credential(session, "C-1", "") is None
    with reading_session(engine) as session:
        written = [str(entry.after) + str(entry.before) for entry in session.scalars(select(AuditEntry))]
        assert not any(token in text or "credential_hash" in text for text in written)
        assert not list(faults(session))


def test_a_status_counts_from_now_on_and_is_seen_by_judgement(engine: Engine) -> None:
    with changing_session(engine) as session:
        cast = Cast(session)
        car = cast.car(session)
        generation, version = current_generation(session), car.version
        assert status_of(session, car, NOW) is ServiceStatus.IN_SERVICE
        change_status(session, car, to(ServiceStatus.OUT_OF_SERVICE), now_ms=NOW + 5, actor=cast.manager)
        assert (current_generation(session), car.version) == (generation + 1, version + 1)
        assert status_of(session, car, NOW + 4) is ServiceStatus.IN_SERVICE
        assert status_of(session, car, NOW + 5) is ServiceStatus.OUT_OF_SERVICE
        with pytest.raises(InvalidChange, match="already"):
            change_status(session, car, to(ServiceStatus.OUT_OF_SERVICE), now_ms=NOW + 6, actor=cast.manager)
        change_status(session, car, to(ServiceStatus.IN_SERVICE), now_ms=NOW + 7, actor=cast.manager)
        assert [entry.status for entry in status_history(session, car)] == ["in_service", "out_of_service"]


def test_what_a_regulator_took_out_only_a_regulator_puts_back(engine: Engine) -> None:
    with changing_session(engine) as session:
        cast = Cast(session)
        car = cast.car(session)
        change_status(session, car, to(ServiceStatus.OUT_OF_SERVICE), now_ms=NOW, actor=cast.regulator)
        with pytest.raises(InvalidChange) as caught:
            change_status(session, car, to(ServiceStatus.IN_SERVICE), now_ms=NOW, actor=cast.manager)
        assert caught.value.code == "held_by_regulator"
        change_status(session, car, to(ServiceStatus.IN_SERVICE), now_ms=NOW, actor=cast.regulator)


def test_a_retired_vehicles_record_is_closed(engine: Engine) -> None:
    with changing_session(engine) as session:
        cast = Cast(session)
        car = cast.car(session)
        change_status(session, car, to(ServiceStatus.RETIRED), now_ms=NOW, actor=cast.manager)
        for attempt in (
            lambda: change_status(session, car, to(ServiceStatus.IN_SERVICE), now_ms=NOW, actor=cast.regulator),
            lambda: change_vehicle(session, car, CAR, now_ms=NOW, actor=cast.manager),
            lambda: renew_credential(session, car, now_ms=NOW, actor=cast.manager),
        ):
            with pytest.raises(InvalidChange) as caught:
                attempt()
            assert caught.value.code == "vehicle_retired"


def test_the_register_is_filtered_and_read_page_by_page(engine: Engine) -> None:
    with changing_session(engine) as session:
        cast = Cast(session)
        cars = [cast.car(session, CAR.model_copy(update={"vehicle_id": f"C-{n}", "vin": None})) for n in range(5)]
        change_status(session, cars[3], to(ServiceStatus.OUT_OF_SERVICE), now_ms=NOW, actor=cast.manager)
        register_vehicle(session, vehicle_id="X_1", kind=VehicleKind.AIR, organisation=cast.other, now_ms=NOW)

        def page(wanted: VehicleFilter, cursor: str | None = None) -> Page[str]:
            found = vehicle_page(session, wanted, now_ms=NOW, limit=3, cursor=cursor)
            return found.map(lambda row: row.vehicle.vehicle_id)

        first = page(VehicleFilter())
        assert first.items == ["C-0", "C-1", "C-2"]
        assert page(VehicleFilter(), first.next_cursor) == Page(["C-3", "C-4", "X_1"], None)
        assert page(VehicleFilter(organisation_id=cast.other.id)) == Page(["X_1"], None)
        assert page(VehicleFilter(organisation="ot")) == Page(["X_1"], None)
        assert page(VehicleFilter(status=ServiceStatus.OUT_OF_SERVICE)) == Page(["C-3"], None)
        assert page(VehicleFilter(kind=VehicleKind.AIR)) == Page(["X_1"], None)
        for text, found in (("x_1", ["X_1"]), ("' OR 1=1 --", []), ("C%", []), ("北汽", ["C-0", "C-1", "C-2"])):
            assert page(VehicleFilter(text=text)).items == found


# --- organisations, officers, trials ----------------------------------------------------------------


def test_an_organisation_describes_itself(engine: Engine) -> None:
    with changing_session(engine) as session:
        cast = Cast(session)
        stated = OrganisationDetails(name_zh="甲", name_en="A", credit_code="91440300708461136T", emergency_phone="110")
        change_organisation(session, cast.holder, stated, now_ms=NOW, actor=cast.manager)
        assert (cast.holder.credit_code, cast.holder.emergency_phone) == ("91440300708461136T", "110")
        with pytest.raises(AlreadyRegistered):
            change_organisation(session, cast.other, stated, now_ms=NOW, actor=cast.manager)


def test_a_licence_is_good_through_its_last_day_and_marked_before_its_end(engine: Engine) -> None:
    end_ms = end_of_day_ms(OFFICER.expires_on)
    with changing_session(engine) as session:
        cast = Cast(session)
        register_officer(session, OFFICER, organisation=cast.holder, now_ms=NOW, actor=cast.manager)
        (row,) = officer_rows(session, organisation_id=cast.holder.id)
        assert officer_rows(session, organisation_id=cast.other.id) == []
        assert row.state(end_ms - SOON_MS - 1) is LicenceState.VALID
        assert row.state(end_ms - 1) is LicenceState.EXPIRING
        assert row.state(end_ms) is LicenceState.EXPIRED
        with pytest.raises(AlreadyRegistered):
            register_officer(session, OFFICER, organisation=cast.other, now_ms=NOW, actor=cast.manager)


def test_a_withdrawn_licence_ends_now_and_a_later_one_counts(engine: Engine) -> None:
    with changing_session(engine) as session:
        cast = Cast(session)
        officer = register_officer(session, OFFICER, organisation=cast.holder, now_ms=NOW, actor=cast.manager)
        generation = current_generation(session)
        licence = withdraw_licence(session, officer, LicenceWithdrawal(reason="r"), now_ms=NOW + 5, actor=cast.manager)
        assert (licence.expires_at_ms, current_generation(session)) == (NOW + 5, generation + 1)
        (row,) = officer_rows(session)
        assert row.state(NOW + 5) is LicenceState.WITHDRAWN
        with pytest.raises(InvalidChange) as caught:
            withdraw_licence(session, officer, LicenceWithdrawal(reason="r"), now_ms=NOW + 6, actor=cast.manager)
        assert caught.value.code == "no_licence_in_force"
        renew_licence(session, officer, RENEWAL, now_ms=NOW + 7, actor=cast.staff)
        (row,) = officer_rows(session)
        assert row.state(NOW + 8) is LicenceState.VALID


def test_the_licence_that_a_regulator_withdrew_is_not_simply_recorded_again(engine: Engine) -> None:
    with changing_session(engine) as session:
        cast = Cast(session)
        officer = register_officer(session, OFFICER, organisation=cast.holder, now_ms=NOW, actor=cast.manager)
        withdraw_licence(session, officer, LicenceWithdrawal(reason="r"), now_ms=NOW, actor=cast.regulator)
        with pytest.raises(InvalidChange) as caught:
            renew_licence(session, officer, RENEWAL, now_ms=NOW, actor=cast.manager)
        assert caught.value.code == "licence_withdrawn"
        other = RENEWAL.model_copy(update={"licence_number": "4404"})
        renew_licence(session, officer, other, now_ms=NOW, actor=cast.manager)


@pytest.mark.parametrize("written", ["4403", " 44-03", "４４０３"])
def test_no_later_licence_opens_the_way_back_to_a_withdrawn_one(engine: Engine, written: str) -> None:
    with changing_session(engine) as session:
        cast = Cast(session)
        officer = register_officer(session, OFFICER, organisation=cast.holder, now_ms=NOW, actor=cast.manager)
        withdraw_licence(session, officer, LicenceWithdrawal(reason="r"), now_ms=NOW + 1, actor=cast.regulator)
        other = RENEWAL.model_copy(update={"licence_number": "4404"})
        renew_licence(session, officer, other, now_ms=NOW + 2, actor=cast.manager)
        withdraw_licence(session, officer, LicenceWithdrawal(reason="r"), now_ms=NOW + 3, actor=cast.manager)
        renew_licence(session, officer, other, now_ms=NOW + 4, actor=cast.manager)
        again = RENEWAL.model_copy(update={"licence_number": written})
        with pytest.raises(InvalidChange) as caught:
            renew_licence(session, officer, again, now_ms=NOW + 5, actor=cast.manager)
        assert caught.value.code == "licence_withdrawn"


def test_a_trial_names_own_vehicles_of_its_domain_and_known_zones(engine: Engine) -> None:
    with changing_session(engine) as session:
        cast = Cast(session)
        cast.car(session)
        register_vehicle(session, vehicle_id="E-1", kind=VehicleKind.AIR, organisation=cast.holder, now_ms=NOW)
        register_vehicle(session, vehicle_id="O-1", kind=VehicleKind.ROAD, organisation=cast.other, now_ms=NOW)
        publish_zone_revision(
            session,
            zone_id="R1",
            kind=ZoneKind.TEST_ROAD,
            geometry=ROAD,
            half_width_m=10.0,
            name_zh="路",
            name_en="Road",
            starts_at_ms=NOW,
            now_ms=NOW,
        )
        trial = register_trial(session, TRIAL, organisation=cast.holder, now_ms=NOW, actor=cast.staff)
        assert trial_state(trial, NOW) is TrialState.RUNNING
        assert trial_state(trial, trial.starts_at_ms - 1) is TrialState.UPCOMING
        assert trial_state(trial, trial.ends_at_ms) is TrialState.ENDED
        assert trial.ends_at_ms - trial.starts_at_ms == 31 * 86_400_000
        stated = TrialDetails.model_validate(TRIAL.model_dump(exclude={"trial_id"}))
        for update, code in (
            ({"vehicles": ["O-1"]}, "unknown_vehicle"),
            ({"vehicles": ["E-1"]}, "vehicle_of_other_domain"),
            ({"zones": ["R9"]}, "unknown_zone"),
        ):
            with pytest.raises(InvalidChange) as caught:
                change_trial(session, trial, stated.model_copy(update=update), now_ms=NOW, actor=cast.staff)
            assert caught.value.code == code
        version = trial.version
        change_trial(session, trial, stated.model_copy(update={"vehicles": []}), now_ms=NOW, actor=cast.staff)
        assert (trial.vehicles, trial.version) == ([], version + 1)


# --- imports --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [csv_text(HEADER, GOOD, GOOD_TOO).encode("gbk", "replace"), workbook(HEADER, GOOD, GOOD_TOO)]
)
def test_a_good_file_is_taken_over_whole(engine: Engine, content: bytes) -> None:
    states: dict[str, object] = {}
    with changing_session(engine) as session:
        cast = Cast(session)
        generation = current_generation(session)
        preview = preview_of(session, content)
        assert preview.bad == []
        draft = keep_draft(session, preview, file_name="f.csv", actor=cast.manager, now_ms=NOW)
        wanted = draft_registrations(session, draft, user_id=cast.manager.id, now_ms=NOW + 1)
        take_over(session, draft, wanted, organisation=cast.holder, actor=cast.manager, now_ms=NOW + 1)
        assert [each.vehicle_id for each in wanted] == ["C-1", "C-2"]
        assert current_generation(session) == generation + 1
        assert session.scalars(select(ImportDraft)).all() == []
        for each in wanted:
            vehicle = vehicle_by_id(session, each.vehicle_id)
            assert verify_credential(session, each.vehicle_id, each.token) is vehicle
            assert each.token not in repr(each)
            states[each.vehicle_id] = state_of(vehicle)
        with pytest.raises(NotFound):
            take_over(session, draft, wanted, organisation=cast.holder, actor=cast.manager, now_ms=NOW + 2)
        assert vehicle_by_id(session, "C-2").insured_sum_cny == 5_000_000
    with reading_session(engine) as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "vehicle.registered"))
        assert {entry.subject_id: entry.after for entry in entries} == states
        assert list(faults(session)) == []


def test_each_bad_cell_is_marked_and_nothing_is_imported(engine: Engine) -> None:
    rows = (
        GOOD,
        GOOD,  # twice in the file
        ("road", "OLD", *GOOD_TOO[2:]),  # registered already
        ("road", "C-3", "a", "b", "1M8GDM9A1KP042788", "9", "much", "tomorrow"),
        ("=1+1", "=cmd|' /C calc'!A0", "", "", "", "", "", ""),
    )
    with changing_session(engine) as session:
        cast = Cast(session)
        register_vehicle(session, vehicle_id="OLD", kind=VehicleKind.ROAD, organisation=cast.other, now_ms=NOW)
        preview = preview_of(session, csv_text(HEADER, *rows).encode())
        marked = [{name: problem.code for name, problem in row.problems.items()} for row in preview.rows]
        assert marked[0] == marked[1] == {"vehicle_id": "twice_in_file", "vin": "twice_in_file"}
        assert marked[2] == {"vehicle_id": "taken"}
        assert set(marked[3]) == {"vin", "automation_level", "insured_sum_cny", "insured_until"}
        assert {"kind", "vehicle_id"} <= set(marked[4])
        draft = keep_draft(session, preview, file_name="f.csv", actor=cast.manager, now_ms=NOW)
        with pytest.raises(InvalidChange) as caught:
            draft_registrations(session, draft, user_id=cast.manager.id, now_ms=NOW)
        assert caught.value.code == "import_has_problems"
        assert session.scalars(select(Vehicle.vehicle_id)).all() == ["OLD"]


def test_formulas_and_surplus_cells_stay_marked_in_the_draft(engine: Engine) -> None:
    content = workbook((*HEADER, None), (*GOOD[:2], '="北"&"汽"', *GOOD[3:], "more"))
    with changing_session(engine) as session:
        cast = Cast(session)
        preview = preview_of(session, content)
        draft = keep_draft(session, preview, file_name="f.xlsx", actor=cast.manager, now_ms=NOW)
        again, file_name = draft_preview(session, draft, user_id=cast.manager.id, now_ms=NOW)
        assert file_name == "f.xlsx"
        for found in (preview, again):
            codes = {name: problem.code for name, problem in found.rows[0].problems.items()}
            assert codes == {"make": "formula", "": "more_cells_than_columns"}


def test_what_was_registered_meanwhile_stops_the_whole_import(engine: Engine) -> None:
    with changing_session(engine) as session:
        cast = Cast(session)
        preview = preview_of(session, csv_text(HEADER, GOOD, GOOD_TOO).encode())
        draft = keep_draft(session, preview, file_name="f.csv", actor=cast.manager, now_ms=NOW)
        cast.car(session)
        with pytest.raises(InvalidChange):
            draft_registrations(session, draft, user_id=cast.manager.id, now_ms=NOW)
        assert session.scalars(select(Vehicle.vehicle_id)).all() == ["C-1"]


def test_what_is_registered_at_the_last_moment_stops_the_whole_import(engine: Engine) -> None:
    with changing_session(engine) as session:
        cast = Cast(session)
        preview = preview_of(session, csv_text(HEADER, GOOD_TOO, GOOD).encode())
        draft = keep_draft(session, preview, file_name="f.csv", actor=cast.manager, now_ms=NOW)
        wanted = draft_registrations(session, draft, user_id=cast.manager.id, now_ms=NOW)
        cast.car(session)
    with pytest.raises(AlreadyRegistered) as caught, changing_session(engine) as session:
        take_over(session, draft, wanted, organisation=cast.holder, actor=cast.manager, now_ms=NOW)
    assert caught.value.field in {"vehicle_id", "vin"}
    with reading_session(engine) as session:
        assert session.scalars(select(Vehicle.vehicle_id)).all() == ["C-1"]
        assert session.scalars(select(ImportDraft.public_id)).all() == [draft]


def test_a_draft_is_its_makers_own_and_ends_after_an_hour(engine: Engine) -> None:
    with changing_session(engine) as session:
        cast = Cast(session)
        preview = preview_of(session, csv_text(HEADER, GOOD).encode())
        draft = keep_draft(session, preview, file_name="f.csv", actor=cast.manager, now_ms=NOW)
        draft_preview(session, draft, user_id=cast.manager.id, now_ms=NOW + DRAFT_MS)
        for user, now_ms in ((cast.staff, NOW), (cast.manager, NOW + DRAFT_MS + 1)):
            with pytest.raises(NotFound):
                draft_preview(session, draft, user_id=user.id, now_ms=now_ms)
        newer = keep_draft(session, preview, file_name="g.csv", actor=cast.manager, now_ms=NOW)
        assert session.scalars(select(ImportDraft.public_id)).all() == [newer]


# --- rejects ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b'{"a": 1}\n', '{"a": 1}\n'),
        ("路".encode(), "路"),
        ("路路".encode()[:-1], "路"),  # cut in the middle of a character
        (b"\xff\xfe", None),
        (b"a\x00b", None),
        ("\u202e".encode(), None),  # turns the writing round
        (b"", ""),
    ],
)
def test_a_payload_is_text_only_where_it_can_be_read(payload: bytes, text: str | None) -> None:
    assert payload_text(payload) == text


def test_a_payload_is_shown_byte_by_byte() -> None:
    assert payload_dump(b"ABCDEFGHIJKLMNOP\x00\xff") == (
        "000000  41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f 50  ABCDEFGHIJKLMNOP\n"
        "000010  00 ff                                            .."
    )
