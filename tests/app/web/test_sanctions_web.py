"""The ladder of sanctions at the desk and over HTTP: who may do what, and what becomes of the permit."""

from __future__ import annotations

from typing import Any

import pytest

from app.database import changing_session
from app.models import Role, SanctionStep
from app.services.permits import permit_by_number
from app.services.sanctions import open_sanction
from telemetry.ports import PermitState
from tests.app.web.cast import BAOAN_REGULATOR, DAY_MS, SOUTH_MANAGER, City, csrf_of
from tests.app.web.permit_scene import NUMBER, issue, newest

LIST = "/api/v1/sanctions"
OPENING = {"permit": NUMBER, "step": "suspend", "reason": "驶入禁行区"}
REASON = {"reason": "听证后决定"}


def send(city: City, person: Role | str, path: str, body: dict[str, Any], etag: str | None = None) -> Any:
    headers = city.bearer(person) | ({"If-Match": etag} if etag else {})
    return city.client().post(path, json=body, headers=headers)


def opened(city: City, step: str = "suspend") -> str:
    issue(city)
    return str(send(city, Role.REGULATOR, LIST, OPENING | {"step": step}).json["sanction_id"])


def noticed(city: City, number: str) -> None:
    notice = {"reason": "拟暂停", "hearing_at_ms": city.time() + DAY_MS}
    assert send(city, Role.REGULATOR, f"{LIST}/{number}/notice", notice, '"1"').status_code == 200


def test_a_suspension_is_heard_decided_appealed_and_ruled_upon(city: City) -> None:
    number = opened(city)
    noticed(city, number)
    decided = send(city, Role.REGULATOR, f"{LIST}/{number}/decision", REASON, '"2"')
    assert (decided.status_code, decided.json["state"]) == (200, "in_force")
    assert newest(city).state is PermitState.SUSPENDED
    appealed = send(city, Role.OPERATOR_MANAGER, f"{LIST}/{number}/appeal", REASON, decided.headers["ETag"])
    assert appealed.json["state"] == "appealed"
    ruling = {"reason": "复核", "outcome": "overturned"}
    own = send(city, Role.REGULATOR, f"{LIST}/{number}/ruling", ruling, appealed.headers["ETag"])
    assert (own.status_code, newest(city).state) == (403, PermitState.SUSPENDED)


@pytest.mark.parametrize(
    ("person", "status"),
    [(BAOAN_REGULATOR, 403), (Role.OPERATOR_MANAGER, 403), (Role.AUDITOR, 403), (Role.ADMINISTRATOR, 403)],
)
def test_only_regulators_of_the_jurisdiction_decide(city: City, person: Role | str, status: int) -> None:
    number = opened(city)
    for path, body in (
        (LIST, OPENING),
        (f"{LIST}/{number}/decision", REASON),
        (f"{LIST}/{number}/dismissal", REASON),
    ):
        assert send(city, person, path, body, '"1"').status_code == status


def test_an_operator_sees_what_it_was_told_of(city: City) -> None:
    number = opened(city)

    def seen(person: Role | str) -> tuple[int, int, bool]:
        client, headers = city.client(), city.bearer(person)
        listed = client.get(LIST, headers=headers).json
        assert listed is not None
        page = city.logged_in(person).get("/desk/sanctions").text
        return client.get(f"{LIST}/{number}", headers=headers).status_code, len(listed["items"]), number in page

    assert seen(Role.OPERATOR_MANAGER) == (404, 0, False)
    assert seen(Role.AUDITOR) == (200, 1, True)
    noticed(city, number)
    assert seen(Role.OPERATOR_MANAGER) == (200, 1, True)
    assert seen(SOUTH_MANAGER) == (404, 0, False)


def test_what_has_changed_since_is_not_decided(city: City) -> None:
    number = opened(city)
    noticed(city, number)
    path = f"{LIST}/{number}/decision"
    assert send(city, Role.REGULATOR, path, REASON, '"1"').status_code == 412
    assert send(city, Role.REGULATOR, path, REASON).status_code == 428
    assert newest(city).state is PermitState.ISSUED


