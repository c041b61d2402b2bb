"""When a notice may leave, and when a message is tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

from app.calendar import day_of, start_of_day_ms, wall_time
from app.models import Digest, NotificationChannel
from app.services.notice_topics import is_chained, severity_of
from telemetry.findings import Severity

_MINUTE_MS = 60_000
_HOUR_MS = 3_600_000
#: A daily digest leaves at this minute of the city's day, when offices open.
DAILY_AT_MINUTE = 8 * 60
_MINUTES_A_DAY = 24 * 60
#: How long after each failure in turn; after the last the message is given up.
BACKOFFS_MS = (10_000, 30_000, 120_000, 600_000, 3_600_000, 21_600_000)
#: Waits are stretched and shrunk by up to this part, so that a receiver that comes back is not met by all at once.
_JITTER = 0.1


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one minute of the city's day up to another; an end that is earlier is on the next day."""

    from_minute: int
    until_minute: int

    def end_ms(self, time_ms: int) -> int | None:
        """When they are over, if it is quiet at this time."""
        wall = wall_time(time_ms)
        minute = wall.hour * 60 + wall.minute
        if self.from_minute <= self.until_minute:
            is_quiet = self.from_minute <= minute < self.until_minute
        else:
            is_quiet = minute >= self.from_minute or minute < self.until_minute
        return _next_at_ms(time_ms, self.until_minute) if is_quiet else None


def quiet_hours_of(channel: NotificationChannel) -> QuietHours | None:
    """A channel's quiet hours, if it has any."""
    if channel.quiet_from_minute is None or channel.quiet_until_minute is None:
        return None
    return QuietHours(channel.quiet_from_minute, channel.quiet_until_minute)


def due_on(channel: NotificationChannel, kind: str, now_ms: int) -> int:
    """When a notice of now may leave on the channel, in milliseconds UTC.

    An alert waits for the channel's place in the chain; then what is critical waits for nothing more.
    """
    begins_ms = now_ms + channel.delay_minutes * _MINUTE_MS if is_chained(kind) else now_ms
    if severity_of(kind) is Severity.CRITICAL:
        return begins_ms
    collected_ms = _collected_until_ms(begins_ms, channel.digest)
    quiet = quiet_hours_of(channel)
    quiet_end_ms = quiet.end_ms(collected_ms) if quiet is not None else None
    return collected_ms if quiet_end_ms is None else quiet_end_ms


def next_attempt_ms(now_ms: int, attempts: int) -> int | None:
    """When a message that failed so often is tried again; None: it is given up."""
    if attempts > len(BACKOFFS_MS):
        return None
    return now_ms + round(BACKOFFS_MS[attempts - 1] * random.uniform(1 - _JITTER, 1 + _JITTER))


def _collected_until_ms(time_ms: int, digest: Digest) -> int:
    if digest is Digest.HOURLY:
        return (time_ms // _HOUR_MS + 1) * _HOUR_MS
    return _next_at_ms(time_ms, DAILY_AT_MINUTE) if digest is Digest.DAILY else time_ms


def _next_at_ms(time_ms: int, minute: int) -> int:
    """The next time that the city's clocks show this minute of the day, later than `time_ms`."""
    today = day_of(time_ms)
    at_ms = start_of_day_ms(today) + minute % _MINUTES_A_DAY * _MINUTE_MS
    return (
        at_ms if at_ms > time_ms else start_of_day_ms(today + timedelta(days=1)) + minute % _MINUTES_A_DAY * _MINUTE_MS
    )
