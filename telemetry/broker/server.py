"""Running the embedded broker: amqtt in asyncio, for one machine and a demonstration fleet.

For a city use mosquitto (deploy/mosquitto/). This broker keeps sessions and retained messages in
memory only; what it loses when it dies is resent by the vehicle agents.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Iterator

from amqtt.adapters import ReaderAdapter, WriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig, ListenerType
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.session import Session

from telemetry.broker.delivery import DeliveringHandler
from telemetry.broker.gate import LISTENER, Gate
from telemetry.broker.identity import Credentials, Verifier

_LOG = logging.getLogger(__name__)

_SESSION_EXPIRY_S = 24 * 3600
_GRACE_S = 30
_WATCH_S = 0.5
_PLUGINS = "telemetry.broker.plugins"


class _Subscriptions(dict[str, list[tuple[Session, int]]]):
    """amqtt waits while it walks through these; who comes or goes meanwhile must not end its walk."""

    def __iter__(self) -> Iterator[str]:
        return iter(list(super().__iter__()))

    def items(self) -> list[tuple[str, list[tuple[Session, int]]]]:  # type: ignore[override]  # a copy, no view
        return [(name, list(subscribers)) for name, subscribers in super().items()]


class _Broker(Broker):
    """amqtt with our handler of connections, and retained messages only for those who subscribed to them."""

    def __init__(self, config: BrokerConfig) -> None:
        super().__init__(config)
        self._subscriptions = _Subscriptions()

    async def _initialize_client_session(
        self, reader: ReaderAdapter, writer: WriterAdapter, remote_address: str, remote_port: int
    ) -> tuple[BrokerProtocolHandler, Session]:
        _, session = await super()._initialize_client_session(reader, writer, remote_address, remote_port)
        return DeliveringHandler(self.plugins_manager, loop=self._loop), session

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        # On each connection amqtt calls this for every filter that anybody is subscribed to.
        name, _ = subscription
        for subscriber, qos in list(self.subscriptions.get(name, ())):
            if subscriber is session:
                await super()._publish_retained_messages_for_subscription((name, qos), session)


class EmbeddedBroker:
    """A broker in the running event loop. `port` 0 takes a free one, told by `start`.

    A client that is silent for `grace_s` longer than its keep-alive is taken for gone.
    """

    def __init__(self, host: str, port: int, credentials: Credentials, *, grace_s: int = _GRACE_S) -> None:
        _quieten_amqtt()
        self._host = host
        self._port = port
        verifier = Verifier(credentials)
        self._broker = _Broker(
            BrokerConfig(
                # The address is not used: connections come from the gate.
                listeners={LISTENER: ListenerConfig(type=ListenerType.EXTERNAL, bind="gate:0")},
                session_expiry_interval=_SESSION_EXPIRY_S,
                timeout_disconnect_delay=grace_s,
                plugins={
                    f"{_PLUGINS}.AuthenticationPlugin": {"verifier": verifier},
                    f"{_PLUGINS}.TopicPlugin": {},
                },
            )
        )
        self._gate = Gate(self._broker, verifier)
        self._server: asyncio.Server | None = None
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Begin to serve; gives the port. Raises OSError when it is taken."""
        await self._broker.start()
        self._server = await asyncio.start_server(self._gate.accept, self._host, self._port)
        self._watching = asyncio.create_task(self._gate.watch(_WATCH_S))
        port = int(self._server.sockets[0].getsockname()[1])
        _LOG.info("Broker listens on %s:%d", self._host, port)
        return port

    async def stop(self) -> None:
        """End all connections and stop."""
        if self._server is not None:
            self._server.close()
        if self._watching is not None:
            self._watching.cancel()
        await self._broker.shutdown()
        await self._gate.close()


def run_broker(
    host: str, port: int, credentials: Credentials, *, on_ready: Callable[[int], None] | None = None
) -> None:
    """Serve until SIGTERM or SIGINT, in the main thread; `on_ready` hears the port."""
    asyncio.run(_serve(host, port, credentials, on_ready))


async def _serve(host: str, port: int, credentials: Credentials, on_ready: Callable[[int], None] | None) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    broker = EmbeddedBroker(host, port, credentials)
    bound = await broker.start()
    if on_ready is not None:
        on_ready(bound)
    await stopping.wait()
    await broker.stop()


def _quieten_amqtt() -> None:
    """Amqtt tells of every connection, late acknowledgement and missing reader as a warning or worse."""
    logging.getLogger("amqtt").setLevel(logging.ERROR)
    logging.getLogger("transitions").setLevel(logging.ERROR)
    logger = logging.getLogger("amqtt.broker")
    if _is_no_late_acknowledgement not in logger.filters:
        logger.addFilter(_is_no_late_acknowledgement)


def _is_no_late_acknowledgement(record: logging.LogRecord) -> bool:
    """A client that takes more than five seconds is waiting for the database; nothing is lost."""
    return not (record.exc_info and isinstance(record.exc_info[1], TimeoutError))
