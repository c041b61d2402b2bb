"""Incidents at the desk and over HTTP: from an alert to a closing, and who may do what of it."""

from __future__ import annotations

import csv
import io
from http import HTTPStatus
from typing import Any

import pytest
from sqlalchemy import select

from app.chores import CHORES
from app.database import reading_session
from app.models import Incident, Notice, Role
from telemetry.findings import Finding
from tests.app.web.cast import BAOAN_REGULATOR, NOON_MS, SOUTH_MANAGER, City, csrf_of
from tests.app.web.register_cast import Person
from tests.files import PDF, PNG

PROPOSE = next(chore for chore in CHORES if chore.name == "propose_incidents")
URL = "/api/v1/incidents"
FACTS: dict[str, Any] = {
    "jurisdiction": "QH",
    "occurred_at_ms": NOON_MS - 1,
    "kind": "disengagement",
    "harm": "none",
    "summary": "=The driver took over.",
}
ASKED = {"capable_without_driver": True, "driver_present": True, "initiated_by": "test_driver", "location": "street"}
ALERT_MS = NOON_MS - 1_234


def alert_of(city: City, finding: Finding = Finding.TAKEOVER) -> str:
    city.store_alert("NORTH-R1", finding)
    return alert_id(city, finding)


def alert_id(city: City, finding: Finding) -> str:
    return f"{city.keys['NORTH-R1']}-{finding.code}-{ALERT_MS}-7"


def proposed(city: City) -> str:
    alert_of(city)
    PROPOSE.run(city.engine, NOON_MS)
    with reading_session(city.engine) as session:
        return session.query(Incident).one().incident_id


def matched(city: City, person: Role | str, version: int) -> dict[str, str]:
    return city.bearer(person) | {"If-Match": f'"{version}"'}


# --- API ----------------------------------------------------------------------------------------------


def test_the_life_of_an_incident_over_http(city: City) -> None:
    client, one = city.client(), f"{URL}/{proposed(city)}"
    manager, regulator = Role.OPERATOR_MANAGER, Role.REGULATOR
    seen = client.get(one, headers=city.bearer(manager))
    assert (seen.json["state"], seen.json["kind"], seen.json["first_due_ms"]) == (
        *("proposed", "disengagement"),
        ALERT_MS + 24 * 3_600_000,
    )
    assert client.put(one, json=FACTS, headers=city.bearer(manager)).status_code == HTTPStatus.PRECONDITION_REQUIRED
    missing = client.put(one, json=FACTS | {"complete": True}, headers=matched(city, manager, 1))
    assert (missing.status_code, missing.json["code"]) == (422, "disengagement_incomplete")
    filed = client.put(one, json=FACTS | {"disengagement": ASKED}, headers=matched(city, manager, 1))
    assert (filed.status_code, filed.json["state"], filed.json["alerts"]) == (200, "reported", seen.json["alerts"])
    version = filed.json["version"]
    upload = {"file": (io.BytesIO(PNG), "photo.exe")}
    stored = client.post(f"{one}/files", data=upload, headers=matched(city, manager, version))
    assert (stored.status_code, stored.json["attachments"][0]["file_name"]) == (201, "photo.exe.png")
    version = stored.json["version"]
    for path, body in (
        ("review", {}),
        ("fault", {"fault": "no", "reason": "r"}),
        ("closing", {"fault": "no", "conclusion": "Seen."}),
        ("reopening", {"reason": "A witness."}),
    ):
        taken = client.post(f"{one}/{path}", json=body, headers=matched(city, regulator, version))
        assert (taken.status_code, taken.json["version"]) == (200, version + 1), path
        again = client.post(f"{one}/{path}", json=body, headers=matched(city, regulator, version))
        assert again.status_code == HTTPStatus.PRECONDITION_FAILED
        version += 1
    page = client.get(f"{one}/revisions?limit=3", headers=city.bearer(manager)).json
    assert [row["change"] for row in page["items"]] == ["proposed", "reported", "file_attached"]
    assert page["items"][0]["actor"] is None
    assert page["next_cursor"]


def test_a_proposal_is_dismissed_and_called_back(city: City) -> None:
    client, number = city.client(), proposed(city)
    one = f"{URL}/{number}"
    refused = client.post(
        f"{one}/closing", json={"fault": "no", "conclusion": "c"}, headers=matched(city, Role.REGULATOR, 1)
    )
    assert (refused.status_code, refused.json["code"]) == (422, "incident_state")
    gone = client.post(f"{one}/dismissal", json={"reason": "A test."}, headers=matched(city, Role.OPERATOR_STAFF, 1))
    assert gone.json["state"] == "dismissed"
    back = client.post(f"{one}/reopening", json={"reason": "No."}, headers=matched(city, Role.REGULATOR, 2))
    assert back.json["state"] == "proposed"


