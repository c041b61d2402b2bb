"""Speed, altitude, mode and findings over time, as one drawing in SVG that needs no library to be seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from app.documents.wording import MODES, OFFICERS, Words
from app.evidence.findings import Shown
from app.evidence.moments import city_clock
from app.evidence.scope import Scope
from app.evidence.track import Row, value_of
from app.units import kmh_of
from app.web.findings_text import FINDING_TEXTS
from telemetry.findings import Finding
from telemetry.samples import Mode, SafetyOfficer

_WIDTH, _LEFT, _RIGHT = 1000, 190, 14
_PANEL, _LANE, _GAP, _TOP = 130, 22, 34, 26
#: A gap between samples that is longer than this is left open.
_GAP_MS = 5_000
_TICKS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900)
_MOST_TICKS = 8
_MOST_POINTS = 2_000
#: A band that is wider has room for its name.
_WORD_WIDTH = 100


@dataclass(frozen=True, slots=True)
class _Axis:
    """Where an instant is drawn."""

    since_ms: int
    until_ms: int

    def x(self, time_ms: int) -> float:
        part = (time_ms - self.since_ms) / (self.until_ms - self.since_ms)
        return round(_LEFT + min(1.0, max(0.0, part)) * (_WIDTH - _LEFT - _RIGHT), 1)

    def ticks(self) -> Iterator[int]:
        span_s = (self.until_ms - self.since_ms) / 1000
        step_ms = 1000 * next((step for step in _TICKS_S if span_s / step <= _MOST_TICKS), _TICKS_S[-1])
        yield from range(-(-self.since_ms // step_ms) * step_ms, self.until_ms, step_ms)


def drawing(rows: Sequence[Row], shown: Sequence[Shown], scope: Scope) -> str:
    """The drawing; rows in the order of time, all of one vehicle."""
    axis = _Axis(scope.since_ms, scope.until_ms)
    rows = [row for row in rows if not value_of(row, "late")] or rows
    parts, y = list[str](), _TOP
    parts += _panel(axis, y, Words("速度 km/h", "Speed km/h"), _series(rows, _speed), "speed")
    y += _PANEL + _GAP
    parts += _panel(axis, y, Words("高度 m", "Altitude m"), _series(rows, _altitude), "altitude")
    y += _PANEL + _GAP
    for name, title, words in _CODES:
        parts += _lane(axis, y, title, [(first, last, code) for first, last, code in _runs(rows, name)], words)
        y += _LANE + 8
    for finding in Finding:
        spans = [each for each in shown if each.code == finding.code and each.is_decided]
        if spans:
            names = Words(FINDING_TEXTS[finding].zh.name, FINDING_TEXTS[finding].en.name)
            parts += _finding_lane(axis, y, names, spans)
            y += _LANE + 8
    parts += _frame(axis, y, scope.moment_ms)
    height = y + 26
    opening = f'<svg class="plot" viewBox="0 0 {_WIDTH} {height}" role="img" aria-labelledby="plot-title">'
    return f"{opening}{''.join(parts)}</svg>"


def both(words: Words) -> str:
    """Text in both languages, one of which is out of sight."""
    return f'<tspan lang="zh-CN">{escape(words.zh)}</tspan><tspan lang="en">{escape(words.en)}</tspan>'


def _speed(row: Row) -> float | None:
    speed_mps = value_of(row, "speed_mps")
    return None if speed_mps is None else kmh_of(speed_mps)


def _altitude(row: Row) -> float | None:
    altitude_m: float | None = value_of(row, "altitude_m")
    return altitude_m


def _series(rows: Sequence[Row], read: Callable[[Row], float | None]) -> list[tuple[int, float]]:
    step = max(1, math.ceil(len(rows) / _MOST_POINTS))
    values = ((value_of(row, "timestamp_ms"), read(row)) for row in rows[::step])
    return [(time_ms, value) for time_ms, value in values if value is not None]


def _panel(axis: _Axis, y: int, title: Words, series: Sequence[tuple[int, float]], kind: str) -> Iterator[str]:
    yield f'<rect class="panel" x="{_LEFT}" y="{y}" width="{_WIDTH - _LEFT - _RIGHT}" height="{_PANEL}"/>'
    yield f'<text class="title" x="{_LEFT}" y="{y - 8}">{both(title)}</text>'
    if not series:
        middle = (_WIDTH + _LEFT) // 2
        nothing = both(Words("无数据", "not reported"))
        yield f'<text class="nothing" x="{middle}" y="{y + _PANEL // 2}" text-anchor="middle">{nothing}</text>'
        return
    low, high = _bounds([value for _, value in series])
    for mark in (low, (low + high) / 2, high):
        height = _height(y, mark, low, high)
        yield f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{height}" y2="{height}"/>'
        yield f'<text class="mark" x="{_LEFT - 8}" y="{height + 4}" text-anchor="end">{mark:g}</text>'
    points, before_ms = "", None
    for time_ms, value in series:
        pen = "L" if before_ms is not None and time_ms - before_ms <= _GAP_MS else "M"
        points += f"{pen}{axis.x(time_ms)} {_height(y, value, low, high)}"
        before_ms = time_ms
    yield f'<path class="line {kind}" d="{points}"/>'


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    """Round numbers around the values."""
    low, high = min(0.0, *values), max(values)
    step = 10.0 ** math.floor(math.log10(max(high - low, 1.0))) / 2
    return math.floor(low / step) * step, max(math.ceil(high / step) * step, low + step)


def _height(y: int, value: float, low: float, high: float) -> float:
    return round(y + _PANEL - (value - low) / (high - low) * _PANEL, 1)


def _runs(rows: Sequence[Row], column: str) -> list[tuple[int, int, int]]:
    """(first_ms, last_ms, code) of the intervals in which a code stayed the same, up to the next sample."""
    found: list[tuple[int, int, int]] = []
    for row in rows:
        time_ms, code = value_of(row, "timestamp_ms"), value_of(row, column)
        if found and time_ms - found[-1][1] <= _GAP_MS:
            first_ms, _, before = found[-1]
            found[-1] = (first_ms, time_ms, before)
            if code == before:
                continue
        found.append((time_ms, time_ms, code))
    return [run for run in found if run[2] >= 0]


def _lane(
    axis: _Axis, y: int, title: Words, runs: Sequence[tuple[int, int, int]], words: Callable[[int], tuple[str, Words]]
) -> Iterator[str]:
    yield f'<text class="mark" x="{_LEFT - 8}" y="{y + 15}" text-anchor="end">{both(title)}</text>'
    for first_ms, last_ms, code in runs:
        kind, name = words(code)
        x, width = axis.x(first_ms), max(2.0, axis.x(last_ms) - axis.x(first_ms))
        hover = f"<title>{escape(name.zh)} {escape(name.en)}</title>"
        place = f'x="{x}" y="{y}" width="{width:.1f}" height="{_LANE}"'
        yield f'<rect class="band {kind}" {place}>{hover}</rect>'
        if width > _WORD_WIDTH:
            yield f'<text class="band-text" x="{x + 8}" y="{y + 15}">{both(name)}</text>'


def _finding_lane(axis: _Axis, y: int, title: Words, spans: Sequence[Shown]) -> Iterator[str]:
    yield f'<text class="mark is-finding" x="{_LEFT - 8}" y="{y + 15}" text-anchor="end">{both(title)}</text>'
    for span in spans:
        x, width = axis.x(span.first_ms), max(3.0, axis.x(span.last_ms) - axis.x(span.first_ms))
        yield f'<rect class="band finding" x="{x}" y="{y}" width="{width:.1f}" height="{_LANE}"/>'


def _frame(axis: _Axis, y: int, moment_ms: int) -> Iterator[str]:
    for time_ms in axis.ticks():
        x = axis.x(time_ms)
        yield f'<line class="grid" x1="{x}" x2="{x}" y1="{_TOP}" y2="{y}"/>'
        yield f'<text class="mark" x="{x}" y="{y + 16}" text-anchor="middle">{city_clock(time_ms)}</text>'
    x = axis.x(moment_ms)
    yield f'<line class="moment" x1="{x}" x2="{x}" y1="{_TOP - 14}" y2="{y}"/>'
    yield f'<circle class="moment-mark" cx="{x}" cy="{_TOP - 14}" r="4"/>'


def _mode(code: int) -> tuple[str, Words]:
    return f"mode-{Mode(code).name.lower()}", MODES[Mode(code)]


def _officer(code: int) -> tuple[str, Words]:
    officer = SafetyOfficer(code)
    none = Words("无", "none")
    return f"officer-{officer.name.lower()}", none if officer is SafetyOfficer.NONE else OFFICERS[officer]


_CODES: tuple[tuple[str, Words, Callable[[int], tuple[str, Words]]], ...] = (
    ("mode", Words("驾驶模式", "Mode"), _mode),
    ("safety_officer", Words("安全员", "Safety officer"), _officer),
)
