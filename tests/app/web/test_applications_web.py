from __future__ import annotations

import io
import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.database import changing_session, reading_session
from app.models import Application, ApplicationState, Attachment, Organisation, Role, Stage
from app.services.applications import application_by_number, draft_of
from app.services.officers import record_licence
from tests.app.applicants import begun, complete_draft, prepare, submitted
from tests.app.test_attachments import OFFICE, archive
from tests.app.web.cast import BAOAN_REGULATOR, DAY_MS, NOON_MS, SOUTH_MANAGER, City, csrf_of
from tests.files import PDF

HOSTILE = "<script>alert(1)</script>"
WINDOW = {"hours.0.start": "09:00", "hours.0.end": "17:00"}
STEPS = ("basics", "vehicles", "people", "zones", "terms", "safety")


@pytest.fixture(autouse=True)
def applicants(city: City) -> None:
    with changing_session(city.engine) as session:
        prepare(session)


def draft(city: City, **changes: object) -> str:
    with changing_session(city.engine) as session:
        return begun(session, **changes).number


def waiting(city: City, **changes: object) -> str:
    with changing_session(city.engine) as session:
        return submitted(session, **changes).number


def stored(city: City, number: str) -> Application:
    with reading_session(city.engine) as session:
        return application_by_number(session, number)


def sent(client: FlaskClient, path: str, **fields: object) -> tuple[int, str]:
    answer = client.post(f"/desk/applications{path}", data={"csrf_token": csrf_of(client), **fields})
    return answer.status_code, answer.text


def version(city: City, number: str) -> str:
    return str(stored(city, number).version)


# --- the form ---------------------------------------------------------------------------------------


def test_an_operator_fills_in_and_submits_step_by_step(city: City) -> None:
    client = city.logged_in(Role.OPERATOR_MANAGER)
    answer = client.post(
        "/desk/applications/new",
        data={"csrf_token": csrf_of(client), "jurisdiction": "QH", "trial_id": "T-1", "stage": "road_test"},
    )
    assert answer.status_code == 303
    found = re.search(r"/desk/applications/(A26-\w+)/edit/vehicles", answer.headers["Location"])
    assert found is not None
    number = found[1]
    fields: dict[str, dict[str, object]] = {
        "vehicles": {"vehicles": "NORTH-R1"},
        "people": {"officers": "N-ON"},
        "zones": {"zones": "QH-R-01"},
        "terms": {
            "valid_from_ms": "2026-03-02T08:00",
            "valid_until_ms": "2026-09-01T00:00",
            "hours.1.days": ["MON", "FRI"],
            "hours.1.start": "09:00",
            "hours.1.end": "17:00",
            "conditions.speed_cap_kmh": "40",
            "conditions.modes": ["autonomous", "manual"],
            "conditions.safety_officers": "onboard",
        },
        "safety": {"safety_case": "We drive slowly."},
    }
    for step, values in fields.items():
        status, _text = sent(client, f"/{number}/edit/{step}", version=version(city, number), **values)
        assert status == 303
    with reading_session(city.engine) as session:
        kept = draft_of(application_by_number(session, number))
    assert [window.model_dump() for window in kept.hours] == [
        {"days": ["MON", "FRI"], "start": "09:00", "end": "17:00"}
    ]
    assert sent(client, f"/{number}/submit", version=version(city, number), comment="Please.")[0] == 303
    assert stored(city, number).state is ApplicationState.SUBMITTED


@pytest.mark.parametrize("step", STEPS)
def test_each_step_shows_what_is_stored(city: City, step: str) -> None:
    number = draft(city, safety_case=HOSTILE)
    page = city.logged_in(Role.OPERATOR_STAFF).get(f"/desk/applications/{number}/edit/{step}")
    assert page.status_code == 200
    assert HOSTILE not in page.text
    assert f'value="{version(city, number)}"' in page.text


def test_a_stale_step_is_told_and_shows_what_was_typed(city: City) -> None:
    number = draft(city)
    client = city.logged_in(Role.OPERATOR_STAFF)
    status, text = sent(client, f"/{number}/edit/safety", version="1", safety_case="Typed in vain?")
    assert status == 422
    assert "Typed in vain?" in text
    assert draft_of(stored(city, number)).safety_case == complete_draft().safety_case


