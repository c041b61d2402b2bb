"""Every finding is documented once, and its rule makes sense."""

from __future__ import annotations

import pytest

from telemetry.findings import OF_SAMPLES, OF_SILENCE, RULES, Finding, Nature
from telemetry.samples import JudgedBatch


@pytest.mark.parametrize("finding", list(Finding))
def test_each_finding_has_one_rule(finding: Finding) -> None:
    rule = RULES[finding]
    assert rule.finding is finding
    assert rule.reads
    assert rule.source
    if rule.nature is not Nature.OCCURRENCE:
        assert rule.confirm_count >= 2, "one wild fix must not open an alert"
        assert rule.confirm_ms > 0
    assert rule.clear_count >= rule.confirm_count
    assert rule.clear_ms >= rule.confirm_ms or finding is OF_SILENCE


def test_silence_is_no_matter_of_samples() -> None:
    assert OF_SAMPLES & OF_SILENCE == 0
    assert sum(Finding) == OF_SAMPLES | OF_SILENCE


def test_bits_are_single_distinct_and_fit_the_column() -> None:
    bits = [int(finding) for finding in Finding]
    assert all(bit & (bit - 1) == 0 for bit in bits)
    assert len(set(bits)) == len(RULES) == len(bits)
    assert max(bits) < 2**31
    assert JudgedBatch.__annotations__["verdict"] == "Integers"


def test_codes_are_stable() -> None:
    assert Finding.OUTSIDE_AREA.code == "outside_area"
    assert [finding.code for finding in Finding] == [name.lower() for name in Finding.__members__]
