"""Sends what is due: a thread that looks each second, and one more for each message on its way.

A receiver that hangs holds its own thread and its own channel, and nothing else. No transaction is open
while a message is on its way.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from app.database import changing_session, reading_session
from app.models import ChannelKind, Delivery, Failure
from app.outgoing.mail import MailSender
from app.outgoing.messages import Answer, Message, failed
from app.outgoing.webhook import WebhookSender
from app.services.channels import secret_of
from app.services.deliveries import claim, is_anything_due, note_answer, pack_due
from app.settings import Settings
from telemetry.ports import Clock

logger = logging.getLogger(__name__)

#: The words of a delivery in both languages.
Compose: TypeAlias = Callable[[Delivery], Message]

#: Messages on their way at once.
MOST_AT_ONCE = 8
_TICK_S = 1.0
#: A stopping process waits so long for messages on their way; the lease of what it leaves behind runs out.
_STOP_S = 2.0


@dataclass(frozen=True, slots=True)
class Carriers:
    """How each kind of channel is reached; `key` makes the secrets of webhooks."""

    mail: MailSender
    webhook: WebhookSender
    key: bytes

    def carry(self, delivery: Delivery, message: Message, now_ms: int) -> Answer:
        """One attempt."""
        channel = delivery.channel
        if channel.kind is ChannelKind.EMAIL:
            return self.mail.send(message, delivery.address, now_ms)
        return self.webhook.send(message, delivery.address, secret_of(channel, self.key), now_ms)


def carriers(settings: Settings) -> Carriers:
    """How this installation reaches its channels."""
    tls = ssl.create_default_context()
    return Carriers(
        mail=MailSender(settings.mail, tls),
        webhook=WebhookSender(settings.webhook_networks, tls),
        key=settings.key_for("webhook"),
    )


class DeliveryThread:
    """`start` it in the process that serves; `stop` ends it."""

    def __init__(self, engine: Engine, clock: Clock, compose: Compose, carriers: Carriers) -> None:
        self._engine = engine
        self._clock = clock
        self._compose = compose
        self._carriers = carriers
        self._stopping = threading.Event()
        self._on_their_way: set[threading.Thread] = set()
        self._is_failing = False
        self._thread = threading.Thread(target=self._run, name="deliveries", daemon=True)

    def start(self) -> None:
        """Look for messages, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what is on its way may take a moment longer."""
        self._stopping.set()
        self._thread.join()
        self.wait(_STOP_S)

    def step(self) -> None:
        """Start sending what is due, as far as there is room."""
        self._on_their_way = {thread for thread in self._on_their_way if thread.is_alive()}
        room = MOST_AT_ONCE - len(self._on_their_way)
        for delivery in self._claimed(room) if room else ():
            thread = threading.Thread(target=self._send, args=(delivery,), name=delivery.delivery_id, daemon=True)
            self._on_their_way.add(thread)
            thread.start()

    def wait(self, timeout_s: float) -> None:
        """Until each message on its way has had its attempt, or so long."""
        deadline_s = time.monotonic() + timeout_s
        for thread in self._on_their_way:
            thread.join(max(0.0, deadline_s - time.monotonic()))

    def _claimed(self, most: int) -> list[Delivery]:
        now_ms = self._clock()
        with reading_session(self._engine) as session:
            if not is_anything_due(session, now_ms):
                return []
        with changing_session(self._engine) as session:
            pack_due(session, now_ms)
        with changing_session(self._engine) as session:
            return list(claim(session, now_ms, most))

    def _send(self, delivery: Delivery) -> None:
        lease = delivery.lease
        assert lease is not None  # it was claimed
        try:
            answer = self._carriers.carry(delivery, self._compose(delivery), self._clock())
        except Exception:
            logger.exception("delivery %s could not be sent", delivery.delivery_id)
            answer = failed(Failure.PLATFORM)
        try:
            with changing_session(self._engine) as session:
                note_answer(session, delivery.id, lease, answer, self._clock())
        except DBAPIError as error:
            logger.warning("the answer to delivery %s was lost, it is sent again: %s", delivery.delivery_id, error.orig)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._attempt()
            self._stopping.wait(_TICK_S)

    def _attempt(self) -> None:
        try:
            self.step()
        except Exception:
            if not self._is_failing:
                logger.exception("deliveries wait until this works again")
            self._is_failing = True
        else:
            self._is_failing = False
