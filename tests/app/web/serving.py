"""The real server in a process of its own, and readers of its event streams."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

from tests.brokers import free_port, wait_for_port

PATIENCE_S = 30.0
_COMMAND = """
import os
from app.settings import Settings
from app.web.server import run_web

run_web(Settings.from_environment(os.environ))
"""


@dataclass
class Served:
    port: int
    process: subprocess.Popen[bytes]

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def wait_until_ready(self, check: str) -> None:
        """Until one of the checks of /readyz is well."""
        wait_for(lambda: bool(json.loads(self.get("/readyz")[1])["checks"][check]["ok"]))

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(PATIENCE_S)


@contextmanager
def served(home: Path, broker_port: int, **environment: str) -> Iterator[Served]:
    port = free_port()
    own = {
        "PILOTAGE_HOME": str(home),
        "PILOTAGE_PORT": str(port),
        "PILOTAGE_BROKER_URL": f"mqtt://127.0.0.1:{broker_port}",
    }
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with (home / "web.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND],
            env=kept | own | environment,
            cwd=Path(__file__).parents[3],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for_port(port, process)
        yield Served(port, process)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


class EventReader:
    """One client of an event stream, reading as slowly as the test wants."""

    def __init__(self, port: int, path: str, headers: dict[str, str] | None = None) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        self._connection.request("GET", path, headers=headers or {})
        self.answer: HTTPResponse = self._connection.getresponse()

    def next_event(self) -> tuple[str, dict[str, Any]] | None:
        """The next event by name; None when the server ended the stream."""
        name = ""
        deadline = time.monotonic() + PATIENCE_S
        while line := self.answer.readline():
            if time.monotonic() > deadline:
                raise TimeoutError("nothing came but what keeps the stream alive")
            if line.startswith(b"event: "):
                name = line[7:].decode().strip()
            elif line.startswith(b"data: "):
                return name, json.loads(line[6:])
        return None

    def wait_for_event(self, wanted: Callable[[str, dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            event = self.next_event()
            assert event is not None, "the stream ended"
            if wanted(*event):
                return event[1]
        raise TimeoutError("the event did not come")

    def close(self) -> None:
        self.answer.close()
        self._connection.close()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the condition did not come true")
        time.sleep(0.05)


def deaf_client(port: int, path: str) -> socket.socket:
    """Asks for a stream and never reads a byte of it, with a small window."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
    client.connect(("127.0.0.1", port))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return client
