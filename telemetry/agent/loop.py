"""The network thread of an AgentGroup: one selector over all sockets, a few threads that open them.

Hundreds of vehicles at a sample a second cost one thread here; with a paho thread each they would
cost hundreds that all wake up for every sample.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from telemetry.agent.agent import VehicleAgent
from telemetry.agent.connection import Connection
from telemetry.errors import RingUnavailable

if TYPE_CHECKING:
    from paho.mqtt.client import SocketLike

logger = logging.getLogger(__name__)

_TICK_S = 0.25
_OPENERS = 8


class NetworkLoop:
    """Connects, reads, writes and ticks its agents. `touch` may be called in any thread."""

    def __init__(self, sync: Callable[[], None], sync_every_s: float) -> None:
        self._sync = sync
        self._sync_every_s = sync_every_s
        self._agents: list[VehicleAgent] = []
        self._touched: deque[VehicleAgent] = deque()
        self._opened: deque[tuple[VehicleAgent, Future[None]]] = deque()
        self._opening: set[VehicleAgent] = set()
        self._registered: dict[VehicleAgent, SocketLike] = {}
        self._selector = selectors.DefaultSelector()
        self._waker, self._woken = socket.socketpair()
        self._openers = ThreadPoolExecutor(_OPENERS, thread_name_prefix="agent-connect")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="agents", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        for end in (self._waker, self._woken):
            end.settimeout(0.0)
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._thread.start()

    def add(self, agent: VehicleAgent) -> None:
        """Serve this agent from now on."""
        self._agents = [*self._agents, agent]
        self.touch(agent)

    def touch(self, agent: VehicleAgent) -> None:
        """This agent has something to do."""
        self._touched.append(agent)
        self._wake()

    def stop(self) -> None:
        """Disconnect all and end the thread."""
        self._stopping.set()
        self._wake()
        self._thread.join()
        self._openers.shutdown()
        for agent in self._agents:
            if agent.connection is not None:
                agent.connection.close()
        self._selector.close()
        self._waker.close()
        self._woken.close()

    def _wake(self) -> None:
        try:
            self._waker.send(b"\0")
        except BlockingIOError:
            return  # the thread has not yet taken the earlier bytes, so it will wake up anyhow

    def _run(self) -> None:
        next_tick_s = next_sync_s = 0.0
        while not self._stopping.is_set():
            for key, mask in self._selector.select(max(0.0, next_tick_s - time.monotonic())):
                self._transfer(key.data, mask)
            while self._opened:
                agent, future = self._opened.popleft()
                self._guarded(agent, partial(self._take_opened, agent, future))
            now_s = time.monotonic()
            due = dict.fromkeys(self._touched.popleft() for _ in range(len(self._touched)))
            if now_s >= next_tick_s:
                next_tick_s = now_s + _TICK_S
                due = dict.fromkeys(self._agents)
            for agent in due:
                self._guarded(agent, partial(self._serve, agent, now_s))
            if now_s >= next_sync_s:
                next_sync_s = now_s + self._sync_every_s
                self._sync_ring()

    def _transfer(self, agent: VehicleAgent | None, mask: int) -> None:
        if agent is None:
            self._woken.recv(65536)
        else:
            self._guarded(agent, partial(_read_and_write, agent, mask))
            # Forget a socket that is closed now at once: its number may be another agent's already.
            self._watch(agent)
            self.touch(agent)

    def _serve(self, agent: VehicleAgent, now_s: float) -> None:
        """Connect when it is time, otherwise keep the connection alive and send what is due."""
        if agent in self._opening:
            return
        if agent.connection is not None:
            agent.connection.keep_alive()
        agent.work(now_s)
        if agent.connection is not None and agent.connection.socket is None:
            agent.ended(agent.connection.end_reason, now_s)
        if agent.connection is None and now_s >= agent.connect_at_s:
            self._open(agent, agent.new_connection())
        else:
            self._watch(agent)

    def _open(self, agent: VehicleAgent, connection: Connection) -> None:
        """Connect in another thread, since that may block for seconds; the ring is on disk by then."""
        self._sync_ring()
        self._watch(agent)
        self._opening.add(agent)

        def opened(future: Future[None]) -> None:
            self._opened.append((agent, future))
            self._wake()

        self._openers.submit(connection.open).add_done_callback(opened)

    def _take_opened(self, agent: VehicleAgent, future: Future[None]) -> None:
        self._opening.discard(agent)
        error = future.exception()
        if error is not None:
            agent.ended(str(error), time.monotonic())
        self._watch(agent)

    def _watch(self, agent: VehicleAgent) -> None:
        """Wait for the agent's socket as it is now: new, gone, or with bytes to write."""
        connection = None if agent in self._opening else agent.connection
        sock = connection.socket if connection is not None else None
        known = self._registered.get(agent)
        if known is not None and known is not sock:
            self._selector.unregister(known)
            del self._registered[agent]
        if connection is None or sock is None:
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.wants_to_write else 0)
        if known is not sock:
            self._selector.register(sock, events, agent)
            self._registered[agent] = sock
        elif self._selector.get_key(sock).events != events:
            self._selector.modify(sock, events, agent)

    def _guarded(self, agent: VehicleAgent, action: Callable[[], None]) -> None:
        """Run one step of one agent; whatever fails in it costs that agent its connection, nobody else."""
        try:
            action()
        except Exception:
            logger.exception("%s: the connection is given up", agent.credential.vehicle_id)
            if agent.connection is not None:
                agent.connection.abort()
                agent.ended("an error in the agent, see the log", time.monotonic())
            self._watch(agent)

    def _sync_ring(self) -> None:
        try:
            self._sync()
        except RingUnavailable:
            logger.exception("the ring buffer could not be synced; a power cut would lose samples")


def _read_and_write(agent: VehicleAgent, mask: int) -> None:
    connection = agent.connection
    if connection is not None and mask & selectors.EVENT_READ:
        connection.read()
    if connection is not None and mask & selectors.EVENT_WRITE:
        connection.write()
