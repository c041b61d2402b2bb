"""Runs the processes of one installation: starts them, watches them, restarts what dies, stops all.

A child is this same program with another command. Children live in sessions of their own, so that
Ctrl-C reaches only the supervisor, which then stops them in order; each asks the kernel to be
ended when the supervisor dies, so that even a SIGKILL leaves nobody behind.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)

STOP_GRACE_S = 10.0
RESTART_DELAYS_S = (0.2, 0.5, 1.0, 2.0, 5.0)
#: A child that ran this long is counted as healthy again.
HEALTHY_AFTER_S = 30.0
_SUPERVISED = "PILOTAGE_SUPERVISOR_PID"
_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class Child:
    """One supervised process: the arguments after `pilotage`, and what runs of it now."""

    name: str
    arguments: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    started_at: float = 0.0
    due_at: float = field(default=0.0)


class Supervisor:
    """Starts children in the given order and stops them in the reverse one."""

    def __init__(self, environment: Mapping[str, str], clock: Callable[[], float] = time.monotonic) -> None:
        self._environment = {**environment, _SUPERVISED: str(os.getpid())}
        self._clock = clock
        self._children: list[Child] = []
        self._stopping = threading.Event()

    def start(self, name: str, *arguments: str) -> Child:
        """Start `pilotage ARGUMENTS` and keep it running from now on."""
        child = Child(name=name, arguments=arguments)
        self._children.append(child)
        self._spawn(child)
        return child

    def pids(self) -> dict[str, int]:
        """Process ids of what runs now, by name."""
        return {child.name: child.process.pid for child in self._children if child.process is not None}

    def request_stop(self) -> None:
        """Ask `watch` to return; safe in a signal handler."""
        self._stopping.set()

    @property
    def stopping(self) -> bool:
        """Whether a stop was asked for."""
        return self._stopping.is_set()

    def watch(self, *, until: Callable[[], bool] | None = None, poll_s: float = 0.2) -> bool:
        """Restart what dies until a stop is asked for (False) or `until` holds (True)."""
        while not self._stopping.wait(poll_s):
            for child in self._children:
                self._revive(child)
            if until is not None and until():
                return True
        return False

    def stop(self) -> None:
        """End every child, last started first; SIGKILL for one that does not go in time."""
        self._stopping.set()
        for child in reversed(self._children):
            if child.process is not None:
                _end(child.name, child.process)
                child.process = None

    def _spawn(self, child: Child) -> None:
        command = [sys.executable, "-m", "app.cli", *child.arguments]
        child.process = subprocess.Popen(  # noqa: S603  our own program and arguments
            command, env=self._environment, start_new_session=True, stdin=subprocess.DEVNULL
        )
        child.started_at = self._clock()

    def _revive(self, child: Child) -> None:
        now = self._clock()
        if child.process is not None:
            code = child.process.poll()
            if code is None:
                return
            if now - child.started_at > HEALTHY_AFTER_S:
                child.failures = 0
            delay_s = RESTART_DELAYS_S[min(child.failures, len(RESTART_DELAYS_S) - 1)]
            logger.warning("%s ended with %s; starting it again in %.1f s", child.name, _reason(code), delay_s)
            child.process = None
            child.failures += 1
            child.due_at = now + delay_s
        elif now >= child.due_at:
            self._spawn(child)


def die_with_supervisor() -> None:
    """In a supervised child: be ended by the kernel when the supervisor is gone (Linux)."""
    parent = os.environ.get(_SUPERVISED)
    if parent is None or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):  # it died before we asked
        sys.exit(1)


def _end(name: str, process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_GRACE_S)
    except subprocess.TimeoutExpired:
        logger.warning("%s did not stop within %.0f s and is killed", name, STOP_GRACE_S)
        process.kill()
        process.wait()


def _reason(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
