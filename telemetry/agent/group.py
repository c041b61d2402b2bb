"""Many agents in one process: one network thread, one ring file, a few threads that open sockets."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Self

from telemetry.agent.agent import VehicleAgent
from telemetry.agent.connection import Credential
from telemetry.agent.delivery import Pace
from telemetry.agent.loop import NetworkLoop
from telemetry.agent.orders import Program
from telemetry.agent.ring import DEFAULT_CAPACITY, Ring, RingFile
from telemetry.clock import system_clock
from telemetry.mqtt import BrokerAddress
from telemetry.ports import Clock


class AgentGroup:
    """The agents of a process. Use as a context manager: entering starts it, leaving closes it.

    Leaving waits for nothing; call `wait_settled` first. What the platform has not confirmed stays
    in the file and goes out the next time.
    """

    def __init__(
        self,
        broker_url: str,
        ring_path: Path,
        *,
        clock: Clock = system_clock,
        pace: Pace | None = None,
        ring_capacity: int = DEFAULT_CAPACITY,
        sync_every_s: float = 1.0,
        longest_backoff_s: float = 30.0,
    ) -> None:
        self._address = BrokerAddress.parse(broker_url)
        self._clock = clock
        self._pace = pace or Pace()
        self._capacity = ring_capacity
        self._longest_backoff_s = longest_backoff_s
        self._file = RingFile(ring_path)
        self._loop = NetworkLoop(self._file.sync, sync_every_s)
        self._agents: dict[str, VehicleAgent] = {}

    def __enter__(self) -> Self:
        self._loop.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.stop()
        self._file.close()

    def add(self, vehicle_id: str, password: str, topic: str, *, program: Program | None = None) -> VehicleAgent:
        """A new agent, which connects by itself; `topic` as handed out at registration."""
        if vehicle_id in self._agents:
            raise ValueError(f"there is an agent of {vehicle_id} already")
        agent = VehicleAgent(
            Credential(vehicle_id, password, topic),
            Ring(self._file, vehicle_id, first_seq=max(1, self._clock()), capacity=self._capacity),
            address=self._address,
            pace=self._pace,
            longest_backoff_s=self._longest_backoff_s,
            clock=self._clock,
            wake=self._loop.touch,
            program=program,
        )
        self._agents[vehicle_id] = agent
        self._loop.add(agent)
        return agent

    @property
    def agents(self) -> dict[str, VehicleAgent]:
        """The agents by vehicle id."""
        return dict(self._agents)

    @property
    def unsettled(self) -> int:
        """Samples that the platform has not yet confirmed."""
        return sum(agent.status.unsettled for agent in self.agents.values())

    def wait_settled(self, timeout_s: float) -> int:
        """Wait until the platform has confirmed everything; returns how many samples it has not."""
        deadline_s = time.monotonic() + timeout_s
        while (left := self.unsettled) and time.monotonic() < deadline_s:
            time.sleep(0.05)
        return left
