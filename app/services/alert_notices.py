"""From alerts to notices: new ones and such that nobody took care of, each told once, in few messages.

The first alerts of a minute are told at once; what follows of the same operator and severity is told
together when the minute is over. A flood of ten thousand makes two notices for each of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.audit import Subject
from app.database import in_parts
from app.models import (
    Alert,
    AlertTelling,
    Jurisdiction,
    Organisation,
    Permit,
    PermitRevisionRow,
    Vehicle,
    ZoneRevisionRow,
)
from app.services.notice_topics import alert_kind
from app.services.notices import notify
from telemetry.findings import Finding, Severity

#: How often it is looked for new alerts.
EVERY_S = 3.0
_MINUTE_MS = 60_000
#: An alert that is older when it is first seen, as after an upgrade or an outage, is no news.
_NEWS_MS = 86_400_000
#: Keys of alerts are given out in order, but not committed so: below the newest that was told, so many are looked at.
_OVERLAP_KEYS = 20_000
_NAMED_VEHICLES = 5


@dataclass(frozen=True, slots=True)
class _Untold:
    """What a notice says of one alert. `jurisdiction_id` is None where nobody can tell."""

    alert_id: int
    is_escalation: bool
    finding: Finding
    severity: Severity
    vehicle_id: str
    organisation_id: int
    jurisdiction_id: int | None

    @property
    def kind(self) -> str:
        return alert_kind(self.severity, is_escalation=self.is_escalation)


def is_any_alert_untold(session: Session, now_ms: int) -> bool:
    """Whether there is anything to tell: asked every few seconds."""
    return any(session.scalar(query.limit(1)) is not None for query in _untold_keys(session, now_ms).values())


def tell_of_alerts(session: Session, now_ms: int) -> None:
    """Tell operators, and regulators of the place, of what was not told; what has to wait for its minute waits."""
    groups: dict[tuple[str, int], list[_Untold]] = defaultdict(list)
    for alert in _untold(session, now_ms):
        groups[alert.kind, alert.organisation_id].append(alert)
    for (kind, organisation_id), alerts in groups.items():
        batch = f"{kind.removeprefix('alert.')}.{organisation_id}.{now_ms // _MINUTE_MS}"
        is_told_already = select(AlertTelling.alert_id).where(AlertTelling.batch == batch).limit(1)
        if session.scalar(is_told_already) is None:
            _tell(session, kind, batch, alerts, now_ms)


def _tell(session: Session, kind: str, batch: str, alerts: Sequence[_Untold], now_ms: int) -> None:
    taken = _take(session, batch, alerts)
    alerts = [alert for alert in alerts if alert.alert_id in taken]
    if not alerts:
        return
    operator = session.get_one(Organisation, alerts[0].organisation_id)
    subject = Subject("alerts", batch)
    told = notify(
        session,
        kind=kind,
        subject=subject,
        occasion="operator",
        params=_params(alerts, operator),
        now_ms=now_ms,
        organisation=operator,
    )
    if told is None:  # another process has told of others in this minute: these wait for the next
        _give_back(session, alerts)
        return
    for jurisdiction in session.scalars(select(Jurisdiction).order_by(Jurisdiction.id)):
        there = [alert for alert in alerts if alert.jurisdiction_id in {jurisdiction.id, None}]
        if there:
            notify(
                session,
                kind=kind,
                subject=subject,
                occasion=f"jurisdiction:{jurisdiction.id}",
                params=_params(there, operator),
                now_ms=now_ms,
                jurisdiction=jurisdiction,
            )


def _params(alerts: Sequence[_Untold], operator: Organisation) -> dict[str, Any]:
    """What app.web.notice_text makes a sentence of."""
    vehicles = sorted({alert.vehicle_id for alert in alerts})
    return {
        "count": len(alerts),
        "findings": dict(Counter(alert.finding.code for alert in alerts).most_common()),
        "vehicles": vehicles[:_NAMED_VEHICLES],
        "vehicle_count": len(vehicles),
        "operator": {"code": operator.code, "zh": operator.name_zh, "en": operator.name_en},
    }


def _untold_keys(session: Session, now_ms: int) -> Mapping[bool, Select[int]]:
    """The keys of alerts that were not told: new ones (False), and such that the platform escalated (True).

    Of what a person escalates that person's reason tells (app.services.alert_handling).
    """
    newest_told = session.scalar(select(func.max(AlertTelling.alert_id)).where(~AlertTelling.is_escalation)) or 0
    recent = and_(Alert.id > newest_told - _OVERLAP_KEYS, Alert.opened_at_ms > now_ms - _NEWS_MS)
    unattended = and_(Alert.closed_at_ms.is_(None), Alert.escalated_by_id.is_(None), Alert.resolved_at_ms.is_(None))
    escalated = and_(unattended, Alert.escalated_at_ms > now_ms - _NEWS_MS)
    return {
        is_escalation: select(Alert.id).where(
            which,
            ~select(AlertTelling.alert_id)
            .where(AlertTelling.alert_id == Alert.id, AlertTelling.is_escalation.is_(is_escalation))
            .exists(),
        )
        for is_escalation, which in ((False, recent), (True, escalated))
    }


def _untold(session: Session, now_ms: int) -> Iterable[_Untold]:
    by_code = {row.code: row.id for row in session.execute(select(Jurisdiction.code, Jurisdiction.id))}
    for is_escalation, keys in _untold_keys(session, now_ms).items():
        found = (
            select(
                Alert.id,
                Alert.finding,
                Alert.severity,
                Vehicle.vehicle_id,
                Vehicle.organisation_id,
                Permit.jurisdiction_id,
                ZoneRevisionRow.jurisdiction,
            )
            .join(Vehicle, Vehicle.id == Alert.vehicle_key)
            .outerjoin(PermitRevisionRow, PermitRevisionRow.id == Alert.permit_revision_id)
            .outerjoin(Permit, Permit.id == PermitRevisionRow.permit_id)
            .outerjoin(ZoneRevisionRow, ZoneRevisionRow.id == Alert.zone_revision_id)
            .where(Alert.id.in_(keys))
            .order_by(Alert.id)
        )
        for alert_id, finding, severity, vehicle_id, organisation_id, permit_place, zone_place in session.execute(
            found
        ):
            place = permit_place if permit_place is not None else by_code.get(zone_place)
            yield _Untold(alert_id, is_escalation, Finding(finding), severity, vehicle_id, organisation_id, place)


def _take(session: Session, batch: str, alerts: Sequence[_Untold]) -> set[int]:
    """Mark them as told; the keys of those that no other process had marked."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    insert = (sqlite if is_sqlite else postgresql).insert(AlertTelling)
    taken: set[int] = set()
    for part in in_parts(alerts):
        rows = [{"alert_id": each.alert_id, "is_escalation": each.is_escalation, "batch": batch} for each in part]
        marked = insert.on_conflict_do_nothing().returning(AlertTelling.alert_id)
        taken.update(session.scalars(marked, rows))
    return taken


def _give_back(session: Session, alerts: Collection[_Untold]) -> None:
    is_escalation = next(iter(alerts)).is_escalation
    for keys in in_parts(alert.alert_id for alert in alerts):
        mine = and_(AlertTelling.alert_id.in_(keys), AlertTelling.is_escalation.is_(is_escalation))
        session.execute(delete(AlertTelling).where(mine), execution_options={"synchronize_session": False})
