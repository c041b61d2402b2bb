"""Listens to the service bus for a web process: live positions, alert changes, heartbeats of the workers.

What was missed while the connection was gone is read from the database, not from the broker.
"""

from __future__ import annotations

from collections.abc import Callable

from app.live.feed import LiveFeed
from telemetry import bus
from telemetry.listener import BusListener
from telemetry.mqtt import BrokerAddress


def bus_listener(
    broker: BrokerAddress,
    feed: LiveFeed,
    *,
    on_heartbeat: Callable[[bus.Heartbeat], None],
    on_connection: Callable[[bool], None],
) -> BusListener:
    """What is heard goes to the feed and to these two."""

    def connection_changed(connected: bool) -> None:  # noqa: FBT001 -- the value itself is told
        if connected:
            feed.reload()  # whatever changed before is in the database
        on_connection(connected)

    return BusListener(
        broker,
        "web",
        {
            bus.STATUS_FILTER: lambda _, payload: on_heartbeat(bus.decode_heartbeat(payload)),
            bus.ALERTS_FILTER: lambda _, payload: feed.hear_alert(bus.decode_alert(payload)),
            bus.LIVE_FILTER: lambda _, payload: feed.hear_positions(bus.decode_positions(payload)),
        },
        connection_changed,
    )
