"""What is remembered of remote officers stays bounded, whatever vehicles name."""

from __future__ import annotations

from telemetry.officers import MAX_OFFICERS, OfficerRoster


def test_officers_named_longest_ago_give_way() -> None:
    roster = OfficerRoster()
    for number in range(MAX_OFFICERS + 5):
        roster.keep({f"SO-{number}": {1: number}})
        roster.keep({"SO-regular": {2: number}})
    assert len(roster._seen) == MAX_OFFICERS
    assert "SO-regular" in roster._seen
    assert "SO-0" not in roster._seen
