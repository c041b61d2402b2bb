from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from app.models import Role
from telemetry.ports import PermitState
from tests.app.web.cast import BAOAN_REGULATOR, SOUTH_MANAGER, City, csrf_of
from tests.app.web.permit_scene import NUMBER, issue, newest

PAGE = f"/desk/permits/{NUMBER}"
#: What the form of a restriction sends when nothing is unticked.
MEMBERS = {"vehicles": "NORTH-R1", "zones": "QH-R-01", "modes": "manual", "safety_officers": "onboard"}
HOSTILE = "<script>alert('x')</script>"


def post(client: FlaskClient, path: str, **fields: object) -> tuple[int, str]:
    answer = client.post(path, data={"csrf_token": csrf_of(client), **fields})
    return answer.status_code, answer.text


def test_the_list_shows_an_operator_its_own_permits_only(city: City) -> None:
    issue(city)
    issue(city, "QH-2026-0002", holder="SOUTH")
    assert {NUMBER, "QH-2026-0002"} <= set(
        re.findall(r"QH-2026-\d+", city.logged_in(Role.AUDITOR).get("/desk/permits").text)
    )
    own = city.logged_in(Role.OPERATOR_MANAGER).get("/desk/permits").text
    assert set(re.findall(r"QH-2026-\d+", own)) == {NUMBER}


def test_another_operators_permit_does_not_exist(city: City) -> None:
    issue(city)
    client = city.logged_in(SOUTH_MANAGER)
    for path in (PAGE, f"{PAGE}/compare", f"{PAGE}/notice.pdf", f"{PAGE}/driving"):
        assert client.get(path).status_code == 404, path
    assert post(client, f"{PAGE}/surrender", reason="theirs", seen=1)[0] == 404


def test_the_page_says_everything_in_both_languages(city: City) -> None:
    issue(city)
    for language in ("en", "zh_CN"):
        client = city.logged_in(Role.AUDITOR)
        client.set_cookie("language", language)
        page = client.get(PAGE).text
        assert {"54 公里/小时", "54 km/h"} <= {found for found in ("54 公里/小时", "54 km/h") if found in page}
        assert "NORTH-R1" in page
        assert "QH-R-01" in page
        assert "合格" in page


def test_the_page_counts_who_is_on_the_move(city: City) -> None:
    issue(city)
    client = city.logged_in(Role.REGULATOR)
    assert client.get(f"{PAGE}/driving").json == {"driving": 0, "of": 1}
    city.observe("NORTH-R1")
    city.observe("SOUTH-R1")
    assert client.get(f"{PAGE}/driving").json == {"driving": 1, "of": 1}


@pytest.mark.parametrize(
    ("person", "offered"),
    [
        (Role.REGULATOR, {"suspended", "revoked", "restriction"}),
        (BAOAN_REGULATOR, set()),
        (Role.OPERATOR_MANAGER, {"surrender"}),
        (Role.OPERATOR_STAFF, set()),
        (Role.ADMINISTRATOR, set()),
        (Role.AUDITOR, set()),
    ],
)
def test_decisions_are_offered_to_those_who_may_take_them(city: City, person: Role | str, offered: set[str]) -> None:
    issue(city)
    page = city.logged_in(person).get(PAGE).text
    found = set(re.findall(r'name="decision" value="(\w+)"', page))
    found |= {word for word in ("restriction", "surrender") if f"{PAGE}/{word}" in page}
    assert found == offered


def test_a_regulator_suspends_reinstates_and_revokes(city: City) -> None:
    issue(city)
    client = city.logged_in(Role.REGULATOR)
    states = []
    for seen, decision in enumerate(("suspended", "reinstated", "revoked"), 1):
        city.time.pass_ms(1_000)
        assert post(client, f"{PAGE}/decisions", decision=decision, reason="审查", seen=seen)[0] == 303
        states.append(newest(city).state)
    assert states == [PermitState.SUSPENDED, PermitState.ISSUED, PermitState.REVOKED]
    assert 'name="decision"' not in client.get(PAGE).text


def test_the_other_jurisdictions_regulator_may_not(city: City) -> None:
    issue(city)
    client = city.logged_in(BAOAN_REGULATOR)
    assert post(client, f"{PAGE}/decisions", decision="revoked", reason="no", seen=1)[0] == 403
    assert client.get(f"{PAGE}/restriction").status_code == 403
    assert newest(city).number == 1


def test_the_holder_gives_it_back(city: City) -> None:
    issue(city)
    assert post(city.logged_in(Role.OPERATOR_STAFF), f"{PAGE}/surrender", reason="done", seen=1)[0] == 403
    assert post(city.logged_in(Role.OPERATOR_MANAGER), f"{PAGE}/surrender", reason="done", seen=1)[0] == 303
    assert newest(city).state is PermitState.SURRENDERED


def test_a_stale_decision_is_refused_told_and_keeps_what_was_typed(city: City) -> None:
    issue(city)
    client = city.logged_in(Role.REGULATOR)
    client.set_cookie("language", "en")
    post(client, f"{PAGE}/decisions", decision="suspended", reason="first", seen=1)
    status, page = post(client, f"{PAGE}/decisions", decision="revoked", reason="typed with care", seen=1)
    assert status == 409
    assert "Somebody else has changed this meanwhile" in page
    assert "typed with care" in page
    assert newest(city).state is PermitState.SUSPENDED
    status, page = post(client, f"{PAGE}/decisions", decision="suspended", reason="once more", seen=2)
    assert status == 422
    assert "state does not allow" in page
    status, page = post(client, f"{PAGE}/restriction", reason="stale", speed_cap_kmh="20", seen=1, **MEMBERS)
    assert status == 409
    assert 'value="20"' in page


