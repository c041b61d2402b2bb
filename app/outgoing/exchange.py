"""One HTTP POST and its answer, bounded in time and size whatever the other side does.

The libraries for HTTP resolve names themselves, follow redirects and bound each read, not the whole; here
the connection goes to an address that was checked before (app.outgoing.destinations), a redirect is an
answer like any other, and one deadline holds for all of it: a receiver that sends a byte now and then ends
with it. Reading the answer is http.client's.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any

from app.outgoing.destinations import Address, Destination

#: So much of an answer's body is read.
_READ_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    text: str


def post(
    destination: Destination,
    address: Address,
    headers: Mapping[str, str],
    body: bytes,
    *,
    timeout_s: float,
    tls: ssl.SSLContext,
) -> Reply:
    """Send the body to the host at this address; everything together takes at most `timeout_s`.

    Raises OSError (TimeoutError, ssl.SSLError among them) or HTTPException.
    """
    deadline_s = time.monotonic() + timeout_s
    with socket.create_connection((str(address), destination.port), timeout_s) as plain:
        if destination.scheme == "http":
            return _talk(plain, destination, headers, body, deadline_s)
        plain.settimeout(_left_s(deadline_s))
        with tls.wrap_socket(plain, server_hostname=destination.host) as secured:
            return _talk(secured, destination, headers, body, deadline_s)


def _talk(
    connection: socket.socket, destination: Destination, headers: Mapping[str, str], body: bytes, deadline_s: float
) -> Reply:
    lines = [f"POST {destination.target} HTTP/1.1", f"Host: {destination.authority}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in {**headers, "Content-Length": str(len(body))}.items()]
    connection.settimeout(_left_s(deadline_s))
    with suppress(ConnectionError):  # who refuses a body may answer and hang up before it has read all of it
        connection.sendall("\r\n".join([*lines, "", ""]).encode("ascii") + body)
    answer = HTTPResponse(_Timed(connection, deadline_s), method="POST")  # type: ignore[arg-type]  # all it asks of a socket is a file
    try:
        answer.begin()
        return Reply(answer.status, _text(answer))
    finally:
        answer.close()


def _text(answer: HTTPResponse) -> str:
    """The beginning of the body: for people, so what is broken in it matters little."""
    try:
        return answer.read(_READ_BYTES).decode("utf-8", "replace")
    except (HTTPException, ValueError) as error:
        return f"({type(error).__name__})"


def _left_s(deadline_s: float) -> float:
    left_s = deadline_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("the answer took too long")
    return left_s


class _Timed(io.RawIOBase):
    """A connection as the file that http.client reads, and never beyond the deadline."""

    def __init__(self, connection: socket.socket, deadline_s: float) -> None:
        self._connection = connection
        self._deadline_s = deadline_s

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(_left_s(self._deadline_s))
        return self._connection.recv_into(buffer)
