from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geofences.errors import InvalidZone
from geofences.schedule import DAYS, Activity, Schedule
from geofences.sun import SunEvent, sun_event

QIANHAI = {"lon": 113.9, "lat": 22.5}


def schedule(*windows: dict[str, Any], time_zone: str = "Asia/Shanghai", **more: Any) -> Schedule:
    return Schedule.from_dict({"time_zone": time_zone, "windows": list(windows), **more})


def window(start: Any, end: Any, *days: str) -> dict[str, Any]:
    return {"days": list(days or ["ANY"]), "start": start, "end": end}


def ms(text: str, time_zone: str = "Asia/Shanghai", fold: int = 0) -> int:
    local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(time_zone), fold=fold)
    return round(local.timestamp() * 1000)


def active(asked: Schedule, *instants: int) -> list[bool]:
    return list(asked.active(np.array(instants, dtype=np.int64)).tolist())


def test_a_plain_window_holds_its_start_and_not_its_end() -> None:
    day = schedule(window("07:00", "19:30"))
    start, end = ms("2024-11-21T07:00"), ms("2024-11-21T19:30")
    assert active(day, start - 1, start, end - 1, end) == [False, True, True, False]


def test_a_window_across_midnight_belongs_to_the_day_it_starts_on() -> None:
    night = schedule(window("22:00", "06:00", "THU"))  # 2024-11-21 is a Thursday
    instants = [
        ms(text)
        for text in (
            "2024-11-21T05:59",
            "2024-11-21T21:59",
            "2024-11-21T22:00",
            "2024-11-22T00:00",
            "2024-11-22T05:59",
            "2024-11-22T06:00",
            "2024-11-22T22:00",
        )
    ]
    assert active(night, *instants) == [False, False, True, True, True, False, False]


def test_a_whole_day_ends_at_24_00() -> None:
    whole = schedule(window("00:00", "24:00", "THU"))
    first, last = ms("2024-11-21T00:00"), ms("2024-11-22T00:00")
    assert active(whole, first - 1, first, last - 1, last) == [False, True, True, False]


def test_overlapping_and_adjoining_windows_are_one() -> None:
    joined = schedule(window("06:00", "12:00"), window("12:00", "14:00"), window("08:00", "09:00"))
    assert active(joined, ms("2024-11-21T11:59"), ms("2024-11-21T12:00"), ms("2024-11-21T09:00")) == [True] * 3


def test_no_windows_are_never_active() -> None:
    assert active(schedule(), ms("2024-11-21T12:00")) == [False]


