"""The bounded buffer between the network thread and the worker."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from telemetry.messages import Message


class Inbox:
    """Messages in order of arrival, from one network thread to one worker.

    It never drops: `put` always takes, and the network thread stops reading while `has_room` is
    false, so the bounds may be exceeded by what one read brought. `on_room` is called when room
    appears again.
    """

    def __init__(self, *, messages: int, payload_bytes: int, on_room: Callable[[], None]) -> None:
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._limit = messages
        self._limit_bytes = payload_bytes
        self._on_room = on_room
        self._changed = threading.Condition()
        self._wanted = 1

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def has_room(self) -> bool:
        """Whether the network thread may read on."""
        return len(self._messages) < self._limit and self._bytes < self._limit_bytes

    def oldest_ms(self) -> int | None:
        """When the oldest waiting message arrived."""
        with self._changed:
            return self._messages[0].received_ms if self._messages else None

    def put(self, messages: Sequence[Message]) -> None:
        """Append; wakes the worker only when it has what it waits for."""
        with self._changed:
            self._messages.extend(messages)
            self._bytes += sum(len(message.payload) for message in messages)
            if len(self._messages) >= self._wanted or not self.has_room:
                self._changed.notify_all()

    def interrupt(self) -> None:
        """Let a waiting `take` return at once with what there is."""
        with self._changed:
            self._wanted = 0
            self._changed.notify_all()

    def take(self, limit: int, limit_bytes: int, *, linger_s: float, idle_s: float) -> list[Message]:
        """Up to `limit` messages, in order; an empty list when none came within `idle_s`.

        Waits at most `linger_s` from the arrival of the first one for more to join it. At least
        one message is given, however large; others only while the payloads stay in `limit_bytes`.
        """
        with self._changed:
            if self._await(1, idle_s):
                self._await(limit, linger_s)
            had_room = self.has_room
            taken = self._pop(limit, limit_bytes)
        if taken and not had_room:
            self._on_room()
        return taken

    def _await(self, wanted: int, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        self._wanted = wanted
        while len(self._messages) < wanted and self.has_room and self._wanted:
            left = deadline - time.monotonic()
            if left <= 0 or not self._changed.wait(left):
                break
        self._wanted = 1
        return bool(self._messages)

    def _pop(self, limit: int, limit_bytes: int) -> list[Message]:
        taken: list[Message] = []
        size = 0
        while self._messages and len(taken) < limit:
            size += len(self._messages[0].payload)
            if taken and size > limit_bytes:
                break
            message = self._messages.popleft()
            self._bytes -= len(message.payload)
            taken.append(message)
        return taken
