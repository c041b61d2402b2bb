"""When a notice may leave: quiet hours across midnight, digests, the chain, in the city's time."""

from __future__ import annotations

from datetime import datetime

import pytest

from app.calendar import CITY, wall_time
from app.models import Digest, NotificationChannel
from app.services.delivery_times import BACKOFFS_MS, QuietHours, due_on, next_attempt_ms

NIGHT, SIESTA = (22 * 60, 7 * 60), (12 * 60, 14 * 60)


def at(clock: str, day: int = 1) -> int:
    """A time in Beijing, March 2026."""
    hours, minutes = map(int, clock.split(":"))
    return round(datetime(2026, 3, day, hours, minutes, tzinfo=CITY).timestamp() * 1000)


def channel(quiet: tuple[int, int] | None = None, digest: Digest = Digest.NONE, delay: int = 0) -> NotificationChannel:
    begins, ends = quiet or (None, None)
    return NotificationChannel(
        quiet_from_minute=begins, quiet_until_minute=ends, digest=digest, delay_minutes=delay, topics=[]
    )


@pytest.mark.parametrize(
    ("quiet", "clock", "ends"),
    [
        (NIGHT, "21:59", None),
        (NIGHT, "22:00", "2 07:00"),
        (NIGHT, "23:59", "2 07:00"),
        (NIGHT, "00:00", "1 07:00"),
        (NIGHT, "06:59", "1 07:00"),
        (NIGHT, "07:00", None),
        (SIESTA, "11:59", None),
        (SIESTA, "12:00", "1 14:00"),
        (SIESTA, "13:59", "1 14:00"),
        (SIESTA, "14:00", None),
        ((22 * 60, 0), "23:00", "2 00:00"),
        ((0, 7 * 60), "00:00", "1 07:00"),
    ],
)
def test_quiet_hours(quiet: tuple[int, int], clock: str, ends: str | None) -> None:
    found = QuietHours(*quiet).end_ms(at(clock))
    assert (None if found is None else f"{wall_time(found):%-d %H:%M}") == ends


@pytest.mark.parametrize(
    ("of", "kind", "clock", "leaves"),
    [
        (channel(), "permit.issued", "12:34", "1 12:34"),
        (channel(NIGHT), "permit.issued", "23:00", "2 07:00"),
        (channel(NIGHT), "permit.revoked", "23:00", "1 23:00"),
        (channel(NIGHT), "alert.critical", "23:00", "1 23:00"),
        (channel(NIGHT), "alert.warning", "23:00", "2 07:00"),
        (channel(digest=Digest.HOURLY), "permit.issued", "12:00", "1 13:00"),
        (channel(digest=Digest.HOURLY), "permit.issued", "12:59", "1 13:00"),
        (channel(digest=Digest.DAILY), "permit.issued", "07:59", "1 08:00"),
        (channel(digest=Digest.DAILY), "permit.issued", "08:00", "2 08:00"),
        (channel(NIGHT, Digest.HOURLY), "permit.issued", "21:30", "2 07:00"),
        (channel((6 * 60, 9 * 60), Digest.DAILY), "permit.issued", "05:00", "1 09:00"),
        (channel(delay=10), "alert.critical", "12:00", "1 12:10"),
        (channel(delay=10), "alert.escalated", "12:00", "1 12:00"),
        (channel(delay=10), "permit.issued", "12:00", "1 12:00"),
        (channel(NIGHT, delay=10), "alert.warning", "21:55", "2 07:00"),
        (channel(NIGHT, delay=10), "alert.assigned_critical", "23:00", "1 23:00"),
        (channel(NIGHT, delay=10), "alert.assigned_warning", "12:00", "1 12:00"),
    ],
)
def test_when_a_notice_leaves(of: NotificationChannel, kind: str, clock: str, leaves: str) -> None:
    assert f"{wall_time(due_on(of, kind, at(clock))):%-d %H:%M}" == leaves


def test_waits_grow_and_end() -> None:
    waits = [next_attempt_ms(0, attempts) for attempts in range(1, 8)]
    assert waits[-1] is None
    for wait_ms, planned_ms in zip(waits[:-1], BACKOFFS_MS, strict=True):
        assert wait_ms is not None
        assert 0.9 * planned_ms <= wait_ms <= 1.1 * planned_ms
