"""Who may connect and which topics they may use (docs/architecture.md, "Topics")."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

#: A name, and the mark of the credential that was shown with it.
Shown = tuple[str, bytes]

_REMEMBERED_S = 10.0
_NOT_IN_A_NAME = frozenset("/+#\0")


class Role(StrEnum):
    """What somebody who connects is."""

    VEHICLE = "vehicle"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who has proved who they are; a vehicle's `name` is its public id.

    `mark` tells the credential that was shown from the ones before and after it, without giving it away.
    """

    name: str
    role: Role
    mark: bytes = field(default=b"", compare=False, repr=False)

    @property
    def shown(self) -> Shown:
        """Name and mark."""
        return self.name, self.mark


class Credentials(Protocol):
    """Where names and passwords are checked; app implements it on the registry."""

    def verify(self, username: str, password: str) -> Identity | None:
        """The identity, or None when it is unknown, disabled or the password is wrong.

        May block (it is called in a thread) and may raise: then nobody is let in.
        """

    def marks(self, names: Collection[str]) -> Mapping[str, bytes]:
        """The marks of the credentials that these vehicles have now; who has none is missing.

        May block and may raise, as `verify`.
        """


class Verifier:
    """Credentials asked in a thread; a success is remembered for seconds, a failure never."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._known: dict[tuple[str, bytes], tuple[float, Identity]] = {}

    async def verify(self, username: str | None, password: str | None) -> Identity | None:
        """The identity of this user, None for nobody. Raises what the credentials raise."""
        if not username or password is None or _NOT_IN_A_NAME & set(username):
            return None
        key = (username, hashlib.sha256(password.encode()).digest())
        now_s = time.monotonic()
        self._known = {known: entry for known, entry in self._known.items() if entry[0] > now_s}
        if key in self._known:
            return self._known[key][1]
        identity = await asyncio.to_thread(self._credentials.verify, username, password)
        if identity is not None:
            self._known[key] = (now_s + _REMEMBERED_S, identity)
        return identity

    async def outdated(self, connected: Collection[Identity]) -> set[Shown]:
        """What of that which these, and those remembered, have shown is a vehicle's credential no more; forgotten here.

        Raises what the credentials raise.
        """
        remembered = [identity for _, identity in self._known.values()]
        shown = {one.shown for one in (*connected, *remembered) if one.role is Role.VEHICLE}
        if not shown:
            return set()
        marks = await asyncio.to_thread(self._credentials.marks, {name for name, _ in shown})
        outdated = {(name, mark) for name, mark in shown if marks.get(name) != mark}
        self._known = {key: entry for key, entry in self._known.items() if entry[1].shown not in outdated}
        return outdated


def may_publish(identity: Identity, topic: str) -> bool:
    """Whether this identity may publish there. Everything that is not named is forbidden."""
    if identity.role is Role.SERVICE:
        return topic.startswith("v1/")
    return _own_topic(identity, topic) in {("telemetry",), ("directive", "ack")}


def may_subscribe(identity: Identity, topic_filter: str) -> bool:
    """Whether this identity may read what the filter, or topic, names."""
    if identity.role is Role.SERVICE:
        return topic_filter.startswith("v1/")
    return _own_topic(identity, topic_filter) in {("committed",), ("directive",)}


def _own_topic(identity: Identity, topic: str) -> tuple[str, ...] | None:
    """What stands behind `v1/{partition}/{own id}/`; a `+` may stand for the partition only."""
    version, _, rest = topic.partition("/")
    partition, _, rest = rest.partition("/")
    name, _, rest = rest.partition("/")
    if version != "v1" or not ((partition.isascii() and partition.isdigit()) or partition == "+"):
        return None
    return tuple(rest.split("/")) if name == identity.name else None
