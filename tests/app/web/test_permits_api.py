from __future__ import annotations

from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from app.errors import SettingsError
from app.models import Role
from app.settings import Settings
from telemetry.ports import PermitState
from tests.app.web.cast import BAOAN_REGULATOR, SECRET, SOUTH_MANAGER, City, small_city
from tests.app.web.permit_scene import NUMBER, issue, newest

PATH = f"/api/v1/permits/{NUMBER}"
REASON = {"reason": "审查"}


def send(city: City, person: Role | str, path: str, body: dict[str, Any], etag: str | None = '"1"') -> Any:
    headers = city.bearer(person) | ({"If-Match": etag} if etag else {})
    return city.client().post(path, json=body, headers=headers)


def test_permits_are_listed_page_by_page_and_filtered(city: City) -> None:
    for number, holder in (("QH-2026-0001", "NORTH"), ("QH-2026-0002", "SOUTH"), ("QH-2026-0003", "NORTH")):
        issue(city, number, holder=holder)
    client, headers = city.client(), city.bearer(Role.AUDITOR)

    def listed(query: str) -> tuple[list[str], str | None]:
        body = client.get(f"/api/v1/permits?{query}", headers=headers).json
        assert body is not None
        return [item["number"][-1] for item in body["items"]], body["next_cursor"]

    first, cursor = listed("limit=2")
    assert first == ["1", "2"]
    assert listed(f"limit=2&cursor={cursor}") == (["3"], None)
    assert listed("standing=issued&limit=1")[0] == ["1"]
    assert listed("q=-0003") == (["3"], None)
    assert listed("holder=NORTH") == (["1", "3"], None)
    assert listed("standing=suspended") == ([], None)
    assert listed("stage=demonstration&jurisdiction=QH") == (["1", "2", "3"], None)
    own = client.get("/api/v1/permits", headers=city.bearer(SOUTH_MANAGER)).json
    assert own is not None
    assert [item["number"] for item in own["items"]] == ["QH-2026-0002"]
    assert (
        client.get("/api/v1/permits?standing=nonsense", headers=headers).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    )


def test_a_permit_is_read_with_its_etag(city: City) -> None:
    issue(city)
    answer = city.client().get(PATH, headers=city.bearer(Role.REGULATOR))
    assert answer.headers["ETag"] == '"1"'
    assert answer.json is not None
    assert answer.json["terms"]["conditions"]["speed_cap_mps"] == 15.0
    assert (answer.json["standing"], answer.json["terms"]["decision"]) == ("issued", "issued")
    headers = city.bearer(Role.REGULATOR) | {"If-None-Match": '"1"'}
    assert city.client().get(PATH, headers=headers).status_code == HTTPStatus.NOT_MODIFIED
    assert city.client().get(PATH, headers=city.bearer(SOUTH_MANAGER)).status_code == HTTPStatus.NOT_FOUND


def test_a_decision_needs_the_version_that_was_seen(city: City) -> None:
    issue(city)
    body = {"decision": "suspended"} | REASON
    assert send(city, Role.REGULATOR, f"{PATH}/decisions", body, None).status_code == HTTPStatus.PRECONDITION_REQUIRED
    first = send(city, Role.REGULATOR, f"{PATH}/decisions", body)
    assert (first.status_code, first.headers["ETag"], first.json["standing"]) == (HTTPStatus.OK, '"2"', "suspended")
    late = send(city, Role.REGULATOR, f"{PATH}/decisions", {"decision": "revoked"} | REASON)
    assert late.status_code == HTTPStatus.PRECONDITION_FAILED
    again = send(city, Role.REGULATOR, f"{PATH}/decisions", body, '"2"')
    assert (again.status_code, again.json["code"]) == (HTTPStatus.UNPROCESSABLE_ENTITY, "transition_not_allowed")


