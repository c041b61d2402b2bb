"""The liability view: spans of control, terms kept or broken, and the questions that stay open."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.database import changing, changing_session
from app.models import Role, Sample, SampleArchive
from telemetry.findings import Finding
from telemetry.samples import Mode, SafetyOfficer
from tests.app.web.cast import NOON_MS, SOUTH_MANAGER, City
from tests.app.web.permit_scene import NUMBER, issue, newest
from tests.app.web.register_cast import OFFICER, Person, Program
from tests.app.web.test_directives_web import ordered

CAR = "NORTH-R1"
#: Where the car was, in seconds from noon on: what is said here is said of all until it is said anew.
QUIET: dict[str, Any] = {
    "mode": Mode.AUTONOMOUS,
    "safety_officer": SafetyOfficer.ONBOARD,
    "officer_id": "SO-1",
    "passengers": 2,
    "speed_mps": 0.0,
    "verdict": 0,
    "undecided": 0,
    "late": 0,
    "lon": 113.9,
}


def drive(city: City, *steps: tuple[int, int, dict[str, Any]], permit_revision: int = -1) -> None:
    """A sample a second in each [from_s, until_s), with these values."""
    city.time.now_ms = NOON_MS + 120_000
    with changing_session(city.engine) as session:
        for from_s, until_s, changes in steps:
            for second in range(from_s, until_s):
                values = QUIET | changes
                session.add(
                    Sample(
                        timestamp_ms=NOON_MS + second * 1_000,
                        vehicle=city.keys[CAR],
                        seq=1_000 + second,
                        received_ms=NOON_MS + second * 1_000,
                        lat=22.52,
                        altitude_datum=-1,
                        officer_load=-1,
                        horizontal_accuracy_m=0.5,
                        zone_revision=-1,
                        permit_revision=permit_revision,
                        generation=1,
                        **values,
                    )
                )


def view(city: City, second: int = 0, person: Role | str = Role.AUDITOR) -> dict[str, Any]:
    answer = Program(city, person).get(f"/liability/{CAR}?at_ms={NOON_MS + second * 1_000}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def rules(found: dict[str, Any]) -> set[str]:
    return {question["rule"] for question in found["open_questions"]}


@pytest.fixture
def registered(city: City) -> City:
    """The person in charge has a licence, the car a permit."""
    assert Program(city, Role.OPERATOR_MANAGER).send("POST", "/officers", OFFICER).status_code == 201
    issue(city)
    return city


def test_the_whole_period_is_told_without_a_hole(registered: City) -> None:
    takeover = {"mode": Mode.TAKEOVER, "verdict": int(Finding.OVERSPEED), "speed_mps": 0.0}
    drive(registered, (-90, -20, {}), (-20, 5, takeover), (15, 30, {}), permit_revision=newest(registered).id)
    found = view(registered)
    spans = found["spans"]
    assert [(span["mode"], span["samples"]) for span in spans] == [
        ("autonomous", 70),
        ("takeover", 25),
        (None, 0),
        ("autonomous", 15),
    ]
    assert spans[0]["from_ms"] == found["from_ms"] == NOON_MS - 90_000
    assert spans[-1]["until_ms"] == found["until_ms"] == NOON_MS + 30_000
    assert all(before["until_ms"] == after["from_ms"] for before, after in pairwise(spans))
    assert (spans[1]["permit"], spans[1]["permit_revision"], spans[1]["permit_state"]) == (NUMBER, 1, "issued")
    assert spans[1]["person"] == {"officer_id": "SO-1", "name": "陈晓明", "organisation": "NORTH", "licence": "valid"}
    (overspeed,) = [term for term in found["terms"] if term["finding"] == "overspeed"]
    assert (overspeed["broken_ms"], overspeed["reads"]) == (24_001, "speed cap; speed_limit zones")
    assert overspeed["kept_ms"] == 70_000 + 15_000
    assert rules(found) == {"samples_missing"}


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"mode": -1}, "mode_unknown"),
        ({"officer_id": None}, "person_not_named"),
        ({"officer_id": "SO-404"}, "person_unknown"),
        ({"mode": Mode.REMOTE}, "control_contradicts"),
        ({"mode": Mode.MANUAL, "safety_officer": SafetyOfficer.NONE}, "control_contradicts"),
        ({"undecided": int(Finding.OUTSIDE_AREA)}, "undecided"),
        ({"verdict": int(Finding.CLOCK_SKEW)}, "clock_skew"),
        ({"verdict": int(Finding.IMPLAUSIBLE_JUMP)}, "jump"),
        ({"late": 1}, "late"),
        ({"speed_mps": 20.0}, "speed_contradicts"),
    ],
)
def test_each_rule_finds_what_is_open(registered: City, changes: dict[str, Any], rule: str) -> None:
    drive(registered, (-90, -10, {}), (-10, 5, changes), (5, 30, {}), permit_revision=newest(registered).id)
    assert rules(view(registered)) == {rule}


def test_a_question_that_lasts_over_several_spans_is_asked_once(registered: City) -> None:
    unsaid = {"officer_id": None}
    steps = ((-90, -10, unsaid), (-10, 5, unsaid | {"passengers": 3}), (5, 20, {}), (20, 30, unsaid))
    drive(registered, *steps, permit_revision=newest(registered).id)
    found = view(registered)
    assert [(each["rule"], each["until_ms"] - each["from_ms"]) for each in found["open_questions"]] == [
        ("person_not_named", 95_000),
        ("person_not_named", 10_000),
    ]


def test_a_record_without_anything_is_one_open_question(city: City) -> None:
    city.time.now_ms = NOON_MS + 120_000
    found = view(city)
    assert [(span["samples"], span["mode"]) for span in found["spans"]] == [(0, None)]
    assert rules(found) == {"samples_missing"}


def test_a_permit_that_is_not_there_and_a_licence_that_is_over(city: City) -> None:
    program = Program(city, Role.OPERATOR_MANAGER)
    assert program.send("POST", "/officers", OFFICER | {"expires_on": "2026-03-02"}).status_code == 201
    drive(city, (-90, 30, {}))
    assert rules(view(city)) == {"permit_unknown"}
    later = NOON_MS + 3 * 86_400_000
    city.time.now_ms = later
    city.tokens.clear()  # those of that time are over
    with changing_session(city.engine) as session:
        values = QUIET | {"timestamp_ms": later - 1_000, "received_ms": later, "vehicle": city.keys[CAR], "seq": 9}
        rest = {"lat": 22.52, "altitude_datum": -1, "officer_load": -1, "zone_revision": -1, "permit_revision": -1}
        session.add(Sample(**values, **rest, generation=1))
    found = Program(city, Role.AUDITOR).get(f"/liability/{CAR}?at_ms={later}").get_json()
    assert "licence_not_valid" in rules(found)


def test_what_happens_before_a_collision_is_asked(registered: City) -> None:
    drive(
        registered,
        (-90, -4, {}),
        (-4, 30, {"mode": Mode.TAKEOVER}),
        permit_revision=newest(registered).id,
    )
    report = {"vehicle_id": CAR, "jurisdiction": "QH", "occurred_at_ms": NOON_MS, "kind": "collision", "harm": "none"}
    sent = Program(registered, Role.OPERATOR_MANAGER).send("POST", "/incidents", report | {"summary": "A bollard."})
    assert sent.status_code == 201, sent.text
    found = view(registered)
    assert found["incidents"] == [sent.get_json()["incident_id"]]
    (question,) = [each for each in found["open_questions"] if each["rule"] == "takeover_before_collision"]
    assert (question["from_ms"], question["detail"]) == (NOON_MS - 4_000, sent.get_json()["incident_id"])


def test_directives_that_were_pending_are_told(registered: City) -> None:
    (made,) = ordered(Program(registered, Role.REGULATOR))
    drive(registered, (-90, 30, {}), permit_revision=newest(registered).id)
    found = view(registered)
    assert [len(span["directives"]) for span in found["spans"]] == [0, 1]
    assert [(each["rule"], each["detail"]) for each in found["open_questions"]] == [
        ("directive_unheard", made["directive_id"])
    ]


def test_the_page_says_it_decides_nothing_and_operators_see_their_own(registered: City) -> None:
    drive(registered, (-90, 30, {"mode": Mode.REMOTE}), permit_revision=newest(registered).id)
    page = Person(registered, Role.OPERATOR_MANAGER).page(f"/liability/{CAR}?at={NOON_MS}")
    for said in ("不认定任何责任", "It decides nothing", "contradict each other", "陈晓明", NUMBER, "is-remote"):
        assert said in page, said
    by_wall_time = Person(registered, Role.AUDITOR).page(f"/liability/{CAR}?at=2026-03-01T12:00:00")
    assert "2026-03-01 11:58:30" in by_wall_time
    stranger = registered.logged_in(SOUTH_MANAGER)
    assert stranger.get(f"/liability/{CAR}").status_code == 404
    assert Program(registered, SOUTH_MANAGER).get(f"/liability/{CAR}").status_code == 404


@pytest.mark.parametrize("at", ["never", "-1", "9" * 30, "2026-13-01T00:00", "<script>"])
def test_what_is_no_time_is_told(registered: City, at: str) -> None:
    answer = registered.logged_in(Role.AUDITOR).get(f"/liability/{CAR}", query_string={"at": at})
    assert answer.status_code == 422
    assert "<script>" not in answer.text.partition("<main")[2].partition("</main")[0]


def test_an_archived_day_is_told_with_the_command_that_brings_it_back(city: City) -> None:
    city.time.now_ms = NOON_MS + 120_000
    with Session(changing(city.engine)) as session, session.begin():
        counts = {"samples": 1, "blocks": 1, "rejects": 0}
        session.add(SampleArchive(day=NOON_MS // 86_400_000, files={}, **counts, archived_at_ms=1, emptied_at_ms=1))
    command = "pilotage archive restore 2026-03-01"
    answer = Program(city, Role.AUDITOR).get(f"/liability/{CAR}?at_ms={NOON_MS}")
    assert (answer.status_code, answer.get_json()["code"]) == (422, "day_archived")
    assert command in answer.get_json()["detail"]
    reader = city.logged_in(Role.AUDITOR)
    for path in (f"/liability/{CAR}?at={NOON_MS}", f"/replay?at_ms={NOON_MS}"):
        page = reader.get(path)
        assert (page.status_code, command in page.text) == (422, True), path