def test_a_bad_window_is_told_in_its_row(city: City) -> None:
    number = draft(city)
    status, text = sent(
        city.logged_in(Role.OPERATOR_STAFF),
        f"/{number}/edit/terms",
        version=version(city, number),
        **{"hours.3.start": "09:00", "hours.3.end": "09:00"},
    )
    assert status == 422
    assert 'id="hours.0.end-problem"' in text


def test_hours_are_decided_by_windows_or_by_wanting_none(city: City) -> None:
    number = draft(city, hours=[], hours_decided=False)
    client = city.logged_in(Role.OPERATOR_STAFF)
    assert 'type="checkbox" id="hours_decided"' in client.get(f"/desk/applications/{number}/edit/terms").text
    terms = {"valid_from_ms": "2026-03-02T08:00", "valid_until_ms": "2026-09-01T00:00"}
    for decided, lacks in (({}, True), ({"hours_decided": "1"}, False), ({}, True), (WINDOW, False)):
        status, _text = sent(client, f"/{number}/edit/terms", version=version(city, number), **terms, **decided)
        assert status == 303
        assert draft_of(stored(city, number)).lacks_hours is lacks


def test_a_decided_application_has_no_form(city: City) -> None:
    number = waiting(city)
    client = city.logged_in(Role.OPERATOR_STAFF)
    assert client.get(f"/desk/applications/{number}/edit/zones").status_code == 303
    assert sent(client, f"/{number}/edit/zones", version=version(city, number), zones="QH-R-01")[0] in {303, 422}


def test_staff_write_and_managers_submit(city: City) -> None:
    number = draft(city)
    staff = city.logged_in(Role.OPERATOR_STAFF)
    assert sent(staff, f"/{number}/submit", version=version(city, number))[0] == 403
    assert "A manager of your organisation" in page_of(staff, number)


def page_of(client: FlaskClient, number: str) -> str:
    client.get("/lang/en")
    return client.get(f"/desk/applications/{number}").text


def test_another_operators_application_does_not_exist(city: City) -> None:
    number = draft(city)
    client = city.logged_in(SOUTH_MANAGER)
    assert client.get(f"/desk/applications/{number}").status_code == 404
    assert client.get(f"/desk/applications/{number}/edit/zones").status_code == 404
    assert sent(client, f"/{number}/edit/zones", version=version(city, number), zones="QH-R-01")[0] == 404
    assert number not in client.get("/desk/applications").text


# --- files ------------------------------------------------------------------------------------------