@pytest.mark.parametrize(
    ("person", "path", "status"),
    [
        (BAOAN_REGULATOR, "decisions", HTTPStatus.FORBIDDEN),
        (BAOAN_REGULATOR, "restriction", HTTPStatus.FORBIDDEN),
        (Role.OPERATOR_MANAGER, "decisions", HTTPStatus.FORBIDDEN),
        (Role.REGULATOR, "surrender", HTTPStatus.FORBIDDEN),
        (Role.OPERATOR_STAFF, "surrender", HTTPStatus.FORBIDDEN),
        (SOUTH_MANAGER, "surrender", HTTPStatus.NOT_FOUND),
        (Role.OPERATOR_MANAGER, "surrender", HTTPStatus.OK),
        (Role.REGULATOR, "restriction", HTTPStatus.OK),
    ],
)
def test_who_may_decide(city: City, person: Role | str, path: str, status: HTTPStatus) -> None:
    issue(city)
    extra = {"decisions": {"decision": "revoked"}, "restriction": {"speed_cap_kmh": 20}}.get(path, {})
    assert send(city, person, f"{PATH}/{path}", REASON | extra).status_code == status


def test_every_term_that_would_be_wider_is_named(city: City) -> None:
    issue(city)
    body = REASON | {"speed_cap_kmh": 90, "zones": ["QH-R-01", "QH-R-99"], "vehicles": ["NORTH-R1"]}
    answer = send(city, Role.REGULATOR, f"{PATH}/restriction", body)
    assert (answer.status_code, answer.json["code"]) == (HTTPStatus.UNPROCESSABLE_ENTITY, "wider_than_before")
    assert [error["path"] for error in answer.json["errors"]] == ["speed_cap_kmh", "zones"]
    assert newest(city).state is PermitState.ISSUED


@pytest.mark.parametrize("instant", ["00:00", "10:00", "24:00"])
def test_hours_that_end_when_they_begin_are_marked_at_their_end(city: City, instant: str) -> None:
    issue(city)
    body = REASON | {"hours": {"days": ["MON"], "start": instant, "end": instant}}
    answer = send(city, Role.REGULATOR, f"{PATH}/restriction", body)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert [(error["path"], error["code"]) for error in answer.json["errors"]] == [("hours.end", "window_empty")]


def test_the_history_names_decisions_and_people(city: City) -> None:
    issue(city)
    send(city, Role.REGULATOR, f"{PATH}/restriction", REASON | {"speed_cap_kmh": 20})
    body = city.client().get(f"{PATH}/revisions", headers=city.bearer(Role.OPERATOR_MANAGER)).json
    assert body is not None
    assert [(row["number"], row["decision"], row["decided_by"]) for row in body["items"]] == [
        (2, "restricted", "Regulator Person"),
        (1, "issued", "platform"),
    ]


def test_its_zones_are_geojson(city: City) -> None:
    issue(city)
    answer = city.client().get(f"{PATH}/zones", headers=city.bearer(Role.REGULATOR))
    assert answer.mimetype == "application/geo+json"
    assert [feature["id"] for feature in answer.get_json(force=True)["features"]] == ["QH-R-01"]


def test_the_notice_is_a_pdf(city: City) -> None:
    issue(city)
    answer = city.client().get(f"{PATH}/notice", headers=city.bearer(Role.OPERATOR_STAFF))
    assert answer.mimetype == "application/pdf"
    text = PdfReader(BytesIO(answer.data)).pages[0].extract_text().replace("\0", "")
    assert NUMBER in text
    assert f"http://localhost/verify/{NUMBER}" in text
    assert city.client().get(f"{PATH}/notice", headers=city.bearer(SOUTH_MANAGER)).status_code == HTTPStatus.NOT_FOUND


def test_the_qr_code_leads_to_where_the_public_reaches_the_platform(tmp_path: Path, registry: Path) -> None:
    with small_city(tmp_path, registry, public_url="https://pilots.example.cn/trials") as city:
        issue(city)
        document = city.client().get(f"{PATH}/notice", headers=city.bearer(Role.AUDITOR)).data
    text = PdfReader(BytesIO(document)).pages[0].extract_text().replace("\0", "")
    assert f"https://pilots.example.cn/trials/verify/{NUMBER}" in text


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("evil.example", "http://127.0.0.1:8000"),
        ("127.0.0.1.evil.example", "http://127.0.0.1:8000"),
        ("127.0.0.1:8123", "http://127.0.0.1:8123"),
        ("[::1]:8123", "http://[::1]:8123"),
    ],
)
def test_no_caller_chooses_where_the_qr_code_leads(city: City, host: str, base: str) -> None:
    issue(city)
    headers = {**city.bearer(Role.AUDITOR), "Host": host}
    document = city.client().get(f"{PATH}/notice", headers=headers).data
    text = PdfReader(BytesIO(document)).pages[0].extract_text().replace("\0", "")
    assert f"{base}/verify/{NUMBER}" in text


