"""The operators' register over HTTP."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from sqlalchemy import select

from app.database import changing_session, reading_session
from app.errors import BrokerUnavailable
from app.imports.reading import MAX_FILE_BYTES
from app.models import AuditEntry, RejectRow, Role, Vehicle
from app.services.vehicles import verify_credential
from app.web import vehicle_credentials
from telemetry.ports import RejectReason
from tests.app.imports.spreadsheets import GOOD, GOOD_TOO, HEADER, csv_text, workbook
from tests.app.web.cast import SOUTH_MANAGER, City
from tests.app.web.register_cast import CAR, CRAFT, OFFICER, TRIAL, Program


@pytest.fixture
def manager(city: City) -> Program:
    return Program(city, Role.OPERATOR_MANAGER)


def test_a_new_vehicles_credential_is_told_once_and_opens_the_broker(city: City, manager: Program) -> None:
    answer = manager.send("POST", "/vehicles", CAR)
    assert answer.status_code == 201
    credential = answer.get_json()["credential"]
    assert credential["topic"].endswith("/N-100/telemetry")
    assert credential["command"].endswith("--vehicle N-100")
    with reading_session(city.engine) as session:
        assert verify_credential(session, credential["username"], credential["token"]) is not None
        written = "".join(str(row.after) for row in session.scalars(select(AuditEntry)))
    for text in (manager.get("/vehicles/N-100").text, manager.get("/vehicles?limit=500").text, written):
        assert credential["token"] not in text
        assert hashlib.sha256(credential["token"].encode()).hexdigest() not in text


def test_a_vehicle_is_changed_by_whoever_has_seen_it(manager: Program) -> None:
    assert manager.send("POST", "/vehicles", CRAFT).status_code == 201
    seen = manager.get("/vehicles/N-E100").headers["ETag"]
    assert manager.send("PUT", "/vehicles/N-E100", CRAFT).status_code == 428
    assert manager.send("PUT", "/vehicles/N-E100", CRAFT | {"make": "亿航"}, seen).status_code == 200
    late = manager.send("PUT", "/vehicles/N-E100", CRAFT | {"make": "other"}, seen)
    assert late.status_code == 412
    assert manager.get("/vehicles/N-E100").get_json()["make"] == "亿航"


def test_bad_details_are_told_at_their_fields(manager: Program) -> None:
    answer = manager.send("POST", "/vehicles", CAR | {"vin": "1M8GDM9A1KP042788", "remote_id": "x"})
    assert answer.status_code == 422
    told = {error["path"]: error["code"] for error in answer.get_json()["errors"]}
    assert told == {"vin": "vin_check_digit", "remote_id": "not_of_this_kind"}
    assert manager.send("POST", "/vehicles", CAR | {"vehicle_id": "SOUTH-R1"}).status_code == 409


def test_status_and_credential_need_the_newest_version(manager: Program) -> None:
    seen = manager.get("/vehicles/NORTH-R1").headers["ETag"]
    change = {"status": "out_of_service", "reason": "brakes"}
    assert manager.send("POST", "/vehicles/NORTH-R1/statuses", change, seen).get_json()["status"] == "out_of_service"
    assert manager.send("POST", "/vehicles/NORTH-R1/statuses", change, seen).status_code == 412
    assert manager.send("POST", "/vehicles/NORTH-R1/credential", match=seen).status_code == 412
    entries = manager.get("/vehicles/NORTH-R1/statuses").get_json()["items"]
    assert [(entry["status"], entry["reason"]) for entry in entries] == [("out_of_service", "brakes")]
    assert manager.get("/vehicles?status=out_of_service").get_json()["items"][0]["vehicle_id"] == "NORTH-R1"


def test_a_revoked_credential_is_gone_and_retiring_revokes(city: City, manager: Program) -> None:
    renewed = manager.change("POST", "/vehicles/NORTH-R1/credential", seen="/vehicles/NORTH-R1").get_json()
    revoked = manager.change("DELETE", "/vehicles/NORTH-R1/credential", seen="/vehicles/NORTH-R1")
    assert revoked.get_json()["has_credential"] is False
    with reading_session(city.engine) as session:
        assert verify_credential(session, "NORTH-R1", renewed["token"]) is None
    retired = manager.change(
        "POST", "/vehicles/NORTH-E1/statuses", {"status": "retired", "reason": "sold"}, seen="/vehicles/NORTH-E1"
    )
    assert (retired.get_json()["status"], retired.get_json()["has_credential"]) == ("retired", False)
    again = manager.change("POST", "/vehicles/NORTH-E1/credential", seen="/vehicles/NORTH-E1")
    assert (again.status_code, again.get_json()["code"]) == (422, "vehicle_retired")


def _refuse(*_arguments: object) -> None:
    raise BrokerUnavailable("no broker")


class _Refusing:
    grant = grant_all = withdraw = staticmethod(_refuse)


def test_a_broker_that_refuses_leaves_nothing_behind(manager: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vehicle_credentials, "vehicle_access", lambda _settings: _Refusing())
    before = manager.get("/vehicles?limit=500").get_json()
    assert manager.send("POST", "/vehicles", CAR).status_code == 503
    assert manager.change("POST", "/vehicles/NORTH-R1/credential", seen="/vehicles/NORTH-R1").status_code == 503
    assert manager.change("DELETE", "/vehicles/NORTH-R1/credential", seen="/vehicles/NORTH-R1").status_code == 503
    retired = {"status": "retired", "reason": "sold"}
    assert manager.change("POST", "/vehicles/NORTH-R1/statuses", retired, seen="/vehicles/NORTH-R1").status_code == 503
    assert manager.upload("/vehicles/import", csv_text(HEADER, GOOD).encode(), "text/csv").status_code == 503
    assert manager.get("/vehicles?limit=500").get_json() == before


def test_the_objects_of_others_do_not_exist(city: City, manager: Program) -> None:
    other = Program(city, SOUTH_MANAGER)
    assert manager.send("POST", "/vehicles", CAR).status_code == 201
    assert manager.send("POST", "/officers", OFFICER).status_code == 201
    assert manager.send("POST", "/trials", TRIAL).status_code == 201
    for path in ("/vehicles/N-100", "/officers/SO-1", "/trials/T-1", "/organisations/NORTH"):
        assert manager.get(path).status_code == 200, path
        assert other.get(path).status_code == 404, path
        assert Program(city, Role.AUDITOR).get(path).status_code == 200, path
    for method, path, body in (
        ("PUT", "/vehicles/N-100", CAR),
        ("POST", "/vehicles/N-100/credential", None),
        ("DELETE", "/vehicles/N-100/credential", None),
        ("POST", "/vehicles/N-100/statuses", {"status": "retired", "reason": "r"}),
        ("POST", "/officers/SO-1/withdrawal", {"reason": "r"}),
        ("PUT", "/trials/T-1", {name: value for name, value in TRIAL.items() if name != "trial_id"}),
        ("PUT", "/organisations/NORTH", {"name_zh": "x", "name_en": "x"}),
    ):
        assert other.send(method, path, body, '"1"').status_code == 404, path
    lists = {"/vehicles": "organisation", "/officers": "organisation", "/trials": "organisation"}
    for path, name in lists.items():
        assert {item[name] for item in other.get(path).get_json()["items"]} <= {"SOUTH"}
    assert [item["code"] for item in other.get("/organisations").get_json()["items"]] == ["SOUTH"]


def test_a_position_is_geojson(city: City, manager: Program) -> None:
    assert manager.get("/vehicles/NORTH-R1/position").status_code == 404
    city.store_position("NORTH-R1")
    answer = manager.get("/vehicles/NORTH-R1/position")
    assert answer.mimetype == "application/geo+json"
    assert json.loads(answer.text)["geometry"] == {"type": "Point", "coordinates": [113.9, 22.52]}


def test_licences_are_renewed_and_withdrawn(city: City, manager: Program) -> None:
    manager.send("POST", "/officers", OFFICER)
    regulator = Program(city, Role.REGULATOR)
    ended = regulator.change("POST", "/officers/SO-1/withdrawal", {"reason": "unfit"}, seen="/officers/SO-1")
    assert ended.get_json()["state"] == "withdrawn"
    renewal = {"licence_class": "C1", "licence_number": "4403", "expires_on": "2027-12-31"}
    refused = manager.change("POST", "/officers/SO-1/licences", renewal, seen="/officers/SO-1")
    assert refused.get_json()["code"] == "licence_withdrawn"
    renewal |= {"licence_number": "4404"}
    assert manager.change("POST", "/officers/SO-1/licences", renewal, seen="/officers/SO-1").status_code == 200
    assert manager.get("/officers?state=valid").get_json()["items"][0]["officer_id"] == "SO-1"
    entries = manager.get("/officers/SO-1/licences").get_json()["items"]
    assert [entry["is_withdrawn"] for entry in entries] == [False, True, False]


def test_an_import_registers_all_or_none(city: City, manager: Program) -> None:
    good = csv_text(HEADER, GOOD, GOOD_TOO).encode("gb18030")
    looked = manager.upload("/vehicles/import?dry_run=true", good, "text/csv").get_json()
    assert (looked["rows"], looked["problems"], looked["registered"]) == (2, [], False)
    bad = manager.upload("/vehicles/import", csv_text(HEADER, GOOD, GOOD).encode(), "text/csv")
    assert bad.status_code == 200
    assert {problem["code"] for problem in bad.get_json()["problems"]} == {"twice_in_file"}
    assert manager.get("/vehicles?q=C-1").get_json()["items"] == []
    made = manager.upload("/vehicles/import", good, "text/csv")
    assert made.status_code == 201
    with reading_session(city.engine) as session:
        for credential in made.get_json()["credentials"]:
            assert verify_credential(session, credential["username"], credential["token"]) is not None
        assert session.scalar(select(Vehicle.vin).where(Vehicle.vehicle_id == "C-2")) == GOOD_TOO[4]


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (workbook(HEADER, GOOD), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", 201),
        (b"\x00\x01", "text/csv", 422),
        (b"", "text/csv", 422),
        (b"x", "multipart/form-data; boundary=x", 422),
        (b"0" * (MAX_FILE_BYTES + 1), "text/csv", 422),
        (b"0" * (MAX_FILE_BYTES + 100_000), "text/csv", 413),
    ],
)
def test_files_of_all_kinds_are_taken_or_refused(
    manager: Program, content: bytes, content_type: str, status: int
) -> None:
    assert manager.upload("/vehicles/import", content, content_type).status_code == status


def test_rejects_are_for_the_operator_of_the_vehicle(city: City, manager: Program) -> None:
    with changing_session(city.engine) as session:
        for number, (vehicle, reason) in enumerate(
            [("NORTH-R1", RejectReason.MALFORMED_JSON), ("NORTH-R1", RejectReason.SEQ_REUSED), ("SOUTH-R1", None)]
        ):
            session.add(
                RejectRow(
                    digest=bytes([number]) * 32,
                    topic=f"v1/1/{vehicle}/telemetry",
                    vehicle=city.keys[vehicle],
                    seq=None,
                    reason=reason or RejectReason.TOO_LARGE,
                    detail="d",
                    payload=b"\xff\x00<script>",
                    arrivals=1,
                    first_received_ms=city.time(),
                    last_received_ms=city.time() + number,
                )
            )
    first = manager.get("/rejects?limit=1").get_json()
    assert first["items"][0]["reason"] == "seq_reused"
    rest = manager.get(f"/rejects?limit=1&cursor={first['next_cursor']}").get_json()
    assert [item["reason"] for item in rest["items"]] == ["malformed_json"]
    assert rest["next_cursor"] is None
    shown = manager.get(f"/rejects/{first['items'][0]['id']}").get_json()
    assert shown["payload_text"] is None
    assert base64.b64decode(shown["payload_base64"]) == b"\xff\x00<script>"
    assert manager.get("/rejects?vehicle_id=SOUTH-R1").get_json()["items"] == []
    other = Program(city, SOUTH_MANAGER)
    assert other.get(f"/rejects/{shown['id']}").status_code == 404
    assert len(Program(city, Role.REGULATOR).get("/rejects").get_json()["items"]) == 3
    assert manager.get("/rejects?cursor=1.x").status_code == 422


def test_people_and_trials_are_filtered_across_pages(city: City, manager: Program) -> None:
    for number, expires_on in enumerate(("2026-12-31", "2026-03-10", "2026-12-31")):
        officer = OFFICER | {"officer_id": f"SO-{number}", "name": f"Name {number}", "expires_on": expires_on}
        assert manager.send("POST", "/officers", officer).status_code == 201
        starts = {"starts_on": "2026-03-01" if number else "2026-06-01", "domain": "joint" if number else "road"}
        trial = TRIAL | starts | {"trial_id": f"T-{number}", "vehicles": []}
        assert manager.send("POST", "/trials", trial).status_code == 201

    def found(path: str, key: str) -> list[str]:
        pages = [manager.get(f"{path}&limit=1").get_json()]
        while (cursor := pages[-1]["next_cursor"]) is not None:
            pages.append(manager.get(f"{path}&limit=1&cursor={cursor}").get_json())
        return [item[key] for page in pages for item in page["items"]]

    assert found("/officers?state=valid", "officer_id") == ["SO-0", "SO-2"]
    assert found("/officers?state=expiring", "officer_id") == ["SO-1"]
    assert found("/officers?q=name+2&organisation=NORTH&capacity=onboard_safety_officer", "officer_id") == ["SO-2"]
    assert found("/officers?organisation=SOUTH", "officer_id") == []
    assert found("/trials?state=running", "trial_id") == ["T-1", "T-2"]
    assert found("/trials?state=upcoming&stage=road_test&q=接驳", "trial_id") == ["T-0"]
    assert found("/trials?domain=joint", "trial_id") == ["T-1", "T-2"]
    assert found("/organisations?q=north", "code") == ["NORTH"]
    administrator = Program(city, Role.ADMINISTRATOR)
    listed = administrator.get("/users?role=operator_manager&organisation=SOUTH&disabled=false").get_json()["items"]
    assert [user["email"] for user in listed] == [SOUTH_MANAGER]
    assert administrator.get("/users?disabled=true").get_json()["items"] == []


@pytest.mark.parametrize("attack", ["' OR '1'='1", "x'; DROP TABLE vehicles; --", "%", "\\", "％"])
def test_searching_is_not_programming(manager: Program, attack: str) -> None:
    assert manager.get(f"/vehicles?q={attack}").status_code == 200
    assert manager.get(f"/vehicles?cursor={attack}").status_code == 422
    assert manager.get(f"/vehicles?q={attack}").get_json()["items"] == []
    assert len(manager.get("/vehicles").get_json()["items"]) == 2