def upload(city: City, client: FlaskClient, number: str, content: bytes, name: str) -> int:
    """A form with a file, put together here: werkzeug's own keeps a large one in a file that it does not close."""
    fields = {"csrf_token": csrf_of(client), "version": version(city, number), "safety_case": "kept"}
    parts = [f'--x\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields.items()]
    parts.append(f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n')
    answer = client.post(
        f"/desk/applications/{number}/edit/safety",
        data="".join(parts).encode() + content + b"\r\n--x--\r\n",
        content_type="multipart/form-data; boundary=x",
    )
    return answer.status_code


def attachment(city: City) -> Attachment | None:
    with reading_session(city.engine) as session:
        return session.scalar(select(Attachment))


def test_a_file_is_saved_with_the_text_and_downloaded_as_a_file(city: City) -> None:
    number = draft(city)
    client = city.logged_in(Role.OPERATOR_MANAGER)
    assert upload(city, client, number, PDF, "../../方案\u202e.html") == 303
    found = attachment(city)
    assert found is not None
    assert found.file_name == "方案 .html.pdf"
    assert draft_of(stored(city, number)).safety_case == "kept"
    answer = client.get(f"/desk/attachments/{found.public_id}")
    assert answer.data == PDF
    assert answer.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''%E6%96%B9")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert city.logged_in(Role.REGULATOR).get(f"/desk/attachments/{found.public_id}").status_code == 200
    assert city.logged_in(SOUTH_MANAGER).get(f"/desk/attachments/{found.public_id}").status_code == 404
    assert city.client().get(f"/desk/attachments/{found.public_id}").status_code == 303


@pytest.mark.parametrize(
    "content",
    [
        b"MZ\x90\x00 program",
        b"<html><script>alert(1)</script>",
        archive(OFFICE | {"word/zeros.bin": bytes(30 * 2**20)}),
        b"",
    ],
)
def test_bad_files_are_refused_and_nothing_is_saved(city: City, content: bytes) -> None:
    number = draft(city)
    assert upload(city, city.logged_in(Role.OPERATOR_MANAGER), number, content, "plan.pdf") == 422
    assert attachment(city) is None
    assert draft_of(stored(city, number)).safety_case == complete_draft().safety_case


def test_a_file_beyond_the_limit_is_refused(city: City) -> None:
    number = draft(city)
    client = city.logged_in(Role.OPERATOR_MANAGER)
    assert upload(city, client, number, b"%PDF-" + bytes(20 * 2**20), "plan.pdf") == 422
    assert upload(city, client, number, b"%PDF-" + bytes(21 * 2**20), "plan.pdf") == 413
    assert attachment(city) is None


def test_a_file_can_be_removed_again(city: City) -> None:
    number = draft(city)
    client = city.logged_in(Role.OPERATOR_MANAGER)
    assert upload(city, client, number, PDF, "plan.pdf") == 303
    found = attachment(city)
    assert found is not None
    assert sent(client, f"/{number}/files/{found.public_id}/remove", version=version(city, number))[0] == 303
    assert attachment(city) is None


# --- review -----------------------------------------------------------------------------------------


def test_a_regulator_sees_the_queue_asks_for_changes_and_grants(city: City) -> None:
    number = waiting(city)
    regulator, operator = city.logged_in(Role.REGULATOR), city.logged_in(Role.OPERATOR_MANAGER)
    assert number in regulator.get("/desk/applications?queue=mine").text
    assert sent(regulator, f"/{number}/review", version=version(city, number))[0] == 303
    fields = {
        "comments.0.field": "zones",
        "comments.0.comment": f"Not this road. {HOSTILE}",
        "comments.1.field": "vehicles",
        "comments.1.comment": " ",
    }
    assert sent(regulator, f"/{number}/changes", version=version(city, number), reason="See below.", **fields)[0] == 303
    page = operator.get(f"/desk/applications/{number}/edit/zones").text
    assert "Not this road." in page
    assert HOSTILE not in page
    assert sent(operator, f"/{number}/submit", version=version(city, number))[0] == 303
    compared = regulator.get(f"/desk/applications/{number}/compare?before=1&after=2")
    assert compared.status_code == 200
    assert "接驳 (T-1)" in compared.text
    assert " (QH-R-01)" in compared.text
    terms = {
        "valid_from_ms": "2026-03-02T08:00",
        "valid_until_ms": "2026-05-01T00:00",
        "conditions.modes": ["autonomous", "manual"],
        "conditions.safety_officers": "onboard",
        "conditions.speed_cap_kmh": "20",
        "reason": "All is well.",
    }
    status, _text = sent(regulator, f"/{number}/grant", version=version(city, number), **terms)
    assert status == 303
    with reading_session(city.engine) as session:
        permit = application_by_number(session, number).permit
    assert permit is not None
    assert permit.number == "QH-2026-0001"


@pytest.mark.parametrize(("reader", "status"), [(Role.REGULATOR, 404), (Role.ADMINISTRATOR, 200), (Role.AUDITOR, 200)])
def test_until_it_is_submitted_who_decides_does_not_see_it(city: City, reader: Role, status: int) -> None:
    number, client = draft(city), city.logged_in(reader)
    pages = [f"/desk/applications/{number}", *(f"/api/v1/applications/{number}{rest}" for rest in ("", "/events"))]
    assert [client.get(page).status_code for page in pages] == [status] * 3
    assert (number in client.get("/desk/applications").text) is (status == 200)
    number = waiting(city)
    assert client.get(f"/api/v1/applications/{number}").status_code == 200


def test_a_draft_that_names_what_is_of_others_tells_nothing_of_it(city: City) -> None:
    with changing_session(city.engine) as session:
        south = session.scalars(select(Organisation).where(Organisation.code == "SOUTH")).one()
        licence = record_licence(
            session, officer_id="S-ON", organisation=south, expires_at_ms=NOON_MS + DAY_MS, now_ms=NOON_MS
        )
        licence.officer.name = "Somebody of South"
    number = draft(city, vehicles=["NORTH-R1", "SOUTH-R1"], officers=["N-ON", "S-ON"])
    page = city.logged_in(Role.OPERATOR_MANAGER).get(f"/desk/applications/{number}").text
    assert "/desk/vehicles/NORTH-R1" in page
    assert "/desk/vehicles/SOUTH-R1" not in page
    assert "Somebody of South" not in page


def test_a_bad_comment_is_told_at_its_field(city: City) -> None:
    number = waiting(city)
    fields = {"comments.4.field": "zones", "comments.4.comment": "x" * 2_001}
    status, text = sent(
        city.logged_in(Role.REGULATOR), f"/{number}/changes", version=version(city, number), reason="Long.", **fields
    )
    assert status == 422
    assert 'id="comments.4.comment-problem"' in text


def test_a_failed_gate_asks_for_the_reason_of_an_exception(city: City) -> None:
    number = waiting(city, stage=Stage.DEMONSTRATION)
    regulator = city.logged_in(Role.REGULATOR)
    assert 'name="exception_reason"' in regulator.get(f"/desk/applications/{number}/grant").text
    terms = {
        "valid_from_ms": "2026-03-02T08:00",
        "valid_until_ms": "2026-05-01T00:00",
        "conditions.modes": "autonomous",
        "conditions.safety_officers": "onboard",
        "reason": "All is well.",
    }
    status, text = sent(regulator, f"/{number}/grant", version=version(city, number), **terms)
    assert status == 422
    assert "All is well." in text
    terms["exception_reason"] = "Tested abroad."
    assert sent(regulator, f"/{number}/grant", version=version(city, number), **terms)[0] == 303


def test_a_decision_on_a_stale_page_is_told(city: City) -> None:
    number = waiting(city)
    seen = version(city, number)
    first, second = city.logged_in(Role.REGULATOR), city.logged_in(Role.REGULATOR)
    assert sent(first, f"/{number}/reject", version=seen, reason="No.")[0] == 303
    status, text = sent(second, f"/{number}/changes", version=seen, reason="Typed in vain?")
    assert status == 422
    assert "message is-bad" in text
    status, text = sent(second, f"/{number}/grant", version=seen, reason="No.")
    assert stored(city, number).state is ApplicationState.REJECTED


def test_regulators_decide_in_their_own_jurisdictions(city: City) -> None:
    number = waiting(city)
    client = city.logged_in(BAOAN_REGULATOR)
    assert client.get(f"/desk/applications/{number}").status_code == 200
    assert client.get(f"/desk/applications/{number}/grant").status_code == 403
    assert sent(client, f"/{number}/reject", version=version(city, number), reason="No.")[0] == 403


def test_an_operator_withdraws(city: City) -> None:
    number = waiting(city)
    client = city.logged_in(Role.OPERATOR_MANAGER)
    assert sent(client, f"/{number}/withdraw", version=version(city, number), reason="")[0] == 422
    assert sent(client, f"/{number}/withdraw", version=version(city, number), reason="Later.")[0] == 303
    assert stored(city, number).state is ApplicationState.WITHDRAWN


def test_incidents_are_reported_and_decided(city: City) -> None:
    client = city.logged_in(Role.OPERATOR_STAFF)
    fields = {
        "vehicle_id": "NORTH-R1",
        "jurisdiction": "QH",
        "occurred_at_ms": "2026-03-01T11:00",
        "kind": "collision",
        "harm": "damage",
        "summary": f"A bumper. {HOSTILE}",
    }
    answer = client.post("/desk/incidents/new", data={"csrf_token": csrf_of(client), **fields})
    assert answer.status_code == 303
    path = answer.headers["Location"]
    assert HOSTILE not in client.get(path).text
    regulator = city.logged_in(Role.REGULATOR)
    decided = {"csrf_token": csrf_of(regulator), "version": "1", "fault": "yes", "reason": "Seen on video."}
    assert regulator.post(f"{path}/fault", data=decided).status_code == 303
    assert regulator.post(f"{path}/fault", data=decided).status_code == 422
    assert city.logged_in(SOUTH_MANAGER).get(path).status_code == 404
    other = client.post("/desk/incidents/new", data={"csrf_token": csrf_of(client), **fields, "vehicle_id": "SOUTH-R1"})
    assert other.status_code == 422


# --- API --------------------------------------------------------------------------------------------


def test_an_application_through_the_api(city: City) -> None:
    client, manager, regulator = city.client(), city.bearer(Role.OPERATOR_MANAGER), city.bearer(Role.REGULATOR)
    begun_ = client.post("/api/v1/applications", json={"jurisdiction": "QH"}, headers=manager)
    assert begun_.status_code == 201
    url = f"/api/v1/applications/{begun_.json['number']}"
    assert {gap["code"] for gap in begun_.json["gaps"]} >= {"vehicles_missing", "zones_missing"}
    assert client.put(f"{url}/draft", json={"jurisdiction": "QH"}, headers=manager).status_code == 428

    def matched(etag: str, who: dict[str, str]) -> dict[str, str]:
        return {**who, "If-Match": etag}

    saved = client.put(
        f"{url}/draft",
        json=complete_draft().model_dump(mode="json"),
        headers=matched(begun_.headers["ETag"], manager),
    )
    assert saved.status_code == 200
    assert saved.json["gaps"] == []
    again = client.put(f"{url}/draft", json={"jurisdiction": "QH"}, headers=matched(begun_.headers["ETag"], manager))
    assert again.status_code == 412
    file = client.post(
        f"{url}/files",
        data={"file": (io.BytesIO(PDF), "plan.pdf")},
        headers=matched(saved.headers["ETag"], manager),
    )
    assert (file.status_code, file.json["media_type"]) == (201, "application/pdf")
    content = client.get(f"/api/v1/attachments/{file.json['id']}", headers=regulator)
    assert content.data == PDF
    handed_in = client.post(f"{url}/submission", json={}, headers=matched(file.headers["ETag"], manager))
    assert (handed_in.status_code, handed_in.json["state"]) == (200, "submitted")
    taken = client.post(f"{url}/review", headers=matched(handed_in.headers["ETag"], regulator))
    assert taken.json["state"] == "under_review"
    draft_ = complete_draft().model_dump(mode="json")
    decision = {name: draft_[name] for name in ("valid_from_ms", "valid_until_ms", "hours", "conditions")}
    granted = client.post(
        f"{url}/grant", json={**decision, "reason": "fine"}, headers=matched(taken.headers["ETag"], regulator)
    )
    assert (granted.status_code, granted.json["permit"]) == (200, "QH-2026-0001")
    late = client.post(f"{url}/rejection", json={"reason": "no"}, headers=matched(taken.headers["ETag"], regulator))
    assert late.status_code == 412
    assert [each["state"] for each in client.get(f"{url}/events", headers=manager).json["items"]] == [
        "draft",
        "submitted",
        "under_review",
        "granted",
    ]
    (revision,) = client.get(f"{url}/revisions", headers=manager).json["items"]
    assert revision["content"]["attachments"][0]["file_name"] == "plan.pdf"
    listed = client.get("/api/v1/applications?state=granted&limit=1", headers=regulator).json
    assert [each["number"] for each in listed["items"]] == [begun_.json["number"]]
    assert client.get("/api/v1/applications", headers=city.bearer(SOUTH_MANAGER)).json["items"] == []
    assert client.get(url, headers=city.bearer(SOUTH_MANAGER)).status_code == 404


def test_lists_go_on_where_the_page_before_ended(city: City) -> None:
    numbers = [draft(city) for _ in range(3)]
    client, headers = city.client(), city.bearer(Role.OPERATOR_STAFF)
    first = client.get("/api/v1/applications?limit=2", headers=headers).json
    assert [each["number"] for each in first["items"]] == numbers[:2]
    rest = client.get(f"/api/v1/applications?cursor={first['next_cursor']}", headers=headers).json
    assert ([each["number"] for each in rest["items"]], rest["next_cursor"]) == (numbers[2:], None)
    assert client.get("/api/v1/applications", headers=city.bearer(Role.REGULATOR)).json["items"] == []