def test_a_decision_needs_a_reason(city: City) -> None:
    issue(city)
    client = city.logged_in(Role.REGULATOR)
    status, page = post(client, f"{PAGE}/decisions", decision="revoked", reason="  ", seen=1)
    assert status == 422
    assert 'id="revoked-reason-problem"' in page
    assert newest(city).number == 1


def test_a_restriction_is_read_from_its_form(city: City) -> None:
    issue(city)
    client = city.logged_in(Role.REGULATOR)
    form = client.get(f"{PAGE}/restriction").text
    assert "NORTH-R1" in form
    fields = {
        "reason": "事故后收紧",
        "seen": 1,
        "vehicles": "NORTH-R1",
        "zones": "QH-R-01",
        "modes": ["autonomous", "manual"],
        "safety_officers": "onboard",
        "speed_cap_kmh": "36",
        "passengers_allowed": "0",
        "hours.days": ["MON", "TUE"],
        "hours.start": "07:00",
        "hours.end": "19:00",
        "valid_until_ms": "2026-04-01T12:00",
    }
    assert post(client, f"{PAGE}/restriction", **fields)[0] == 303
    terms = newest(city).terms
    assert (terms["speed_cap_mps"], terms["passengers_allowed"], terms["modes"]) == (
        10.0,
        False,
        ["autonomous", "manual"],
    )
    assert terms["hours"]["windows"] == [{"days": ["MON", "TUE"], "start": "07:00", "end": "19:00"}]
    assert newest(city).valid_until_ms == 1_775_016_000_000


def test_a_wider_term_is_marked_at_its_field(city: City) -> None:
    issue(city)
    client = city.logged_in(Role.REGULATOR)
    client.set_cookie("language", "en")
    status, page = post(client, f"{PAGE}/restriction", reason="more", seen=1, speed_cap_kmh="100", **MEMBERS)
    assert status == 422
    assert "This would allow more than before" in page
    assert newest(city).number == 1


def test_revisions_are_compared(city: City) -> None:
    issue(city)
    client = city.logged_in(Role.REGULATOR)
    client.set_cookie("language", "en")
    post(client, f"{PAGE}/decisions", decision="suspended", reason="look", seen=1)
    page = client.get(f"{PAGE}/compare").text
    assert "<ins>Suspended</ins>" in page
    assert re.search(r"<td[^>]*>[^<(]+ \(QH-R-01\)</td>", page), "a zone is shown with its name"
    assert client.get(f"{PAGE}/compare?before=1&after=9").status_code == 404


def test_what_people_write_is_never_markup(city: City) -> None:
    issue(city, reason=HOSTILE)
    client = city.logged_in(Role.REGULATOR)
    post(client, f"{PAGE}/decisions", decision="suspended", reason=HOSTILE, seen=1)
    pages = [client.get(path).text for path in (PAGE, f"{PAGE}/compare", f"{PAGE}/restriction")]
    pages.append(city.logged_in(Role.OPERATOR_MANAGER).get("/desk/notices").text)
    assert not [page for page in pages if HOSTILE in page]
    assert "&lt;script&gt;" in pages[0]


# --- notices ----------------------------------------------------------------------------------


def test_the_bell_counts_and_reading_leads_to_the_permit(city: City) -> None:
    issue(city)
    client = city.logged_in(Role.OPERATOR_MANAGER)
    page = client.get("/desk/notices").text
    assert 'class="bell-count">1<' in page
    found = re.search(r"/desk/notices/(\d+)/read", page)
    assert found is not None
    answer = client.post(found[0], data={"csrf_token": csrf_of(client)})
    assert (answer.status_code, answer.location) == (303, PAGE)
    assert "bell-count" not in client.get("/desk/notices").text
    assert 'class="bell-count">1<' in city.logged_in(Role.OPERATOR_STAFF).get("/desk/notices").text, (
        "each for themselves"
    )


def test_a_notice_of_somebody_else_does_not_exist(city: City) -> None:
    issue(city)
    found = re.search(r"/desk/notices/(\d+)/read", city.logged_in(Role.OPERATOR_MANAGER).get("/desk/notices").text)
    assert found is not None
    client = city.logged_in(SOUTH_MANAGER)
    assert client.post(found[0], data={"csrf_token": csrf_of(client)}).status_code == 404


def test_everything_shown_is_marked_read_at_once(city: City) -> None:
    for number in range(1, 4):
        issue(city, f"QH-2026-000{number}")
    client = city.logged_in(Role.OPERATOR_MANAGER)
    newest_id = max(map(int, re.findall(r"/desk/notices/(\d+)/read", client.get("/desk/notices").text)))
    issue(city, "QH-2026-0004")
    assert post(client, "/desk/notices/read", up_to=newest_id)[0] == 303
    assert 'class="bell-count">1<' in client.get("/desk/notices").text
