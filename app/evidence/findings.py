"""What the samples of a bundle were found to show, as intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.evidence.track import Row, value_of
from telemetry.findings import Finding


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding in samples that follow each other; `is_decided` is false where it could not be decided."""

    code: str
    is_decided: bool
    first_ms: int
    last_ms: int
    samples: int


def shown_by(rows: Sequence[Row]) -> list[Shown]:
    """Every finding that is in a row of samples in the order of time, late ones included; by time, then by code."""
    found: list[Shown] = []
    for finding in Finding:
        for column, is_decided in (("verdict", True), ("undecided", False)):
            found += _runs(rows, finding, column, is_decided=is_decided)
    return sorted(found, key=lambda each: (each.first_ms, each.code, each.is_decided))


def _runs(rows: Sequence[Row], finding: Finding, column: str, *, is_decided: bool) -> list[Shown]:
    runs: list[Shown] = []
    first_ms, last_ms, count = 0, 0, 0
    for row in rows:
        if value_of(row, column) & finding:
            last_ms = value_of(row, "timestamp_ms")
            first_ms = first_ms if count else last_ms
            count += 1
        elif count:
            runs.append(Shown(finding.code, is_decided, first_ms, last_ms, count))
            count = 0
    return [*runs, Shown(finding.code, is_decided, first_ms, last_ms, count)] if count else runs
