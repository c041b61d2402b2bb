from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.supervisor import Child, Supervisor

# A stand-in for the program: `python -m app.cli` found first on the path.
STAND_IN = """
import sys, time, pathlib
with open(sys.argv[1], "a") as log:
    log.write("started\\n")
time.sleep(60)
"""


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    package = tmp_path / "app"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "cli.py").write_text(STAND_IN)
    environment = dict(os.environ) | {"PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1"}
    running = Supervisor(environment)
    yield running
    running.stop()


def test_a_killed_child_is_started_again(supervisor: Supervisor, tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = supervisor.start("worker", str(log))
    _wait_for_lines(supervisor, log, 1)
    os.kill(_pid(child), signal.SIGKILL)
    _wait_for_lines(supervisor, log, 2)
    assert _pid(child) in {process.pid for process in psutil.Process().children()}


def test_stop_leaves_no_process_behind(supervisor: Supervisor, tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = supervisor.start("worker", str(log))
    _wait_for_lines(supervisor, log, 1)
    pid = _pid(child)
    supervisor.stop()
    assert not psutil.pid_exists(pid)
    assert supervisor.pids() == {}


def test_watch_ends_when_a_stop_is_requested(supervisor: Supervisor) -> None:
    supervisor.request_stop()
    assert supervisor.watch() is False


def _pid(child: Child) -> int:
    assert child.process is not None
    return child.process.pid


def _wait_for_lines(supervisor: Supervisor, log: Path, count: int) -> None:
    deadline = time.monotonic() + 20
    reached = supervisor.watch(
        until=lambda: (log.exists() and len(log.read_text().splitlines()) >= count) or time.monotonic() > deadline
    )
    assert reached
    assert time.monotonic() < deadline
