"""Channels and messages, at the desk and over HTTP: whose they are, and what is shown of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from ipaddress import ip_network
from pathlib import Path

import pytest
from sqlalchemy import select

from app.audit import Subject
from app.database import changing_session
from app.models import AuditEntry, Jurisdiction, Organisation, Role
from app.outgoing.sender import DeliveryThread, carriers
from app.services.notices import notify
from app.web.notification_words import composer
from tests.app.outgoing.receivers import Receiver, answers, receiving
from tests.app.web.cast import BAOAN_REGULATOR, SOUTH_MANAGER, City, small_city
from tests.app.web.register_cast import Person, Program

_WAIT_S = 20.0
TERMS = {
    "name": "Control room",
    "kind": "webhook",
    "address": "https://hooks.example.com/in",
    "topics": ["alerts", "permits"],
    "enabled": True,
}
MAIL = {"kind": "email", "address": "duty@north.example"}
CHANNELS = "/notifications/channels"


@pytest.fixture
def city(tmp_path: Path, registry: Path) -> Iterator[City]:
    with small_city(tmp_path, registry, webhook_networks=(ip_network("127.0.0.0/8"),)) as city:
        yield city


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(answers(200, "thanks")) as receiver:
        yield receiver


def delivers(city: City) -> None:
    """What the web process does in the background, to its end."""
    thread = DeliveryThread(city.engine, city.time, composer(city.app, city.settings), carriers(city.settings))
    thread.step()
    thread.wait(_WAIT_S)


def test_a_channel_is_added_changed_and_told_without_its_secret(city: City) -> None:
    manager = Program(city, Role.OPERATOR_MANAGER)
    made = manager.send("POST", CHANNELS, TERMS)
    assert made.status_code == HTTPStatus.CREATED, made.text
    channel = made.get_json()
    secret, path = channel.pop("secret"), f"{CHANNELS}/{channel['channel_id']}"
    assert secret.startswith("whsec_")
    assert (channel["organisation"], channel["jurisdiction"], channel["minimum_severity"]) == ("NORTH", None, "warning")
    assert manager.get(path).get_json() == channel
    terms = {name: value for name, value in TERMS.items() if name != "kind"}
    changed = manager.change("PUT", path, terms | {"quiet_from": "22:00", "quiet_until": "07:00", "digest": "daily"})
    assert (changed.get_json()["quiet_from"], changed.get_json()["digest"]) == ("22:00", "daily")
    assert manager.send("PUT", path, terms, match='"1"').status_code == HTTPStatus.PRECONDITION_FAILED
    assert manager.send("PUT", path, terms).status_code == HTTPStatus.PRECONDITION_REQUIRED
    renewed = manager.change("POST", f"{path}/secret", seen=path)
    assert renewed.get_json()["secret"] not in {None, secret}
    told = manager.get(path).text + manager.get(CHANNELS).text + _audit(city)
    assert secret not in told
    assert renewed.get_json()["secret"] not in told


def test_whose_channels_these_are(city: City) -> None:
    manager, regulator = Program(city, Role.OPERATOR_MANAGER), Program(city, Role.REGULATOR)
    administrator, auditor = Program(city, Role.ADMINISTRATOR), Program(city, Role.AUDITOR)
    norths = manager.send("POST", CHANNELS, TERMS).get_json()["channel_id"]
    citys = regulator.send("POST", CHANNELS, TERMS | {"jurisdiction": "QH"}).get_json()["channel_id"]
    seen = {
        name: [each["channel_id"] for each in program.get(CHANNELS).get_json()["items"]]
        for name, program in (
            ("manager", manager),
            ("staff", Program(city, Role.OPERATOR_STAFF)),
            ("south", Program(city, SOUTH_MANAGER)),
            ("regulator", regulator),
            ("baoan", Program(city, BAOAN_REGULATOR)),
            ("administrator", administrator),
            ("auditor", auditor),
        )
    }
    assert seen == {
        "manager": [norths],
        "staff": [norths],
        "south": [],
        "regulator": [citys],
        "baoan": [],
        "administrator": [norths, citys],
        "auditor": [norths, citys],
    }
    for program, path in ((regulator, norths), (manager, citys), (Program(city, BAOAN_REGULATOR), citys)):
        assert program.get(f"{CHANNELS}/{path}").status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize(
    ("who", "owner", "status"),
    [
        (Role.OPERATOR_MANAGER, {}, 201),
        (Role.OPERATOR_MANAGER, {"organisation": "NORTH"}, 201),
        (Role.OPERATOR_MANAGER, {"organisation": "SOUTH"}, 403),
        (Role.OPERATOR_MANAGER, {"jurisdiction": "QH"}, 403),
        (Role.OPERATOR_STAFF, {}, 403),
        (Role.REGULATOR, {}, 422),
        (Role.REGULATOR, {"jurisdiction": "QH"}, 201),
        (Role.REGULATOR, {"jurisdiction": "BA"}, 403),
        (Role.REGULATOR, {"organisation": "NORTH"}, 403),
        (Role.ADMINISTRATOR, {"organisation": "NORTH"}, 201),
        (Role.ADMINISTRATOR, {"jurisdiction": "BA"}, 201),
        (Role.ADMINISTRATOR, {"organisation": "NORTH", "jurisdiction": "BA"}, 422),
        (Role.AUDITOR, {"organisation": "NORTH"}, 403),
    ],
)
def test_whom_a_channel_may_be_added_for(city: City, who: Role, owner: dict[str, str], status: int) -> None:
    assert Program(city, who).send("POST", CHANNELS, TERMS | owner).status_code == status


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"address": "https://10.0.0.1/"}, "address"),
        ({"address": "http://hooks.example.com/"}, "address"),
        ({**MAIL, "address": "duty@north"}, "address"),
        ({**MAIL, "address": "a@b.example, c@d.example"}, "address"),
        ({**MAIL, "address": "duty@north.example\r\nBcc: x@y.example"}, "address"),
        ({"topics": []}, "topics"),
        ({"topics": ["weather"]}, "topics.0"),
        ({"delay_minutes": -1}, "delay_minutes"),
        ({"quiet_from": "25:00", "quiet_until": "07:00"}, "quiet_from"),
        ({"quiet_from": "22:00"}, ""),
        ({"quiet_from": "22:00", "quiet_until": "22:00"}, ""),
    ],
)
def test_what_does_not_fit_is_told_at_its_field(city: City, terms: dict[str, object], field: str) -> None:
    answer = Program(city, Role.OPERATOR_MANAGER).send("POST", CHANNELS, TERMS | terms)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert field in {error["path"] for error in answer.get_json()["errors"]}


def test_a_notice_arrives_in_words_of_both_languages_with_a_link(city: City, receiver: Receiver) -> None:
    city.settings = replace(city.settings, public_url="https://pilots.example.cn")
    manager = Program(city, Role.OPERATOR_MANAGER)
    assert manager.send("POST", CHANNELS, TERMS | {"address": receiver.url}).status_code == HTTPStatus.CREATED
    with changing_session(city.engine) as session:
        north = session.scalars(select(Organisation).filter_by(code="NORTH")).one()
        notify(
            session,
            kind="permit.suspended",
            subject=Subject("permit", "QH-2026-0001"),
            occasion="2",
            params={"number": "QH-2026-0001", "reason": "事故"},
            now_ms=city.time(),
            organisation=north,
            jurisdiction=session.scalars(select(Jurisdiction).filter_by(code="QH")).one(),
        )
        notify(
            session,
            kind="alert.critical",
            subject=Subject("alerts", "critical.1.1"),
            occasion="operator",
            params={
                "count": 3,
                "findings": {"outside_area": 2, "overspeed": 1},
                "vehicles": ["NORTH-R1"],
                "vehicle_count": 2,
                "operator": {"code": "NORTH", "zh": "北方智行", "en": "North Mobility"},
            },
            now_ms=city.time(),
            organisation=north,
        )
    delivers(city)
    suspended, alert = json.loads(receiver.requests[0].body)["notices"]
    assert suspended["text"]["en"] == "Permit QH-2026-0001 was suspended: its vehicles must stop."
    assert "QH-2026-0001" in suspended["text"]["zh"]
    assert suspended["text"]["zh"] != suspended["text"]["en"]
    assert suspended["url"] == "https://pilots.example.cn/desk/permits/QH-2026-0001"
    assert (suspended["topic"], suspended["severity"]) == ("permits", "critical")
    assert (
        "Outside permitted area × 2, Overspeed – NORTH-R1 and 1 more vehicles (North Mobility)" in alert["text"]["en"]
    )
    assert "北方智行" in alert["text"]["zh"]


def test_a_webhook_is_added_tested_and_its_message_looked_at_in_a_browser(city: City, receiver: Receiver) -> None:
    manager = Person(city, Role.OPERATOR_MANAGER)
    assert "No channels yet" in manager.page("/desk/notifications")
    added = manager.send("/desk/notifications/new", TERMS | {"address": receiver.url, "enabled": "1"})
    assert added.status_code == HTTPStatus.OK, added.text
    assert re.search(r"<code>(whsec_[\w-]+)</code>", added.text)
    found = re.search(r"/desk/notifications/channels/CH-\w+", manager.page("/desk/notifications"))
    assert found is not None
    path = found[0]
    assert "whsec_" not in manager.page(path)
    tested = manager.send(f"{path}/test", {}, form_at=path)
    assert tested.status_code == HTTPStatus.SEE_OTHER
    assert "Waiting" in manager.page(tested.location)
    delivers(city)
    shown = manager.page(tested.location)
    assert "thanks" in shown
    assert "Sent" in shown
    again = manager.send(f"{path}/test", {}, form_at=path)
    assert again.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "wait a minute" in again.text
    assert "thanks" in manager.page("/desk/notifications/deliveries?state=sent")
    assert "thanks" not in manager.page("/desk/notifications/deliveries?state=given_up")


def test_a_form_shows_again_what_was_typed_and_what_is_wrong_with_it(city: City) -> None:
    manager = Person(city, Role.OPERATOR_MANAGER)
    refused = manager.send("/desk/notifications/new", TERMS | {"address": "https://192.168.0.1/hook"})
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "This is no public address" in refused.text
    assert "https://192.168.0.1/hook" in refused.text


def test_a_channel_is_switched_off_and_on_in_a_browser(city: City) -> None:
    manager = Person(city, Role.OPERATOR_MANAGER)
    added = manager.send("/desk/notifications/new", TERMS | MAIL | {"enabled": "1"})
    path = added.location
    terms = {name: value for name, value in (TERMS | MAIL).items() if name not in {"kind", "enabled"}}
    manager.send(f"{path}/edit", terms)
    assert "Send a test message" not in manager.page(path)
    refused = manager.send(f"{path}/test", {}, form_at=path)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "switched off" in refused.text
    manager.send(f"{path}/edit", terms | {"enabled": "1"})
    assert "Send a test message" in manager.page(path)


def test_a_message_that_failed_is_sent_again_by_hand(city: City) -> None:
    with receiving(answers(500, "closed for lunch"), answers(200)) as receiver:
        manager = Program(city, Role.OPERATOR_MANAGER)
        channel_id = manager.send("POST", CHANNELS, TERMS | {"address": receiver.url}).get_json()["channel_id"]
        sent = manager.send("POST", f"{CHANNELS}/{channel_id}/test").get_json()
        delivers(city)
        (failed,) = manager.get("/notifications/deliveries?state=failed").get_json()["items"]
        assert (failed["failure"], failed["answer_status"], failed["answer"]) == ("refused", 500, "closed for lunch")
        path = f"/notifications/deliveries/{sent['delivery_id']}/send-again"
        assert Program(city, SOUTH_MANAGER).send("POST", path).status_code == HTTPStatus.NOT_FOUND
        assert manager.send("POST", path).get_json()["state"] == "waiting"
        delivers(city)
        assert manager.send("POST", path).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert len(receiver.requests) == 2


def _audit(city: City) -> str:
    with changing_session(city.engine) as session:
        return str([(entry.before, entry.after) for entry in session.scalars(select(AuditEntry))])
