"""What the duty screen reads of the database: alerts that people handle, and the samples of a trail."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import delete, select

from app.database import changing_session
from app.live.loading import alert_of
from app.live.things import Alert
from app.models import Alert as AlertRow
from app.models import AlertComment, EncounterRow, Sample
from app.services.alert_ids import alert_by_public_id
from telemetry.clock import system_clock
from telemetry.findings import RULES, Finding, Severity
from telemetry.samples import AltitudeDatum, Mode, SafetyOfficer
from tests.browser.scene import Actor, Scene

_MODES = (Mode.AUTONOMOUS, Mode.AUTONOMOUS, Mode.TAKEOVER, Mode.MANUAL, Mode.AUTONOMOUS)


def raise_alert(
    scene: Scene,
    actor: Actor,
    finding: Finding,
    age_ms: int = 0,
    met: EncounterRow | None = None,
    *,
    is_of_menghai: bool = True,
) -> str:
    """An alert as the worker leaves it, in the database and in the picture, with whom it met; its id."""
    at_ms = system_clock() - age_ms
    scene.seq += 1
    row = AlertRow(
        vehicle_key=actor.key,
        finding=int(finding),
        severity=RULES[finding].severity,
        opened_at_ms=at_ms,
        opened_seq=scene.seq,
        first_seen_ms=at_ms,
        last_seen_ms=at_ms,
        zone_revision_id=scene.zone_revision if is_of_menghai else None,
        lon=actor.line.coords[0][0],
        lat=actor.line.coords[0][1],
    )
    with changing_session(scene.engine) as session:
        session.add_all([row] if met is None else [row, met])
        session.flush()
        seen = replace(alert_of(row, met), version=0)  # the bus does not know it
    assert not scene.live.picture.observe_alerts([seen])
    return seen.alert_id


def met(one: Actor, other: Actor) -> EncounterRow:
    """Both as they are seen right after their alert: 320 m apart, and soon nearly at the same place."""
    now_ms = system_clock()
    return EncounterRow(
        vehicle_key=one.key,
        other_key=other.key,
        began_ms=now_ms - 2_000,
        last_seen_ms=now_ms + 1_000,
        horizontal_m=320.4,
        vertical_m=41.6,
        closest_at_ms=now_ms + 12_000,
        closest_horizontal_m=35.2,
        closest_vertical_m=8.0,
    )


def end_alert(scene: Scene, alert_id: str) -> None:
    """The vehicle complies again before anybody has looked."""
    with changing_session(scene.engine) as session:
        row = alert_by_public_id(session, alert_id)
        row.closed_at_ms = system_clock()
        session.flush()
        ended = alert_of(row)
    assert not scene.live.picture.observe_alerts([ended])


def flood(scene: Scene, count: int) -> None:
    """So many alerts at once, as the bus tells them: hundreds of each vehicle."""
    now_ms = system_clock()
    findings = (Finding.OUTSIDE_AREA, Finding.OVERSPEED, Finding.CLOCK_SKEW)
    for number in range(count):
        actor, finding = scene.actors[number % len(scene.actors)], findings[number % len(findings)]
        alert = Alert(
            vehicle=actor.key,
            finding=finding,
            severity=Severity(RULES[finding].severity),
            opened_at_ms=now_ms - number,
            opened_seq=number,
            last_seen_ms=now_ms,
            lon=113.9,
            lat=22.53,
        )
        assert not scene.live.picture.observe_alerts([alert])


def calm(scene: Scene) -> None:
    """No alert any more, neither here nor there."""
    scene.live.picture.reconcile([], {})
    with changing_session(scene.engine) as session:
        untold = {"audit_unwatched": True}
        session.execute(delete(AlertComment).execution_options(**untold))
        session.execute(delete(AlertRow))


def drive_back(scene: Scene, actor: Actor) -> None:
    """Ten minutes of samples, one a second, with a takeover on the way."""
    now_ms = system_clock()
    with changing_session(scene.engine) as session:
        if session.scalar(select(Sample).where(Sample.vehicle == actor.key).limit(1)) is not None:
            return
        for second in range(600):
            point = actor.line.interpolate(second / 600, normalized=True)
            session.add(
                Sample(
                    timestamp_ms=now_ms - (600 - second) * 1_000,
                    vehicle=actor.key,
                    seq=second,
                    received_ms=now_ms,
                    lon=point.x,
                    lat=point.y,
                    altitude_m=40.0 + second % 60,
                    altitude_datum=AltitudeDatum.AMSL,
                    heading_deg=10.0,
                    speed_mps=8.0 + second % 50 / 10,
                    mode=_MODES[second // 120],
                    safety_officer=SafetyOfficer.REMOTE,
                    officer_load=-1,
                    passengers=-1,
                    battery_percent=90.0 - second / 60,
                    verdict=0,
                    undecided=0,
                    late=0,
                    zone_revision=-1,
                    permit_revision=-1,
                    generation=1,
                )
            )
