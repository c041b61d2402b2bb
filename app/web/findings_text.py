"""Names and descriptions of findings, in both languages: the one place where they are worded.

A test fails when a Finding has no text here.
"""

from __future__ import annotations

from dataclasses import dataclass

from telemetry.findings import Finding


@dataclass(frozen=True, slots=True)
class Wording:
    """A short name and one sentence, in one language."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class FindingText:
    """The wording of one finding in Simplified Chinese and in English."""

    zh: Wording
    en: Wording

    def wording(self, language: str) -> Wording:
        """The wording in `language` (`zh` or `en`)."""
        return self.zh if language == "zh" else self.en


def _text(zh: tuple[str, str], en: tuple[str, str]) -> FindingText:
    return FindingText(Wording(*zh), Wording(*en))


FINDING_TEXTS: dict[Finding, FindingText] = {
    Finding.PERMIT_MISSING: _text(
        ("无有效许可", "该车辆此刻没有生效的试点许可。"),
        ("No permit", "The vehicle holds no permit in force at this time."),
    ),
    Finding.PERMIT_SUSPENDED: _text(
        ("许可已暂停", "该车辆的许可已被暂停，不得继续运行。"),
        ("Permit suspended", "The vehicle's permit is suspended; it must not operate."),
    ),
    Finding.OUTSIDE_HOURS: _text(
        ("超出许可时段", "在许可规定的每日时段之外运行。"),
        ("Outside permitted hours", "Operating outside the daily windows of the permit."),
    ),
    Finding.OUTSIDE_AREA: _text(
        ("驶出许可区域", "位置在许可的道路、区域或航路之外。"),
        ("Outside permitted area", "The position is outside the roads, areas or corridors of the permit."),
    ),
    Finding.RESTRICTED_AREA: _text(
        ("进入禁行区", "进入了对所有车辆和航空器生效的禁行区。"),
        ("In a restricted area", "Inside a restricted area that binds every vehicle and aircraft."),
    ),
    Finding.ABOVE_CEILING: _text(
        ("超出高度上限", "飞行高度高于航路或起降场的上限。"),
        ("Above the ceiling", "Flying higher than the corridor or vertiport allows."),
    ),
    Finding.BELOW_FLOOR: _text(
        ("低于高度下限", "飞行高度低于航路的下限。"),
        ("Below the floor", "Flying lower than the corridor allows."),
    ),
    Finding.OVERSPEED: _text(
        ("超速", "速度超过许可或限速区规定的上限。"),
        ("Overspeed", "Faster than the permit or the speed-limit zone allows."),
    ),
    Finding.MODE_NOT_PERMITTED: _text(
        ("驾驶模式未获许可", "当前驾驶模式不在许可范围内。"),
        ("Mode not permitted", "The current driving mode is not among those permitted."),
    ),
    Finding.SAFETY_OFFICER_MISSING: _text(
        ("缺少安全员", "许可要求的安全员不在位。"),
        ("Safety officer missing", "The safety officer that the permit requires is not in place."),
    ),
    Finding.REMOTE_RATIO_EXCEEDED: _text(
        ("远程安全员超配", "一名远程安全员同时负责的车辆超过许可数量。"),
        (
            "Too many vehicles per remote officer",
            "One remote safety officer looks after more vehicles than permitted.",
        ),
    ),
    Finding.LICENCE_EXPIRED: _text(
        ("资格证照过期", "在岗安全员或驾驶员的资格证照已过期。"),
        ("Licence expired", "The licence of the safety officer or pilot on duty has expired."),
    ),
    Finding.CLOCK_SKEW: _text(
        ("车载时钟偏差", "车载时钟与平台时间相差过大。"),
        ("Clock skew", "The vehicle's clock differs too much from the platform's."),
    ),
    Finding.IMPLAUSIBLE_JUMP: _text(
        ("位置跳变", "相邻两次位置的变化在物理上不可能。"),
        ("Implausible jump", "Two positions in a row that no vehicle could connect."),
    ),
    Finding.LOW_ACCURACY: _text(
        ("定位精度不足", "上报的定位精度低于许可要求。"),
        ("Low accuracy", "The reported position accuracy is worse than the permit requires."),
    ),
    Finding.INDETERMINATE: _text(
        ("无法判定", "数据不足，无法判定是否合规。"),
        ("Cannot be judged", "The data do not suffice to tell whether the vehicle complies."),
    ),
    Finding.PASSENGERS_NOT_PERMITTED: _text(
        ("未获准载客", "许可不允许载客，但车上有乘客。"),
        ("Passengers not permitted", "Passengers are on board although the permit does not allow any."),
    ),
    Finding.OFFICER_NOT_PERMITTED: _text(
        ("人员未获许可", "在岗安全员或驾驶员不在许可列名的人员之内，或不属于许可持有单位。"),
        (
            "Person not permitted",
            "The safety officer or pilot on duty is not one of those the permit names, or is not the holder's.",
        ),
    ),
    Finding.SEPARATION: _text(
        ("间隔不足", "与另一航空器的间隔小于最低值，或即将小于最低值。"),
        ("Too close", "Another aircraft is closer than the minima, or will be if both go on as they do."),
    ),
    Finding.VERTIPORT_CONFLICT: _text(
        ("起降场冲突", "在有车辆行驶的测试道路上方进近起降场。"),
        ("Approach over traffic", "Approaching a vertiport above a test road with vehicles on it."),
    ),
    Finding.LOW_BATTERY: _text(
        ("电量过低", "航空器剩余电量低于20%，或道路车辆低于10%。"),
        ("Low battery", "Less than 20 % of charge left in an aircraft, or 10 % in a road vehicle."),
    ),
    Finding.LINK_LOST: _text(
        ("链路中断", "运行中的车辆不再有新的数据上报。"),
        ("Link lost", "A vehicle under way is not heard of any more."),
    ),
    Finding.TAKEOVER: _text(
        ("人工接管", "有人从自动驾驶系统接管了车辆。"),
        ("Takeover", "Somebody took over from the automation."),
    ),
    Finding.MINIMAL_RISK: _text(
        ("最小风险操作", "自动驾驶系统正在将车辆带入最小风险状态。"),
        ("Minimal-risk manoeuvre", "The automation is bringing the vehicle into a state of least risk."),
    ),
    Finding.HARD_BRAKING: _text(
        ("急刹车", "道路车辆以4 m/s²或更大的减速度制动。"),
        ("Hard braking", "A road vehicle slowed down by 4 m/s² or more."),
    ),
}
