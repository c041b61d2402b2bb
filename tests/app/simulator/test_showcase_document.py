"""docs/showcase.md lists every scripted breach as it is scripted."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.simulator.breaches import SCRIPTS, Script

DOCUMENT = Path(__file__).parents[3] / "docs" / "showcase.md"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.vehicle_id)
def test_each_breach_is_described(script: Script) -> None:
    row = f"| :{script.starts_s:02} | {script.lasts_s} s | `{script.finding.code}` | {script.vehicle_id} | "
    assert row in DOCUMENT.read_text("utf-8")