def test_a_restriction_at_the_desk_names_what_would_be_wider(city: City) -> None:
    number = opened(city, "restrict")
    client = city.logged_in(Role.REGULATOR)
    path = f"/desk/sanctions/{number}/decision"
    page = client.get(path).text
    assert 'name="restriction.speed_cap_kmh"' in page
    members = {"vehicles": "NORTH-R1", "zones": "QH-R-01", "modes": "manual", "safety_officers": "onboard"}
    sent = {f"restriction.{name}": value for name, value in members.items()} | REASON | {"version": "1"}
    wider = client.post(path, data={"csrf_token": csrf_of(client), **sent, "restriction.speed_cap_kmh": "90"})
    assert wider.status_code == 422
    assert 'value="90"' in wider.text
    assert "restriction.speed_cap_kmh-problem" in wider.text
    taken = client.post(path, data={"csrf_token": csrf_of(client), **sent, "restriction.speed_cap_kmh": "36"})
    assert (taken.status_code, newest(city).terms["speed_cap_mps"]) == (303, 10.0)


@pytest.mark.parametrize("step", ["warn", "restrict", "suspend", "revoke"])
def test_the_page_offers_what_can_be_done_next(city: City, step: str) -> None:
    number = opened(city, step)
    regulator, manager = city.logged_in(Role.REGULATOR), city.logged_in(Role.OPERATOR_MANAGER)
    page = regulator.get(f"/desk/sanctions/{number}").text
    assert {word for word in ("notice", "decision", "dismissal", "appeal", "ruling") if f"{number}/{word}" in page} == {
        "notice",
        "decision",
        "dismissal",
    }
    assert f"{number}/notice" not in city.logged_in(BAOAN_REGULATOR).get(f"/desk/sanctions/{number}").text
    body = REASON | ({"restriction": {"stage": "road_test"}} if step == "restrict" else {})
    assert send(city, Role.REGULATOR, f"{LIST}/{number}/decision", body, '"1"').status_code == 200
    assert f"{number}/appeal" in manager.get(f"/desk/sanctions/{number}").text
    assert f"{number}/decision" not in regulator.get(f"/desk/sanctions/{number}").text


def test_a_bad_form_is_shown_again_with_what_was_typed(city: City) -> None:
    issue(city)
    client = city.logged_in(Role.REGULATOR)
    path = f"/desk/sanctions/new/{NUMBER}"
    assert NUMBER in client.get(path).text
    bad = client.post(path, data={"csrf_token": csrf_of(client), "reason": "无步骤"})
    assert (bad.status_code, "无步骤" in bad.text) == (422, True)
    good = client.post(path, data={"csrf_token": csrf_of(client), **OPENING})
    assert good.status_code == 303
    late = client.post(
        f"{good.headers['Location']}/notice",
        data={"csrf_token": csrf_of(client), "version": "1", "reason": "太晚", "hearing_at_ms": "2020-01-01T09:00"},
    )
    assert (late.status_code, "太晚" in late.text) == (422, True)


def test_the_grounds_of_a_proposal_lead_to_the_record(city: City) -> None:
    issue(city)
    grounds = [{"type": "alert", "id": "A-1-2", "at_ms": 1}, {"type": "directive", "id": "D-3", "at_ms": 2}]
    with changing_session(city.engine) as session:
        permit, step = permit_by_number(session, NUMBER), SanctionStep.WARN
        sanction = open_sanction(session, permit, step, reason="", now_ms=city.time(), actor=None, grounds=grounds)
        number = sanction.sanction_id
    page = city.logged_in(Role.REGULATOR).get(f"/desk/sanctions/{number}").text
    assert 'href="/duty?alert=A-1-2"' in page
    assert 'href="/desk/directives/D-3"' in page
