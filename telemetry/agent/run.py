"""What `pilotage agent` does: publish a recorded track or standard input, and wait until it is stored."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from telemetry.agent.agent import AgentStatus, VehicleAgent
from telemetry.agent.group import AgentGroup
from telemetry.agent.lines import Intake, WrittenOrders, take_lines
from telemetry.agent.tracks import Declared, TrackPoint, delays_s, read_track, sample_of, shift_to
from telemetry.clock import system_clock
from telemetry.messages import telemetry_topic
from telemetry.ports import Clock


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """What the command line says.

    `topic` is the one handed out at registration (None: made from the vehicle id). Without `track`
    samples are read from standard input. `speed` is how many times faster than recorded a track is
    played, `inf` for at once; `original_times` keeps the recording's times instead of shifting them
    to now. `timeout_s`: how long to wait at the end for the platform to confirm everything.
    """

    broker_url: str
    vehicle_id: str
    password: str
    ring_path: Path
    topic: str | None = None
    track: Path | None = None
    speed: float = 1.0
    original_times: bool = False
    declared: Declared = field(default_factory=Declared)
    timeout_s: float = 60.0


def run_agent(
    options: AgentOptions,
    *,
    lines: Iterable[bytes],
    write: Callable[[bytes], None],
    report: Callable[[str], None],
    clock: Clock = system_clock,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Publish, wait, and return the exit status: 0 when every sample is settled and no line was bad.

    `lines` is standard input, `write` writes one line of standard output (telemetry.agent.lines),
    `report` one for the operator. What is not confirmed stays
    in the ring buffer and goes out at the next run. Raises UnreadableTrack, RingUnavailable, and
    ValueError for an impossible address or speed.
    """
    if not options.speed > 0.0:
        raise ValueError(f"the speed must be above 0, not {options.speed}")
    points = read_track(options.track) if options.track is not None else None
    topic = options.topic or telemetry_topic(options.vehicle_id)
    with AgentGroup(options.broker_url, options.ring_path, clock=clock) as group:
        agent = group.add(options.vehicle_id, options.password, topic, program=WrittenOrders(write))
        earlier = agent.status
        if earlier.unsettled:
            report(f"{earlier.unsettled} samples of an earlier run still wait in {options.ring_path}")
        if points is None:
            intake = take_lines(lines, agent.publish, agent.answer, report)
        else:
            intake = _play(points, options, agent, clock(), sleep)
        group.wait_settled(options.timeout_s)
        lost = agent.status.evicted - earlier.evicted
        return _conclude(intake, lost, agent.status, report)


def _play(
    points: list[TrackPoint], options: AgentOptions, agent: VehicleAgent, now_ms: int, sleep: Callable[[float], None]
) -> Intake:
    """Publish the points of a track, each when it is due."""
    shift_ms = 0 if options.original_times else shift_to(points, now_ms, options.speed)
    started_s = time.monotonic()
    for point, due_s in zip(points, delays_s(points, options.speed), strict=True):
        sleep(max(0.0, started_s + due_s - time.monotonic()))
        agent.publish(sample_of(point, options.declared, shift_ms=shift_ms))
    return Intake(taken=len(points), bad=0)


def _conclude(intake: Intake, lost: int, status: AgentStatus, report: Callable[[str], None]) -> int:
    """Tell how it ended and return the exit status."""
    if intake.bad:
        report(f"{intake.bad} lines could not be read")
    if lost:
        report(f"{lost} samples were lost because the ring buffer was full")
    if status.unsettled:
        why = status.reason or f"the broker is {status.link}"
        report(f"{status.unsettled} samples are not confirmed and stay in the ring buffer ({why})")
    else:
        report(f"{intake.taken} samples taken, all confirmed by the platform")
    return 1 if intake.bad or lost or status.unsettled else 0