def test_overdue_ones_are_found(city: City) -> None:
    client, manager = city.client(), city.bearer(Role.OPERATOR_MANAGER)
    late = FACTS | {"vehicle_id": "NORTH-R1", "occurred_at_ms": NOON_MS - 11 * 86_400_000}
    for body in (late, FACTS | {"vehicle_id": "NORTH-R1"}):
        assert client.post(URL, json=body, headers=manager).status_code == HTTPStatus.CREATED
    for query, expected in (("overdue=true", [True]), ("overdue=false", [False]), ("state=reported", [True, False])):
        found = client.get(f"{URL}?{query}", headers=manager).json["items"]
        assert [each["overdue"] for each in found] == expected, query


def test_the_report_on_disengagements_is_an_operators_own(city: City) -> None:
    client = city.client()
    body = FACTS | {"vehicle_id": "NORTH-R1", "disengagement": ASKED, "complete": True}
    assert client.post(URL, json=body, headers=city.bearer(Role.OPERATOR_MANAGER)).status_code == HTTPStatus.CREATED
    period = {"since_ms": NOON_MS - 10, "until_ms": NOON_MS}

    def rows(person: Role | str) -> list[list[str]]:
        answer = client.get(f"{URL}/disengagements", query_string=period, headers=city.bearer(person))
        assert answer.mimetype == "text/csv"
        return list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))

    header, row = rows(Role.REGULATOR)
    assert header[1] == "Permit Number"
    assert row[0] == "North Mobility"
    assert row[4:] == ["Yes", "Yes", "Test Driver", "Street", "'=The driver took over."]
    assert rows(SOUTH_MANAGER) == [header]


# --- pages --------------------------------------------------------------------------------------------


def test_an_alert_fills_in_the_form_and_leads_to_its_incident_afterwards(city: City) -> None:
    client, alert = city.logged_in(Role.OPERATOR_STAFF), alert_of(city, Finding.LOW_BATTERY)
    page = client.get(f"/desk/incidents/new?alert={alert}").text
    assert f'name="alert" value="{alert}"' in page
    assert '<option value="system_failure" selected>' in page
    sent = {"csrf_token": csrf_of(client), **FACTS, "kind": "system_failure", "vehicle_id": "NORTH-R1", "alert": alert}
    made = client.post("/desk/incidents/new", data=sent)
    assert made.status_code == HTTPStatus.SEE_OTHER
    again = client.get(f"/desk/incidents/new?alert={alert}")
    assert again.headers["Location"] == made.headers["Location"]
    assert client.post("/desk/incidents/new", data=sent).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert city.logged_in(SOUTH_MANAGER).get(f"/desk/incidents/new?alert={alert}").status_code == HTTPStatus.NOT_FOUND
    assert client.get("/desk/incidents/new?alert=x").status_code == HTTPStatus.NOT_FOUND


def test_the_life_of_an_incident_at_the_desk(city: City) -> None:
    page = f"/desk/incidents/{proposed(city)}"
    manager, regulator = city.logged_in(Role.OPERATOR_MANAGER), city.logged_in(Role.REGULATOR)

    def send(client: Any, path: str, **fields: Any) -> int:
        return int(client.post(f"{page}/{path}", data={"csrf_token": csrf_of(client), **fields}).status_code)

    assert send(manager, "dismiss", version=1, reason="") == 422
    assert send(manager, "edit", version=1, **FACTS, complete="1") == 422
    fields = {f"disengagement.{name}": value for name, value in ASKED.items()}
    form = manager.get(f"{page}/edit").text
    assert "2026-03-01T11:59:58" in form
    touched = FACTS | {"occurred_at_ms": "2026-03-01T11:59:58"}
    assert send(manager, "edit", version=1, **touched, **fields, complete="1") == 303
    assert send(manager, "edit", version=1, **touched) == 422
    with reading_session(city.engine) as session:
        assert session.query(Incident).one().occurred_at_ms == ALERT_MS, "the milliseconds that the form does not show"
    upload = {"csrf_token": csrf_of(manager), "version": 2, "file": (io.BytesIO(b"<html>"), "report.pdf")}
    refused = manager.post(f"{page}/files", data=upload)
    assert (refused.status_code, "has-problem" in refused.text) == (422, True)
    upload |= {"file": (io.BytesIO(PDF), "report.pdf")}
    assert manager.post(f"{page}/files", data=upload).status_code == 303
    assert send(regulator, "review", version=3) == 303
    assert send(regulator, "fault", version=4, fault="", reason="r") == 422
    assert send(regulator, "fault", version=4, fault="no", reason="r") == 303
    assert send(regulator, "close", version=5, fault="no", conclusion="") == 422
    assert send(regulator, "close", version=5, fault="no", conclusion="Seen.") == 303
    assert send(regulator, "reopen", version=6, reason="") == 422
    assert send(regulator, "reopen", version=6, reason="A witness.") == 303
    compared = regulator.get(f"{page}/compare?before=1&after=2").text
    assert "<ins>=The driver took over.</ins>" in compared
    assert regulator.get(f"{page}/compare?before=1&after=99").status_code == HTTPStatus.NOT_FOUND
    assert manager.get(f"{page}/edit").status_code == HTTPStatus.OK
    assert "A witness." in manager.get(page).text


