"""From alerts to messages: told once, grouped by the minute, one place of the chain after another."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from sqlalchemy import insert, select, update

from app.audit import UNWATCHED
from app.chores import CHORES
from app.database import changing_session
from app.models import Alert, NotificationChannel, PermitRevisionRow, Role, Vehicle
from app.services.alert_handling import escalate_alert
from app.services.alerts import escalate_overdue_alerts
from app.services.notice_topics import severity_of, topic_of
from app.services.notices import notices_for
from app.services.organisations import register_organisation
from app.services.vehicles import register_vehicle
from app.web.notice_text import NOTICE_TEXTS
from telemetry.findings import Finding, Severity
from telemetry.samples import VehicleKind
from tests.app.outgoing.office import MINUTE, NOON, Office
from tests.app.outgoing.receivers import Receiver, answers, receiving
from tests.app.permit_cast import REGULATOR, person

_CHORE = next(chore for chore in CHORES if chore.name == "tell_of_alerts")


def opens(
    office: Office,
    count: int = 1,
    *,
    severity: Severity = Severity.CRITICAL,
    finding: Finding = Finding.OUTSIDE_AREA,
    vehicle_id: str = "N-1",
    has_permit: bool = True,
) -> None:
    """What a worker stores."""
    with changing_session(office.engine) as session:
        vehicle = session.scalars(select(Vehicle.id).where(Vehicle.vehicle_id == vehicle_id)).one()
        permit = session.scalars(select(PermitRevisionRow.id)).first() if has_permit else None
        stated = {
            "vehicle_key": vehicle,
            "finding": int(finding),
            "severity": severity,
            "opened_at_ms": office.now_ms,
            "first_seen_ms": office.now_ms,
            "last_seen_ms": office.now_ms,
            "permit_revision_id": permit,
            "lon": 113.9,
            "lat": 22.5,
        }
        newest = session.scalars(select(Alert.opened_seq).order_by(Alert.opened_seq.desc()).limit(1)).first() or 0
        session.execute(insert(Alert), [stated | {"opened_seq": newest + 1 + number} for number in range(count)])


def tells(office: Office) -> None:
    _CHORE.run(office.engine, office.now_ms)
    office.send()


def changes(office: Office, **values: object) -> None:
    with changing_session(office.engine) as session:
        session.execute(update(Alert).values(**values), execution_options={"synchronize_session": False})


def told(receiver: Receiver) -> list[tuple[str, int]]:
    """Kind and number of alerts of each notice, in the order in which they came."""
    found: Sequence[dict[str, object]] = [each for r in receiver.requests for each in json.loads(r.body)["notices"]]
    return [(str(each["kind"]), each["params"]["count"]) for each in found]  # type: ignore[index, misc]  # JSON


def test_an_alert_is_told_once_to_its_operator_and_the_regulators_of_the_permit(
    office: Office, receiver: Receiver
) -> None:
    office.channel(receiver.url)
    office.channel(receiver.url, of_city=True)
    opens(office)
    for _twice in range(2):
        tells(office)
        office.passes(MINUTE)
    assert told(receiver) == [("alert.critical", 1)] * 2
    params = json.loads(receiver.requests[0].body)["notices"][0]["params"]
    assert (params["findings"], params["vehicles"], params["vehicle_count"]) == ({"outside_area": 1}, ["N-1"], 1)


def test_an_alert_of_no_place_is_told_to_the_regulators_of_every_one(office: Office, receiver: Receiver) -> None:
    office.channel(receiver.url, of_city=True)
    opens(office, has_permit=False)
    tells(office)
    assert told(receiver) == [("alert.critical", 1)]


def test_nobody_else_is_told(office: Office, receiver: Receiver) -> None:
    with changing_session(office.engine) as session:
        other = register_organisation(session, code="SOUTH", name_zh="南", name_en="South", now_ms=NOON)
        register_vehicle(session, vehicle_id="S-1", kind=VehicleKind.ROAD, organisation=other, now_ms=NOON)
    office.channel(receiver.url)
    opens(office, vehicle_id="S-1")
    tells(office)
    assert not receiver.requests


def test_a_flood_is_a_handful_of_messages_and_nothing_of_it_is_lost(office: Office, receiver: Receiver) -> None:
    office.channel(receiver.url, minimum_severity="notice")
    opens(office)
    tells(office)
    opens(office, 6_000)
    opens(office, 4_000, severity=Severity.WARNING, finding=Finding.OVERSPEED, vehicle_id="N-2")
    for _ in range(5):
        office.passes(10_000)
        tells(office)
    assert told(receiver) == [("alert.critical", 1), ("alert.warning", 4_000)]
    office.passes(10_000)
    tells(office)
    assert told(receiver)[2:] == [("alert.critical", 6_000)]
    tells(office)
    assert len(receiver.requests) == 3


def test_a_channel_is_told_from_its_severity_on(office: Office, receiver: Receiver) -> None:
    office.channel(receiver.url, minimum_severity="warning")
    for severity in Severity:
        opens(office, severity=severity)
    tells(office)
    assert sorted(told(receiver)) == [("alert.critical", 1), ("alert.warning", 1)]


def test_the_page_lists_what_must_not_be_missed(office: Office) -> None:
    for severity in Severity:
        opens(office, severity=severity)
    tells(office)
    with changing_session(office.engine) as session:
        kinds = [notice.kind for notice, _ in notices_for(session, person(session, REGULATOR)).items]
    assert [kind for kind in kinds if kind.startswith("alert.")] == ["alert.critical"]


def test_what_is_a_day_old_when_it_arrives_is_no_news(office: Office, receiver: Receiver) -> None:
    office.channel(receiver.url)
    opens(office)
    office.passes(25 * 60 * MINUTE)
    tells(office)
    assert not receiver.requests


@pytest.mark.parametrize("how", ["acknowledged_at_ms", "resolved_at_ms", "closed_at_ms"])
def test_the_chain_stops_when_somebody_takes_care(office: Office, receiver: Receiver, how: str) -> None:
    with receiving(answers(200)) as second, receiving(answers(200)) as third:
        office.channel(receiver.url)
        office.channel(second.url, delay_minutes=5)
        office.channel(third.url, delay_minutes=10)
        opens(office)
        tells(office)
        assert (len(receiver.requests), len(second.requests)) == (1, 0)
        office.passes(5 * MINUTE)
        tells(office)
        assert (len(second.requests), len(third.requests)) == (1, 0)
        by = {how.replace("_at_ms", "_by_id"): office.reader(Role.REGULATOR).id} if "closed" not in how else {}
        changes(office, **{how: office.now_ms}, **by)
        office.passes(5 * MINUTE)
        tells(office)
        assert (len(second.requests), len(third.requests)) == (1, 0)
    assert not office.held()


def test_the_chain_goes_on_while_one_of_many_waits(office_on_each: Office) -> None:
    with receiving(answers(200)) as second:
        office_on_each.channel(second.url, delay_minutes=5)
        opens(office_on_each, 2)
        tells(office_on_each)
        with changing_session(office_on_each.engine) as session:
            first = session.scalars(select(Alert).order_by(Alert.id).limit(1)).one()
            first.closed_at_ms = office_on_each.now_ms
        office_on_each.passes(5 * MINUTE)
        tells(office_on_each)
        assert told(second) == [("alert.critical", 2)]


def test_an_escalation_is_told_and_what_a_person_escalates_reaches_the_whole_chain_at_once(office: Office) -> None:
    with receiving(answers(200)) as first, receiving(answers(200)) as later:
        office.channel(first.url)
        office.channel(later.url, delay_minutes=30)
        opens(office)
        tells(office)
        office.passes(6 * MINUTE)
        with changing_session(office.engine) as session:
            escalate_overdue_alerts(session, now_ms=office.now_ms, after_s=300)
        for _twice in range(2):
            tells(office)
            office.passes(MINUTE)
        assert told(first) == [("alert.critical", 1), ("alert.escalated_critical", 1)]
        assert not later.requests
        with changing_session(office.engine) as session:
            alert = session.scalars(select(Alert)).one()
            escalate_alert(
                session,
                alert.id,
                "nobody answers the telephone",
                expected_version=alert.version,
                actor=person(session, REGULATOR),
                now_ms=office.now_ms,
            )
        tells(office)
        (message,) = later.requests
        assert [each["kind"] for each in json.loads(message.body)["notices"]] == ["alert.escalated"]


def test_two_processes_tell_of_an_alert_once(office_on_each: Office, receiver: Receiver) -> None:
    """The second one finds it taken, whichever minute it believes it is in."""
    office_on_each.channel(receiver.url)
    opens(office_on_each)
    _CHORE.run(office_on_each.engine, office_on_each.now_ms)
    _CHORE.run(office_on_each.engine, office_on_each.now_ms + MINUTE)
    office_on_each.send()
    assert told(receiver) == [("alert.critical", 1)]


def test_every_kind_of_notice_has_a_topic_or_is_about_the_channels_themselves() -> None:
    without = {kind for kind in NOTICE_TEXTS if topic_of(kind) is None}
    assert without == {"channel.paused", "channel.disabled", "delivery.given_up"}
    assert severity_of("alert.escalated_notice") is Severity.NOTICE


def test_a_channel_is_no_row_that_changes_untold(office: Office, receiver: Receiver) -> None:
    office.channel(receiver.url)
    with pytest.raises(Exception, match="past the audit log"), changing_session(office.engine) as session:
        session.execute(update(NotificationChannel).values(enabled=False))
    assert set(UNWATCHED) == {"audit_unwatched"}