@pytest.mark.parametrize("url", ["ftp://x.cn", "pilots.example.cn", "https://", "https://x.cn/?a=1", "https://x.cn/#a"])
def test_an_unusable_public_address_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="PILOTAGE_PUBLIC_URL"):
        Settings.from_environment({"PILOTAGE_SECRET_KEY": SECRET, "PILOTAGE_PUBLIC_URL": url})


def test_notices_over_the_api(city: City) -> None:
    issue(city)
    client, headers = city.client(), city.bearer(Role.OPERATOR_STAFF)
    body = client.get("/api/v1/notices", headers=headers).json
    assert body is not None
    assert (body["unread"], body["next_cursor"]) == (1, None)
    notice = body["items"][0]
    assert (notice["kind"], notice["subject_id"], notice["read_at_ms"]) == ("permit.issued", NUMBER, None)
    read = client.post(f"/api/v1/notices/{notice['id']}/read", headers=headers).json
    assert read is not None
    assert read["read_at_ms"] == city.time()
    foreign = client.post(f"/api/v1/notices/{notice['id']}/read", headers=city.bearer(SOUTH_MANAGER))
    assert foreign.status_code == HTTPStatus.NOT_FOUND
    assert client.get("/api/v1/notices?cursor=x", headers=headers).status_code == HTTPStatus.UNPROCESSABLE_ENTITY


# --- verification -----------------------------------------------------------------------------

PUBLIC = f"/api/v1/public/permits/{NUMBER}"
SECRETS = ("NORTH-R1", "NORTH-E1", "粤B", "Person", "@", "regulator", "审查的秘密理由")


def test_anybody_learns_what_a_permit_is_worth_and_no_vehicle_or_person(city: City) -> None:
    issue(city, reason="审查的秘密理由")
    body = city.client().get(PUBLIC).json
    assert body == {
        "number": NUMBER,
        "standing": "issued",
        "stage": "demonstration",
        "holder": {"zh": "北方智行", "en": "North Mobility"},
        "jurisdiction": {"zh": "前海", "en": "Qianhai"},
        "valid_from_ms": city.time(),
        "valid_until_ms": city.time() + 100 * 86_400_000,
        "zones": [{"zh": "梦海大道", "en": "Menghai Avenue"}],
        "vehicle_count": None,
        "revision": 1,
        "revised_at_ms": city.time(),
    }
    for path in (PUBLIC, f"/verify/{NUMBER}"):
        text = city.client().get(path).text
        assert not [secret for secret in SECRETS if secret in text], path


def test_the_public_page_follows_a_decision_at_once_in_both_languages(city: City) -> None:
    issue(city)
    send(city, Role.REGULATOR, f"{PATH}/decisions", {"decision": "suspended", "reason": "审查的秘密理由"})
    for language in ("en", "zh_CN"):
        client = city.client()
        client.set_cookie("language", language)
        page = client.get(f"/verify/{NUMBER}").text
        assert "已暂停" in page
        assert "Suspended" in page
        assert "审查的秘密理由" not in page


def test_an_unknown_number_is_told(city: City) -> None:
    for number in ("QH-2026-9999", "' OR 1=1 --", "<script>alert(1)</script>", "x" * 500):
        answer = city.client().get("/verify/" + number.replace("/", "%2F"))
        assert answer.status_code == HTTPStatus.NOT_FOUND
        assert "<script>alert" not in answer.text
    assert city.client().get("/api/v1/public/permits/QH-2026-9999").status_code == HTTPStatus.NOT_FOUND


def test_the_form_leads_to_the_number(city: City) -> None:
    assert city.client().get("/verify?number=+QH-1+").location == "/verify/QH-1"
    assert city.client().get("/verify").status_code == HTTPStatus.OK
