"""The words of permits in both languages: a document says everything twice, whoever reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from app.calendar import CITY_ZONE
from app.models import Stage
from app.schemas.permits import Standing
from app.services.conditions import Conditions
from app.services.decisions import shown_kmh
from app.services.permit_life import Decision
from geofences.schedule import ClockTime, Moment, Schedule, Window
from geofences.sun import SunEvent
from telemetry.samples import Mode, SafetyOfficer

_WEEK = 7
_E = TypeVar("_E", bound=Enum)


@dataclass(frozen=True, slots=True)
class Words:
    """The same in Simplified Chinese and in English."""

    zh: str
    en: str

    def said(self, language: str) -> str:
        """In `language` (`zh` or `en`)."""
        return self.zh if language == "zh" else self.en


STAGES: Mapping[Stage, Words] = {
    Stage.ROAD_TEST: Words("道路测试", "Road test"),
    Stage.DEMONSTRATION: Words("示范应用", "Demonstration"),
    Stage.DRIVERLESS_TEST: Words("无人测试", "Driverless test"),
    Stage.COMMERCIAL_PILOT: Words("商业化试点", "Commercial pilot"),
    Stage.FLIGHT_TEST: Words("试飞", "Flight test"),
    Stage.ROUTE_PROVING: Words("航线验证", "Route proving"),
    Stage.COMMERCIAL_ROUTE: Words("商业航线", "Commercial route"),
}
STANDINGS: Mapping[Standing, Words] = {
    Standing.UPCOMING: Words("尚未生效", "Not yet in force"),
    Standing.ISSUED: Words("有效", "In force"),
    Standing.SUSPENDED: Words("已暂停", "Suspended"),
    Standing.EXPIRED: Words("已到期", "Expired"),
    Standing.REVOKED: Words("已撤销", "Revoked"),
    Standing.SURRENDERED: Words("已交回", "Surrendered"),
}
DECISIONS: Mapping[Decision, Words] = {
    Decision.ISSUED: Words("签发", "Issued"),
    Decision.RESTRICTED: Words("限制", "Restricted"),
    Decision.EXTENDED: Words("延期", "Extended"),
    Decision.AMENDED: Words("变更", "Amended"),
    Decision.SUSPENDED: Words("暂停", "Suspended"),
    Decision.REINSTATED: Words("恢复", "Reinstated"),
    Decision.SURRENDERED: Words("交回", "Surrendered"),
    Decision.REVOKED: Words("撤销", "Revoked"),
    Decision.EXPIRED: Words("到期", "Expired"),
}
MODES: Mapping[Mode, Words] = {
    Mode.AUTONOMOUS: Words("自动驾驶", "autonomous"),
    Mode.MANUAL: Words("人工驾驶", "manual"),
    Mode.REMOTE: Words("远程驾驶", "remote"),
    Mode.TAKEOVER: Words("人工接管", "takeover"),
    Mode.MINIMAL_RISK: Words("最小风险策略", "minimal-risk manoeuvre"),
}
OFFICERS: Mapping[SafetyOfficer, Words] = {
    SafetyOfficer.ONBOARD: Words("车上（机上）在岗", "on board"),
    SafetyOfficer.REMOTE: Words("远程在岗", "remote"),
    SafetyOfficer.NONE: Words("可不配备", "none needed"),
}
DAYS = tuple(
    Words(zh, en)
    for zh, en in zip(
        ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
        ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
        strict=True,
    )
)
SUN: Mapping[SunEvent, Words] = {
    SunEvent.BMCT: Words("民用晨光始", "morning twilight"),
    SunEvent.SR: Words("日出", "sunrise"),
    SunEvent.SS: Words("日落", "sunset"),
    SunEvent.EECT: Words("民用昏影终", "evening twilight"),
}
_NO_BOUND = Words("不另行限定", "no further bound")


def condition_terms(conditions: Conditions) -> list[tuple[Words, Words]]:
    """Every condition of a permit with its name."""
    ratio = conditions.vehicles_per_remote_officer
    allowed = Words("允许", "allowed") if conditions.passengers_allowed else Words("不允许", "not allowed")
    return [
        (Words("时段", "Hours"), hours(conditions.hours)),
        (Words("最高速度", "Speed cap"), _speed(conditions.speed_cap_mps)),
        (Words("驾驶模式", "Driving modes"), _listed(MODES, conditions.modes)),
        (Words("安全员", "Safety officer"), _listed(OFFICERS, conditions.safety_officers)),
        (
            Words("每名远程安全员最多负责", "Vehicles for each remote officer"),
            _NO_BOUND if ratio is None else Words(f"{ratio} 辆（架）", f"at most {ratio}"),
        ),
        (Words("载客", "Passengers"), allowed),
        (Words("定位精度", "Positioning accuracy"), _accuracy(conditions.minimum_accuracy_m)),
    ]


def _speed(speed_mps: float | None) -> Words:
    if speed_mps is None:
        return _NO_BOUND
    kmh = f"{shown_kmh(speed_mps):g}"
    return Words(f"{kmh} 公里/小时", f"{kmh} km/h")


def _accuracy(accuracy_m: float | None) -> Words:
    return _NO_BOUND if accuracy_m is None else Words(f"{accuracy_m:g} 米以内", f"{accuracy_m:g} m or better")


def hours(schedule: Schedule | None) -> Words:
    """The windows of a schedule."""
    if schedule is None:
        return Words("全天", "at any time")
    if not schedule.windows:
        return Words("不得运行", "never")
    windows = [_window(window) for window in schedule.windows]
    zone = _elsewhere(schedule.time_zone)
    return Words("；".join(each.zh for each in windows) + zone.zh, "; ".join(each.en for each in windows) + zone.en)


def _elsewhere(time_zone: str) -> Words:
    return Words("", "") if time_zone == CITY_ZONE else Words(f"（{time_zone}）", f" ({time_zone})")


def _window(window: Window) -> Words:
    days, start, end = _days(window.days), _moment(window.start), _moment(window.end)
    next_day = _ends_next_day(window.start, window.end)
    return Words(
        f"{days.zh} {start.zh}–{'次日 ' if next_day else ''}{end.zh}",
        f"{days.en} {start.en}–{end.en}{' (next day)' if next_day else ''}",
    )


def _ends_next_day(start: Moment, end: Moment) -> bool:
    return isinstance(start, ClockTime) and isinstance(end, ClockTime) and end.minutes <= start.minutes


def _days(days: Sequence[int]) -> Words:
    if len(days) == _WEEK:
        return Words("每天", "every day")
    first, last = DAYS[days[0]], DAYS[days[-1]]
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:  # noqa: PLR2004 -- two days are named, not spanned
        return Words(f"{first.zh}至{last.zh}", f"{first.en} to {last.en}")
    return Words("、".join(DAYS[day].zh for day in days), ", ".join(DAYS[day].en for day in days))


def _moment(moment: Moment) -> Words:
    if isinstance(moment, ClockTime):
        text = f"{moment.minutes // 60:02d}:{moment.minutes % 60:02d}"
        return Words(text, text)
    event, offset_min = SUN[moment.event], moment.offset_min
    if not offset_min:
        return event
    side_zh, side_en = ("后", "after") if offset_min > 0 else ("前", "before")
    return Words(f"{event.zh}{side_zh} {abs(offset_min)} 分钟", f"{abs(offset_min)} min {side_en} {event.en}")


def _listed(words: Mapping[_E, Words], chosen: Iterable[_E]) -> Words:
    found = [words[each] for each in words if each in set(chosen)]
    return Words("、".join(each.zh for each in found), ", ".join(each.en for each in found))
