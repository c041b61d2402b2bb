"""A vehicle that drives to and fro on a road: `pilotage agent`, started with the command line that a page shows."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.showcase.plan import shipped_zones

_INTERVAL_S = 0.5
_DEGREE_M = 111_195.0
_PROGRAMS = Path(sys.executable).parent

Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Road:
    """The centreline of one of the showcase's roads, in metres along it."""

    zone_id: str
    line: tuple[Place, ...] = field(init=False)

    def __post_init__(self) -> None:
        places = shipped_zones()[self.zone_id]["geometry"]["coordinates"]
        object.__setattr__(self, "line", tuple((lon, lat) for lon, lat in places))

    @property
    def length_m(self) -> float:
        """From its first to its last vertex."""
        return sum(_distance_m(*leg) for leg in zip(self.line, self.line[1:], strict=False))

    def at(self, along_m: float) -> tuple[Place, float]:
        """The place so far along, and the heading of the road there in degrees."""
        for start, end in zip(self.line, self.line[1:], strict=False):
            leg_m = _distance_m(start, end)
            if along_m <= leg_m:
                return _between(start, end, along_m / leg_m), _heading_deg(start, end)
            along_m -= leg_m
        return self.line[-1], _heading_deg(self.line[-2], self.line[-1])


@dataclass(slots=True)
class Drive:
    """One vehicle under way. What it reports can be changed while it drives."""

    road: Road
    along_m: float
    speed_mps: float
    report: Mapping[str, object]
    stopped: threading.Event = field(default_factory=threading.Event)

    def sample(self, elapsed_s: float) -> bytes:
        """One line for the agent, so long after the last; at the end of the road it stands."""
        self.along_m = min(self.along_m + self.speed_mps * elapsed_s, self.road.length_m)
        (lon, lat), heading_deg = self.road.at(self.along_m)
        location = {"lat": lat, "lng": lon, "speed": self.speed_mps, "heading": heading_deg, "horizontal_accuracy": 0.8}
        return json.dumps({"location": location, **self.report}).encode() + b"\n"


@contextmanager
def driving(
    command: str, home: Path, *, officer_id: str, road: Road, from_m: float = 0.0, speed_mps: float = 9.0
) -> Iterator[Drive]:
    """Run the command line as it stands, in `home`, with samples on its standard input; it must end well."""
    report = {"mode": "autonomous", "safety_officer": "onboard", "officer_id": officer_id, "passengers": 0}
    drive = Drive(road, from_m, speed_mps, report)
    environment = {**os.environ, "PATH": f"{_PROGRAMS}:{os.environ['PATH']}"}
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=home,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    feeder = threading.Thread(target=_feed, args=(drive, process), name="driver")
    feeder.start()
    try:
        yield drive
    finally:
        drive.stopped.set()
        feeder.join()
        said, _ = process.communicate(timeout=90)
    assert process.returncode == 0, said.decode()


def _feed(drive: Drive, process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    last_s = time.monotonic()
    while not drive.stopped.wait(_INTERVAL_S):
        now_s = time.monotonic()
        try:
            process.stdin.write(drive.sample(now_s - last_s))
            process.stdin.flush()
        except BrokenPipeError:
            return  # the agent has ended; its exit status tells why
        last_s = now_s


def _distance_m(a: Place, b: Place) -> float:
    east_m, north_m = _offset_m(a, b)
    return math.hypot(east_m, north_m)


def _heading_deg(a: Place, b: Place) -> float:
    return math.degrees(math.atan2(*_offset_m(a, b))) % 360.0


def _offset_m(a: Place, b: Place) -> tuple[float, float]:
    return (b[0] - a[0]) * _DEGREE_M * math.cos(math.radians(a[1])), (b[1] - a[1]) * _DEGREE_M


def _between(a: Place, b: Place, part: float) -> Place:
    return a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part
