"""The closed set of findings: one bit each, one row of documentation each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag, StrEnum


class Finding(IntFlag):
    """What can be found of a sample. Bits are stored: never renumber, only append."""

    PERMIT_MISSING = 1 << 0
    PERMIT_SUSPENDED = 1 << 1
    OUTSIDE_HOURS = 1 << 2
    OUTSIDE_AREA = 1 << 3
    RESTRICTED_AREA = 1 << 4
    ABOVE_CEILING = 1 << 5
    BELOW_FLOOR = 1 << 6
    OVERSPEED = 1 << 7
    MODE_NOT_PERMITTED = 1 << 8
    SAFETY_OFFICER_MISSING = 1 << 9
    REMOTE_RATIO_EXCEEDED = 1 << 10
    LICENCE_EXPIRED = 1 << 11
    CLOCK_SKEW = 1 << 12
    IMPLAUSIBLE_JUMP = 1 << 13
    LOW_ACCURACY = 1 << 14
    INDETERMINATE = 1 << 15
    PASSENGERS_NOT_PERMITTED = 1 << 16
    OFFICER_NOT_PERMITTED = 1 << 17
    SEPARATION = 1 << 18
    VERTIPORT_CONFLICT = 1 << 19
    LOW_BATTERY = 1 << 20
    LINK_LOST = 1 << 21
    TAKEOVER = 1 << 22
    MINIMAL_RISK = 1 << 23
    HARD_BRAKING = 1 << 24

    @property
    def code(self) -> str:
        """The stable public name of a single finding, e.g. `outside_area`."""
        return str(self.name).lower()


class Severity(StrEnum):
    """How an open alert is shown: notice grey, warning amber, critical red."""

    NOTICE = "notice"
    WARNING = "warning"
    CRITICAL = "critical"


class Nature(StrEnum):
    """What a finding says: a rule was broken, something happened, or the data are in doubt."""

    VIOLATION = "violation"
    OCCURRENCE = "occurrence"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class FindingRule:
    """Documentation and alert behaviour of one finding.

    An alert opens when at least `confirm_count` samples in a row show the finding (some that prove
    less count in part: telemetry.alerts) and the first and last of them are at least `confirm_ms`
    apart; it closes when at least `clear_count` in a row do not, at least `clear_ms` apart.
    Undecided samples neither count nor interrupt. No sample in `confirm_ms` (a count of 0) is silence.
    """

    finding: Finding
    nature: Nature
    severity: Severity
    reads: str
    source: str
    confirm_count: int
    confirm_ms: int
    clear_count: int
    clear_ms: int


@dataclass(frozen=True, slots=True)
class _Pace:
    """(count, milliseconds) to open and to close an alert, for findings of one nature."""

    confirm: tuple[int, int]
    clear: tuple[int, int]
    nature: Nature = Nature.VIOLATION


def _rule(finding: Finding, severity: Severity, reads: str, source: str, pace: _Pace) -> FindingRule:
    return FindingRule(finding, pace.nature, severity, reads, source, *pace.confirm, *pace.clear)


_NATIONAL = "China, 工信部联通装〔2021〕97号 (national rules for ICV road tests)"
_SHENZHEN = "Shenzhen ICV regulation of 2022"
_PLATFORM = "Pilotage, data quality"
_TRAFFIC = "EU 2021/664: traffic information; minima: Pilotage, configurable"
_APPROACH = "Pilotage, configurable"

_PLACE = _Pace((2, 1_000), (5, 4_000))
_TERM = _Pace((2, 1_000), (3, 2_000))
_DATA = _Pace((5, 4_000), (10, 10_000), Nature.DATA)
# Longer than a track needs to leave a wild first fix behind.
_JUMP = _Pace((10, 10_000), (10, 10_000), Nature.DATA)
_NEAR = _Pace((2, 1_000), (5, 4_000), Nature.OCCURRENCE)
# What happened, happened: one sample that says so is enough, and moments apart it is still the same.
_EVENT = _Pace((1, 0), (3, 2_000), Nature.OCCURRENCE)
# A reading that wavers about the limit is one episode.
_LEVEL = _Pace((5, 4_000), (30, 60_000), Nature.OCCURRENCE)
_SILENCE = _Pace((0, 30_000), (1, 0), Nature.OCCURRENCE)

RULES: dict[Finding, FindingRule] = {
    rule.finding: rule
    for rule in (
        _rule(Finding.PERMIT_MISSING, Severity.CRITICAL, "state and period", _NATIONAL, _TERM),
        _rule(Finding.PERMIT_SUSPENDED, Severity.CRITICAL, "state", "Guangdong 2022; sanctions ladder", _TERM),
        _rule(Finding.OUTSIDE_HOURS, Severity.WARNING, "daily windows", _NATIONAL, _TERM),
        _rule(Finding.OUTSIDE_AREA, Severity.CRITICAL, "zones", _NATIONAL + "; Beijing ordinance of 2024", _PLACE),
        _rule(
            Finding.RESTRICTED_AREA,
            Severity.CRITICAL,
            "none: binds every vehicle",
            "ED-269 PROHIBITED; California emergency geofence 2026",
            _PLACE,
        ),
        _rule(
            Finding.ABOVE_CEILING,
            Severity.CRITICAL,
            "zones' vertical band",
            "China: controlled airspace from 120 m true height; ASTM F3548-21",
            _PLACE,
        ),
        _rule(Finding.BELOW_FLOOR, Severity.WARNING, "zones' vertical band", "ASTM F3548-21", _PLACE),
        _rule(Finding.OVERSPEED, Severity.WARNING, "speed cap; speed_limit zones", _NATIONAL, _TERM),
        _rule(Finding.MODE_NOT_PERMITTED, Severity.WARNING, "allowed modes", _NATIONAL, _TERM),
        _rule(Finding.SAFETY_OFFICER_MISSING, Severity.CRITICAL, "safety officer", _SHENZHEN, _TERM),
        _rule(
            Finding.REMOTE_RATIO_EXCEEDED,
            Severity.WARNING,
            "vehicles per remote officer",
            "Ministry of Transport guide 2023 (no lower than 1:3, robotaxi)",
            _TERM,
        ),
        _rule(Finding.LICENCE_EXPIRED, Severity.WARNING, "none: licence of the named officer", _SHENZHEN, _TERM),
        _rule(Finding.CLOCK_SKEW, Severity.NOTICE, "none", "ASTM F3548-21: clocks within 5 s", _DATA),
        _rule(Finding.IMPLAUSIBLE_JUMP, Severity.NOTICE, "none", _PLATFORM, _JUMP),
        _rule(Finding.LOW_ACCURACY, Severity.NOTICE, "minimum accuracy", _PLATFORM, _DATA),
        _rule(Finding.INDETERMINATE, Severity.NOTICE, "the term that could not be read", _PLATFORM, _DATA),
        _rule(Finding.PASSENGERS_NOT_PERMITTED, Severity.CRITICAL, "passengers allowed", _NATIONAL, _TERM),
        _rule(Finding.OFFICER_NOT_PERMITTED, Severity.WARNING, "people named, or the holder's", _SHENZHEN, _TERM),
        _rule(Finding.SEPARATION, Severity.CRITICAL, "none: minima of the platform", _TRAFFIC, _NEAR),
        _rule(Finding.VERTIPORT_CONFLICT, Severity.WARNING, "none: the platform's", _APPROACH, _NEAR),
        _rule(Finding.LOW_BATTERY, Severity.WARNING, "none", _PLATFORM, _LEVEL),
        _rule(Finding.LINK_LOST, Severity.WARNING, "none", "MH/T 4053-2022 §6.2.2 (a report every 2 s)", _SILENCE),
        _rule(Finding.TAKEOVER, Severity.WARNING, "none", "GB 44497-2024 (takeover request)", _EVENT),
        _rule(Finding.MINIMAL_RISK, Severity.WARNING, "none", "GB 44497-2024 (minimal-risk manoeuvre)", _EVENT),
        _rule(Finding.HARD_BRAKING, Severity.NOTICE, "none", _PLATFORM, _EVENT),
    )
}

#: Told by the platform's clock and not by any sample, so that no replay of samples has it.
OF_SILENCE = Finding.LINK_LOST
#: Everything that a sample can show.
OF_SAMPLES = sum(int(finding) for finding in Finding if finding is not OF_SILENCE)
