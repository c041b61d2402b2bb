"""What a valid vehicle, organisation, licence and trial is: one rule for forms, API and spreadsheets."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from app.models import Vehicle
from app.schemas.base import problems_of
from app.schemas.checks import credit_code_check_character, vin_check_digit
from app.schemas.officers import LicenceDetails
from app.schemas.organisations import OrganisationDetails
from app.schemas.trials import TrialDetails
from app.schemas.vehicles import VehicleDetails
from telemetry.samples import VehicleKind

#: The example of 49 CFR 565.15, and one of a Chinese plant whose check digit is X.
VINS = ("1M8GDM9AXKP042788", "11111111111111111")
#: Companies in the public register.
CREDIT_CODES = ("91440300708461136T", "914403001922038216", "91110000600037341L")
CAR = {"kind": "road", "vehicle_id": "C-1", "make": "A", "model": "B", "vin": VINS[0], "automation_level": 4}
CRAFT = {
    "kind": "air",
    "vehicle_id": "E-1",
    "registration_mark": "B-0001X",
    "serial_number": "EH216-0042",
    "aircraft_type": "EH216-S",
    "max_takeoff_mass_kg": 620,
}
ORGANISATION = {"name_zh": "甲", "name_en": "A"}
LICENCE = {"licence_class": "C1", "licence_number": "1", "expires_on": "2027-01-31"}
TRIAL = {
    "name_zh": "甲",
    "name_en": "A",
    "domain": "road",
    "stage": "road_test",
    "goal": "g",
    "starts_on": "2026-01-01",
    "ends_on": "2026-01-01",
}


def codes(schema: type[BaseModel], values: dict[str, Any]) -> dict[str, str]:
    """The code of each bad field; nothing: the values fit."""
    try:
        schema.model_validate(values)
    except ValidationError as error:
        return {problem.path: problem.code for problem in problems_of(error)}
    return {}


@pytest.mark.parametrize("vin", VINS)
def test_a_vin_carries_its_check_digit(vin: str) -> None:
    assert vin_check_digit(vin) == vin[8]
    assert codes(VehicleDetails, CAR | {"vin": vin}) == {}
    assert codes(VehicleDetails, CAR | {"vin": f" {vin.lower()} "}) == {}
    for place in range(17):
        wrong = vin[:place] + ("2" if vin[place] != "2" else "3") + vin[place + 1 :]
        if vin_check_digit(wrong) != wrong[8]:
            assert codes(VehicleDetails, CAR | {"vin": wrong}) == {"vin": "vin_check_digit"}


@pytest.mark.parametrize("vin", ["", "1M8GDM9AXKP04278", "IM8GDM9AXKP042788", "1M8GDM9AXKP0427 8", "=M8GDM9AXKP042788"])
def test_a_vin_has_17_characters_without_i_o_q(vin: str) -> None:
    assert set(codes(VehicleDetails, CAR | {"vin": vin})) == {"vin"}


@pytest.mark.parametrize("code", CREDIT_CODES)
def test_a_credit_code_carries_its_check_character(code: str) -> None:
    assert credit_code_check_character(code) == code[-1]
    assert codes(OrganisationDetails, ORGANISATION | {"credit_code": code}) == {}
    wrong = code[:-1] + ("A" if code[-1] != "A" else "B")
    assert codes(OrganisationDetails, ORGANISATION | {"credit_code": wrong}) == {"credit_code": "credit_code_check"}


def test_each_kind_has_its_own_details() -> None:
    assert codes(VehicleDetails, CAR) == {}
    assert codes(VehicleDetails, CRAFT) == {}
    assert codes(VehicleDetails, CAR | {"remote_id": "R1"}) == {"remote_id": "not_of_this_kind"}
    assert codes(VehicleDetails, CRAFT | {"vin": VINS[0]}) == {"vin": "not_of_this_kind"}
    assert codes(VehicleDetails, {"kind": "road", "vehicle_id": "C"}) == dict.fromkeys(
        ("make", "model", "vin", "automation_level"), "missing"
    )
    assert codes(VehicleDetails, {"kind": "air", "vehicle_id": "C"}) == dict.fromkeys(
        ("registration_mark", "serial_number", "aircraft_type", "max_takeoff_mass_kg"), "missing"
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("vehicle_id", "a/b"),
        ("vehicle_id", "x" * 65),
        ("automation_level", 6),
        ("insured_sum_cny", -1),
        ("insured_sum_cny", "five"),
        ("insured_until", "31.12.2027"),
        ("insured_until", 1_800_000_000),
        ("insured_until", "1700000000"),
        ("insured_until", "2027-02-30"),
        ("insured_until", "9999-01-01"),
        ("make", "a\x00b"),
        ("sensors", "x" * 201),
        ("wings", "2"),
    ],
)
def test_a_bad_detail_is_told_at_its_field(field: str, value: object) -> None:
    assert set(codes(VehicleDetails, CAR | {field: value})) == {field}


@pytest.mark.parametrize("mass", [0, -1, 1e9, float("nan"), float("inf")])
def test_a_mass_is_possible(mass: float) -> None:
    assert set(codes(VehicleDetails, CRAFT | {"max_takeoff_mass_kg": mass})) == {"max_takeoff_mass_kg"}


def test_facts_are_columns_of_the_model() -> None:
    facts = VehicleDetails.model_validate(CAR).facts()
    columns = set(Vehicle.__table__.columns.keys())
    assert set(facts) <= columns
    assert VehicleDetails.model_validate(CAR).kind is VehicleKind.ROAD


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "https://a b", 'https://x"y']
)
def test_a_web_page_can_run_no_script(address: str) -> None:
    assert set(codes(OrganisationDetails, ORGANISATION | {"website": address})) == {"website"}
    assert codes(OrganisationDetails, ORGANISATION | {"website": "https://example.com/路?a=1"}) == {}


@pytest.mark.parametrize("phone", ["0755-8888 8888", "+86 (755) 88888888", "110"])
def test_telephone_numbers_are_written_in_many_ways(phone: str) -> None:
    assert codes(OrganisationDetails, ORGANISATION | {"emergency_phone": phone}) == {}
    assert set(codes(OrganisationDetails, ORGANISATION | {"emergency_phone": phone + "<x>"})) == {"emergency_phone"}


def test_a_licence_has_a_last_day() -> None:
    assert codes(LicenceDetails, LICENCE) == {}
    assert codes(LicenceDetails, LICENCE | {"expires_on": "soon"}) == {"expires_on": "date_parsing"}


def test_a_trials_stage_belongs_to_its_domain_and_its_period_is_not_empty() -> None:
    assert codes(TrialDetails, TRIAL) == {}
    assert codes(TrialDetails, TRIAL | {"stage": "flight_test"}) == {"stage": "stage_of_other_domain"}
    assert codes(TrialDetails, TRIAL | {"domain": "joint", "stage": "flight_test"}) == {}
    assert codes(TrialDetails, TRIAL | {"ends_on": "2025-12-31"}) == {"ends_on": "ends_before_start"}
    assert set(codes(TrialDetails, TRIAL | {"vehicles": ["a b"]})) == {"vehicles.0"}
