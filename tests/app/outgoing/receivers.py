"""Loopback receivers of webhooks and e-mail that behave as told, well or badly."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

#: What is done with one connection after its request was read.
Behaviour = Callable[[socket.socket, threading.Event], None]
_WAIT_S = 20.0


@dataclass
class Request:
    """A request as it came."""

    head: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A receiver that is listening; `behaviours` are used up one after another, the last for good."""

    port: int
    behaviours: list[Behaviour]
    tls: ssl.SSLContext | None = None
    requests: list[Request] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?from=pilotage"

    def handle(self, connection: socket.socket) -> None:
        connection.settimeout(_WAIT_S)
        try:
            connection = self.tls.wrap_socket(connection, server_side=True) if self.tls else connection
        except (OSError, ssl.SSLError):
            connection.close()
            return
        with connection:
            self.requests.append(_read(connection))
            behaviour = self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]
            behaviour(connection, self.over)


def answers(status: int, text: str = "", **headers: str) -> Behaviour:
    def behave(connection: socket.socket, _over: threading.Event) -> None:
        lines = [f"HTTP/1.1 {status} Told", f"Content-Length: {len(text.encode())}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        connection.sendall("\r\n".join([*lines, "", text]).encode())

    return behave


def sends(data: bytes) -> Behaviour:
    """These bytes, whatever they are, and the end."""
    return lambda connection, _over: connection.sendall(data)


def hangs(connection: socket.socket, over: threading.Event) -> None:
    """Takes the request and says nothing."""
    over.wait(_WAIT_S)
    connection.close()


def drips(connection: socket.socket, over: threading.Event) -> None:
    """A good answer, one byte now and then, without an end."""
    try:
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 10_000:
            connection.sendall(bytes([byte]))
            if over.wait(0.02):
                return
    except OSError:
        return  # the other side has had enough


@contextmanager
def receiving(*behaviours: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A webhook's receiver on a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        receiver = Receiver(server.getsockname()[1], list(behaviours), tls)
        with _serving(server, receiver.handle, receiver.over):
            yield receiver


@dataclass
class Mailbox:
    """A mail server that takes everything, but for recipients in `refused`."""

    port: int
    mails: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    def handle(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            connection.settimeout(_WAIT_S)
            connection.sendall(b"220 mailbox\r\n")
            while line := lines.readline():
                verb = line[:4].upper()
                if verb == b"DATA":
                    connection.sendall(b"354 go on\r\n")
                    self.mails.append(b"".join(iter(lines.readline, b".\r\n")))
                connection.sendall(self._answer(verb, line.decode()))
                if verb == b"QUIT":
                    return

    def _answer(self, verb: bytes, line: str) -> bytes:
        if verb == b"RCPT":
            recipient = line.partition("<")[2].partition(">")[0]
            if recipient in self.refused:
                return b"550 no such person here\r\n"
            self.recipients.append(recipient)
        return b"221 bye\r\n" if verb == b"QUIT" else b"250 fine\r\n"


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """A mail server on a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        box = Mailbox(server.getsockname()[1])
        with _serving(server, box.handle, threading.Event()):
            yield box


@contextmanager
def _serving(server: socket.socket, handle: Callable[[socket.socket], None], over: threading.Event) -> Iterator[None]:
    """Each connection in a thread of its own, all ended with the block."""
    handlers: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            handlers.append(threading.Thread(target=handle, args=(connection,)))
            handlers[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield
    finally:
        over.set()
        server.shutdown(socket.SHUT_RDWR)
        accepting.join(_WAIT_S)
        for handler in handlers:
            handler.join(_WAIT_S)


def _read(connection: socket.socket) -> Request:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65_536)
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    while len(body) < int(headers["Content-Length"]):
        body += connection.recv(65_536)
    return Request(first, headers, body)
