from __future__ import annotations

import hashlib
import json

import pytest

from app.evidence.verify import faults_in
from app.models import Role
from app.storage import open_store
from telemetry.ports import Flush
from tests.app.evidence.scene import unpacked
from tests.app.web.cast import NOON_MS, SOUTH_MANAGER, City
from tests.app.web.evidence_scene import beside_each_other
from tests.app.web.register_cast import Program


@pytest.fixture
def driven(city: City) -> City:
    """Samples of both cars, side by side around noon."""
    store = open_store(city.engine)
    store.commit(Flush("w1", NOON_MS, beside_each_other(city), rejects=(), alerts=(), tracks=()))
    city.time.pass_ms(60_000)
    return city


def wanted(**changes: object) -> dict[str, object]:
    return {"vehicle_id": "NORTH-R1", "moment_ms": NOON_MS, "reason": "a collision"} | changes


def test_a_bundle_is_exported_kept_and_recorded(driven: City) -> None:
    program = Program(driven, Role.REGULATOR)
    answer = program.send("POST", "/evidence", wanted())
    assert answer.status_code == 201, answer.text
    made = answer.json
    content = program.get(f"/evidence/{made['bundle_id']}/file").data
    assert hashlib.sha256(content).hexdigest() == made["sha256"]
    assert (faults_in(content), made["faults"]) == ([], [])
    assert made["samples"] == 60
    (entry,) = [e for e in program.get("/audit").json["items"] if e["action"] == "evidence.exported"]
    assert entry["after"]["sha256"] == made["sha256"]
    assert program.get("/evidence").json["items"] == [made]


def test_the_city_sees_who_was_near_and_an_operator_only_that_somebody_was(driven: City) -> None:
    for person, named in ((Role.AUDITOR, True), (Role.OPERATOR_STAFF, False)):
        program = Program(driven, person)
        made = program.send("POST", "/evidence", wanted()).json
        files = unpacked(program.get(f"/evidence/{made['bundle_id']}/file").data)
        assert made["names_neighbours"] is named
        assert (b"SOUTH-R1" in b"".join(files.values())) is named
        assert ("data/audit.json" in files) is named
        assert ("data/neighbours.json" in files) is not named
    assert len(json.loads(files["data/neighbours.json"])["rows"]) == 60


def test_an_operator_gets_neither_others_vehicles_nor_the_citys_bundles(driven: City) -> None:
    made = Program(driven, Role.REGULATOR).send("POST", "/evidence", wanted()).json
    north, south = Program(driven, Role.OPERATOR_MANAGER), Program(driven, SOUTH_MANAGER)
    assert south.send("POST", "/evidence", wanted()).status_code == 404
    for program in (north, south):
        assert program.get(f"/evidence/{made['bundle_id']}").status_code == 404
        assert program.get(f"/evidence/{made['bundle_id']}/file").status_code == 404
        assert program.get("/evidence").json["items"] == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"moment_ms": NOON_MS + 120_000}, "moment_in_future"),
        ({"before_s": 3_600, "after_s": 1}, "window_too_long"),
        ({"before_s": 0, "after_s": 0}, "window_too_long"),
        ({"reason": " "}, "invalid_input"),
    ],
)
def test_a_bad_window_is_refused(driven: City, changes: dict[str, object], code: str) -> None:
    answer = Program(driven, Role.REGULATOR).send("POST", "/evidence", wanted(**changes))
    assert (answer.status_code, answer.json["code"]) == (422, code)


def test_a_moment_without_samples_is_evidence_too(driven: City) -> None:
    made = Program(driven, Role.REGULATOR).send("POST", "/evidence", wanted(moment_ms=NOON_MS - 10_000_000)).json
    assert (made["samples"], made["faults"]) == (0, [])