def test_the_night_of_a_clock_change_is_one_window_of_7_or_9_hours() -> None:
    night = schedule(window("22:00", "06:00"), time_zone="Europe/Berlin")
    for start, end, hours in (
        ("2024-03-30T22:00", "2024-03-31T06:00", 7),
        ("2024-10-26T22:00", "2024-10-27T06:00", 9),
        ("2024-11-26T22:00", "2024-11-27T06:00", 8),
    ):
        first, last = ms(start, "Europe/Berlin"), ms(end, "Europe/Berlin")
        assert last - first == hours * 3_600_000
        assert active(night, first - 1, first, (first + last) // 2, last - 1, last) == [False, True, True, True, False]


def test_a_skipped_clock_time_means_the_instant_of_the_change() -> None:
    early = schedule(window("02:30", "05:00"), time_zone="Europe/Berlin")
    change = ms("2024-03-31T03:00", "Europe/Berlin")
    assert active(early, change - 1, change) == [False, True]
    assert active(schedule(window("01:00", "02:30"), time_zone="Europe/Berlin"), change - 1, change) == [True, False]


def test_a_repeated_clock_time_is_the_first_for_a_start_and_the_last_for_an_end() -> None:
    first, last = (ms("2024-10-27T02:30", "Europe/Berlin", fold=fold) for fold in (0, 1))
    assert last - first == 3_600_000
    late = schedule(window("02:30", "05:00"), time_zone="Europe/Berlin")
    assert active(late, first - 1, first) == [False, True]
    early = schedule(window("01:00", "02:30"), time_zone="Europe/Berlin")
    assert active(early, last - 1, last) == [True, False]


@pytest.mark.parametrize("event", list(SunEvent))
def test_sun_events_follow_the_sun(event: SunEvent) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    for day in (date(2024, 6, 21), date(2024, 12, 21)):
        instant = round(sun_event(event, **QIANHAI, on=day, zone=zone).timestamp() * 1000)
        shifted = schedule(window({"event": event.value, "offset_min": -15}, "23:59"), position=QIANHAI)
        assert active(shifted, instant - 900_001, instant - 900_000) == [False, True]


def test_daylight_in_qianhai_is_about_what_an_almanac_says() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    events = [sun_event(event, **QIANHAI, on=date(2024, 6, 21), zone=zone) for event in SunEvent]
    assert events == sorted(events)
    assert abs(events[1] - datetime(2024, 6, 21, 5, 40, tzinfo=zone)) < timedelta(minutes=5)
    assert abs(events[2] - datetime(2024, 6, 21, 19, 11, tzinfo=zone)) < timedelta(minutes=5)


def test_from_dusk_to_dawn_lasts_through_the_night() -> None:
    night = schedule(window({"event": "SS"}, {"event": "SR"}), position=QIANHAI)
    assert active(night, ms("2024-11-21T23:00"), ms("2024-11-22T03:00"), ms("2024-11-22T12:00")) == [True, True, False]


def test_a_sun_that_does_not_rise_leaves_the_schedule_undecided() -> None:
    polar = schedule(
        window({"event": "SR"}, {"event": "SS"}), time_zone="Europe/Oslo", position={"lon": 18.9, "lat": 69.6}
    )
    with pytest.raises(InvalidZone, match="no SR"):
        active(polar, ms("2024-12-21T12:00", "Europe/Oslo"))


def test_a_window_without_its_sun_event_is_unknown_and_the_others_stay_what_they_are() -> None:
    polar = schedule(
        window({"event": "SR"}, {"event": "SS"}),
        window("08:00", "09:00"),
        time_zone="Europe/Oslo",
        position={"lon": 18.9, "lat": 69.6},
    )
    instants = [ms(f"2024-12-21T{clock}", "Europe/Oslo") for clock in ("07:59", "08:30", "09:00")]
    activity = polar.activity(np.array(instants, dtype=np.int64)).tolist()
    assert activity == [Activity.UNKNOWN, Activity.OPEN, Activity.UNKNOWN]
    assert active(polar, instants[1]) == [True]
    day = polar.activity(np.array([ms(f"2024-03-21T{clock}", "Europe/Oslo") for clock in ("03:00", "12:00")]))
    assert day.tolist() == [Activity.CLOSED, Activity.OPEN]


def test_only_sun_events_leave_a_schedule_unknown() -> None:
    assert schedule(window({"event": "SR"}, "18:00"), position=QIANHAI).is_solar
    assert not schedule(window("08:00", "18:00")).is_solar


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 1439),
    st.integers(0, 1440),
    st.lists(st.sampled_from(DAYS), min_size=1),
    st.lists(st.integers(0, 60 * 24 * 400), min_size=1, max_size=40),
)
def test_where_clocks_never_change_it_is_plain_arithmetic(
    start: int, end: int, days: list[str], minutes: list[int]
) -> None:
    if start == end:
        return
    given_window = window(f"{start // 60:02d}:{start % 60:02d}", f"{end // 60:02d}:{end % 60:02d}", *days)
    first = ms("2024-01-01T00:00")  # a Monday
    chosen = {DAYS.index(day) for day in days}

    def expected(minute: int) -> bool:
        of_day, day = minute % 1440, minute // 1440
        if end > start:
            return start <= of_day < end and day % 7 in chosen
        return (of_day >= start and day % 7 in chosen) or (of_day < end and (day - 1) % 7 in chosen)

    asked = schedule(given_window)
    assert active(asked, *(first + minute * 60_000 for minute in minutes)) == [expected(one) for one in minutes]


def test_the_wire_form_reads_back_equal_and_hashes_equal() -> None:
    written = schedule(
        window("22:00", "06:00", "MON", "FRI"),
        window({"event": "BMCT", "offset_min": 10}, {"event": "EECT"}),
        position=QIANHAI,
    )
    again = Schedule.from_dict(written.to_dict())
    assert again == written
    assert hash(again) == hash(written)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"time_zone": "Asia/Nowhere", "windows": []},
        {"time_zone": "../etc/passwd", "windows": []},
        {"time_zone": "Asia/Shanghai"},
        {"time_zone": "Asia/Shanghai", "windows": [window("25:00", "26:00")]},
        {"time_zone": "Asia/Shanghai", "windows": [window("08:00", "08:00")]},
        {"time_zone": "Asia/Shanghai", "windows": [window("08:60", "09:00")]},
        {"time_zone": "Asia/Shanghai", "windows": [window("8", "09:00")]},
        {"time_zone": "Asia/Shanghai", "windows": [window("08:00", "09:00", "TODAY")]},
        {"time_zone": "Asia/Shanghai", "windows": [{"days": [], "start": "08:00", "end": "09:00"}]},
        {"time_zone": "Asia/Shanghai", "windows": [window({"event": "SR"}, "09:00")]},
        {"time_zone": "Asia/Shanghai", "windows": [window({"event": "NOON"}, "09:00")], "position": QIANHAI},
        {"time_zone": "Asia/Shanghai", "windows": [], "position": {"lon": 22.5, "lat": 113.9}},
        {"time_zone": "Asia/Shanghai", "windows": [5]},
    ],
)
def test_what_cannot_be_evaluated_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(InvalidZone):
        Schedule.from_dict(data)


def test_a_batch_over_many_days_answers_each_instant() -> None:
    day = schedule(window("07:00", "19:30"))
    instants = np.arange(ms("2024-01-01T00:00"), ms("2024-12-31T00:00"), 7_777_777, dtype=np.int64)
    plain = [
        7 <= (local := datetime.fromtimestamp(one / 1000, UTC) + timedelta(hours=8)).hour + local.minute / 60 < 19.5
        for one in instants.tolist()
    ]
    assert day.active(instants).tolist() == plain