@pytest.mark.parametrize("state", ["", "proposed", "overdue"])
def test_the_list_is_filtered_by_state(city: City, state: str) -> None:
    number = proposed(city)
    page = city.logged_in(Role.AUDITOR).get("/desk/incidents", query_string={"state": state}).text
    assert (number in page) is (state != "overdue")


def test_the_report_on_disengagements_needs_days(city: City) -> None:
    client = city.logged_in(Role.AUDITOR)
    url = "/desk/incidents/disengagements"
    assert client.get(url).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert client.get(f"{url}?first_day=2026-03-02&last_day=2026-03-01").status_code == 422
    assert client.get(f"{url}?first_day=2026-03-01&last_day=2026-03-01").mimetype == "text/csv"


# --- opened by a regulator ----------------------------------------------------------------------------


def opened(city: City, alert: str, person: Role | str = Role.REGULATOR) -> Any:
    body = {"alert": alert, "kind": "near_miss", "reason": "Report how it came to this."}
    return city.client().post(f"{URL}/openings", json=body, headers=city.bearer(person))


def test_a_regulator_opens_one_and_the_operator_has_to_report_it(city: City) -> None:
    alert = alert_of(city, Finding.OVERSPEED)
    city.time.pass_ms(72 * 3_600_000)
    answer = opened(city, alert)
    assert answer.status_code == HTTPStatus.CREATED, answer.text
    made, manager = answer.json, Role.OPERATOR_MANAGER
    assert (made["state"], made["opened_by"], made["alerts"]) == ("proposed", "Regulator Person", [alert])
    assert made["first_due_ms"] == city.time() + 24 * 3_600_000, "its time begins when the operator is told"
    client, one = city.client(), f"{URL}/{made['incident_id']}"
    with reading_session(city.engine) as session:
        (told,) = session.scalars(select(Notice).where(Notice.kind == "incident.opened"))
        assert told.organisation_id is not None
        assert told.params["reason"] == "Report how it came to this."
    dismissal = client.post(f"{one}/dismissal", json={"reason": "It was nothing."}, headers=matched(city, manager, 1))
    assert (dismissal.status_code, dismissal.json["code"]) == (HTTPStatus.UNPROCESSABLE_ENTITY, "incident_not_proposed")
    assert client.put(one, json=FACTS, headers=matched(city, manager, 1)).json["state"] == "reported"


@pytest.mark.parametrize(
    ("person", "status"),
    [
        (BAOAN_REGULATOR, HTTPStatus.FORBIDDEN),
        (Role.OPERATOR_MANAGER, HTTPStatus.FORBIDDEN),
        (Role.ADMINISTRATOR, HTTPStatus.FORBIDDEN),
        (Role.AUDITOR, HTTPStatus.FORBIDDEN),
    ],
)
def test_only_regulators_of_its_jurisdiction_open_one(city: City, person: Role | str, status: HTTPStatus) -> None:
    assert opened(city, alert_of(city, Finding.OVERSPEED), person).status_code == status


def test_an_alert_has_one_incident(city: City) -> None:
    proposed(city)
    body = {"alert": alert_id(city, Finding.TAKEOVER), "kind": "near_miss", "reason": "Why?"}
    for alert, code in ((body["alert"], "alert_has_incident"), ("1-takeover-1-1", "no_such_alert")):
        answer = city.client().post(
            f"{URL}/openings", json=body | {"alert": alert}, headers=city.bearer(Role.REGULATOR)
        )
        assert (answer.status_code, answer.json["code"]) == (HTTPStatus.UNPROCESSABLE_ENTITY, code)


def test_a_regulator_opens_one_at_the_desk(city: City) -> None:
    officer, alert = Person(city, Role.REGULATOR), alert_of(city, Finding.OVERSPEED)
    here = f"/desk/incidents/open/{alert}"
    assert "HERE_ALERT" in officer.page("/duty"), "from an alert of the duty screen"
    assert "NORTH-R1" in officer.page(here)
    sent = {"kind": "near_miss", "harm": "none", "reason": ""}
    assert officer.send(here, sent).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    made = officer.send(here, sent | {"reason": "Too fast at the school."})
    assert made.status_code == HTTPStatus.SEE_OTHER
    page = officer.page(made.location)
    assert "A regulator opened this." in page
    assert "Too fast at the school." in page
    again = officer.client.get(here)
    assert (again.status_code, again.location) == (HTTPStatus.SEE_OTHER, made.location)
    assert "/dismiss" not in Person(city, Role.OPERATOR_MANAGER).page(made.location)
