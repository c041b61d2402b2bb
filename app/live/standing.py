"""Which alerts stand on the board: those that are open, and those that ended before anybody had seen them.

What ended unseen waits for a person however long that takes. Of each severity so many are kept, the
newest: a flood of remarks pushes no critical alert away. The others are in the record, and counted.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace

from app.live.things import Alert
from telemetry.findings import Severity
from telemetry.ports import Encounter

#: So many of each severity that ended unseen; more is no list for a person.
KEPT_ENDED = 500
#: Alerts that left are remembered, lest a redelivered message puts one back.
KEPT_GONE = 10_000
#: The oldest leave once there are so many times as many: not one at each end.
_SLACK = 1.2


class StandingAlerts:
    """Everything is idempotent: reports come in any order, any number of times. Not thread-safe."""

    def __init__(self, kept_ended: int = KEPT_ENDED) -> None:
        self._kept_ended = kept_ended
        self._open: dict[int, dict[str, Alert]] = {}
        self._ended: dict[Severity, dict[str, Alert]] = {severity: {} for severity in Severity}
        #: True: it is over and seen, for good. False: the database may tell of it again.
        self._gone: OrderedDict[str, bool] = OrderedDict()

    def __iter__(self) -> Iterator[Alert]:
        yield from self.open_alerts()
        for ended in self._ended.values():
            yield from list(ended.values())

    def open_alerts(self) -> list[Alert]:
        """Every alert that the judge has not ended."""
        return [alert for alerts in self._open.values() for alert in alerts.values()]

    def open_of(self, vehicle: int) -> list[Alert]:
        """Those of one vehicle, by its key."""
        return list(self._open.get(vehicle, {}).values())

    def merge(self, alert: Alert) -> Alert | None:
        """The alert with what was known of it; None when it says nothing new to readers."""
        key = alert.alert_id
        before = self._open.get(alert.vehicle, {}).get(key) or self._ended[alert.severity].get(key)
        if before is None and not self._is_welcome(key, alert):
            return None
        merged = _newer(before, alert)
        self._forget(key, merged)
        if not merged.stands:
            self._leave(key, for_good=True)
        elif merged.is_over:
            self._ended[merged.severity][key] = merged
        else:
            self._open.setdefault(merged.vehicle, {})[key] = merged
        return None if merged == before else merged

    def drop(self, alert: Alert) -> None:
        """Take it away although nobody has seen it: the database alone can bring it back."""
        key = alert.alert_id
        self._forget(key, alert)
        self._leave(key, for_good=False)

    def spill(self) -> list[Alert]:
        """Take away the oldest that ended unseen, where there are too many of a severity; those taken."""
        spilled = []
        for ended in self._ended.values():
            if len(ended) > self._kept_ended * _SLACK:
                oldest = sorted(ended.values(), key=lambda each: each.closed_at_ms or 0)
                spilled += oldest[: len(ended) - self._kept_ended]
        for alert in spilled:
            self.drop(alert)
        return spilled

    def is_behind(self, vehicle: int, alert_id: str, version: int) -> bool:
        """Whether people did something about the alert that is not known here."""
        if self._gone.get(alert_id, False):
            return False
        open_here = self._open.get(vehicle, {}).get(alert_id)
        known = open_here or next((ended[alert_id] for ended in self._ended.values() if alert_id in ended), None)
        return known is None or known.version < version

    def _is_welcome(self, key: str, alert: Alert) -> bool:
        """Of what left, the database may tell again what stands; the bus, which delivers twice, may not."""
        if key not in self._gone:
            if not alert.stands:
                self._leave(key, for_good=True)
            return alert.stands
        self._gone[key] |= not alert.stands
        return not self._gone[key] and alert.version > 0

    def _forget(self, key: str, alert: Alert) -> None:
        self._gone.pop(key, None)
        self._ended[alert.severity].pop(key, None)
        opened = self._open.get(alert.vehicle, {})
        opened.pop(key, None)
        if not opened:
            self._open.pop(alert.vehicle, None)

    def _leave(self, alert_id: str, *, for_good: bool) -> None:
        self._gone[alert_id] = for_good
        while len(self._gone) > KEPT_GONE:
            self._gone.popitem(last=False)


def _newer(before: Alert | None, alert: Alert) -> Alert:
    """Both reports in one: the bus knows the newest extension, the database what people did."""
    if before is None:
        return alert
    handled = before if before.version > alert.version else alert
    return replace(
        handled,
        last_seen_ms=max(before.last_seen_ms, alert.last_seen_ms),
        closed_at_ms=before.closed_at_ms or alert.closed_at_ms,
        encounter=_later(before.encounter, alert.encounter),
    )


def _later(before: Encounter | None, encounter: Encounter | None) -> Encounter | None:
    if before is None or encounter is None:
        return before or encounter
    return max(before, encounter, key=lambda each: each.last_seen_ms)
