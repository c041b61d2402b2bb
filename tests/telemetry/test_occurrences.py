"""What happens to vehicles: found, an episode each, and never a doubt about what a vehicle does not report."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from telemetry.findings import OF_SAMPLES, RULES, Finding, Nature
from telemetry.replay import judge_again
from tests.telemetry.cast import CAR, EVTOL, T0, message, payload, snapshot, world
from tests.telemetry.test_replay import stored_batches

OCCURRENCES = sum(int(finding) for finding, rule in RULES.items() if rule.nature is Nature.OCCURRENCE)


def verdict(who: Any = CAR, **said: Any) -> int:
    home = world()
    home.send(message(payload(1, T0, 500, 500, **said), who=who))
    row = home.row(1, who)
    assert row["undecided"] & OCCURRENCES == 0
    return int(row["verdict"] & OCCURRENCES)


@pytest.mark.parametrize(
    ("who", "said", "found"),
    [
        (CAR, {"mode": "autonomous"}, 0),
        (CAR, {"mode": "takeover"}, Finding.TAKEOVER),
        (CAR, {"mode": "minimal_risk"}, Finding.MINIMAL_RISK),
        (CAR, {"acceleration": -3.9}, 0),
        (CAR, {"acceleration": -4.0}, Finding.HARD_BRAKING),
        (EVTOL, {"acceleration": -9.0}, 0),
        (CAR, {"battery_percent": 10}, 0),
        (CAR, {"battery_percent": 9.9}, Finding.LOW_BATTERY),
        (EVTOL, {"battery_percent": 19}, Finding.LOW_BATTERY),
        (CAR, {"mode": None, "acceleration": None, "battery_percent": None}, 0),
    ],
)
def test_what_a_sample_shows(who: Any, said: dict[str, Any], found: int) -> None:
    assert verdict(who, **said) == found


def test_one_takeover_is_one_episode() -> None:
    home = world()
    modes = ["autonomous", "takeover", "takeover", "autonomous", "takeover", *["autonomous"] * 5, "takeover"]
    home.send(*(message(payload(i, T0 + i * 1000, 500, 500, mode=mode)) for i, mode in enumerate(modes, 1)))
    episodes = [alert for alert in home.store.alerts.values() if alert.finding is Finding.TAKEOVER]
    assert [alert.opened_seq for alert in episodes] == [2, 11]


def test_samples_judged_before_a_finding_existed_stay_as_they_were() -> None:
    home = world()
    before = OF_SAMPLES & ~int(Finding.TAKEOVER | Finding.HARD_BRAKING)
    home.registry.snapshots = [snapshot(generation=1), replace(snapshot(), findings=before)]
    home.registry.change(replace(snapshot(), findings=before))
    home.send(*(message(payload(i, T0 + i * 1000, 500, 500, mode="takeover")) for i in range(1, 4)))
    home.registry.change(snapshot())
    home.send(*(message(payload(i, T0 + i * 1000, 500, 500, mode="takeover")) for i in range(4, 7)))
    assert [home.row(i)["verdict"] & Finding.TAKEOVER for i in (3, 4)] == [0, Finding.TAKEOVER]
    alerts = list(home.store.alerts.values())
    assert [alert.opened_seq for alert in alerts if alert.finding is Finding.TAKEOVER] == [4]
    lost = replace(alerts[0], finding=Finding.LINK_LOST)
    assert list(judge_again(stored_batches(home), home.registry, [*alerts, lost])) == []
