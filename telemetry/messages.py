"""Topics and messages as they arrive, and the limits that bind them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import msgspec

from telemetry.ports import VehicleRecord

PARTITIONS = 64
KEPT_PAYLOAD_BYTES = 2048
MAX_PAYLOAD_BYTES = 256 * 1024
MAX_SAMPLES = 500

#: What vehicles publish, of all partitions: their samples and their answers to directives.
ALL_FILTERS = ("v1/+/+/telemetry", "v1/+/+/directive/ack")


class Message(msgspec.Struct, frozen=True, gc=False):
    """One MQTT message as it arrived. `token` is the client's own, needed to acknowledge it."""

    topic: str
    payload: bytes
    received_ms: int
    token: object = None


def partition_of(vehicle_id: str) -> int:
    """The partition that a vehicle is assigned to at registration: stable, 0 to 63."""
    return zlib.crc32(vehicle_id.encode()) % PARTITIONS


def telemetry_topic(vehicle_id: str) -> str:
    """Where a vehicle publishes its samples."""
    return f"v1/{partition_of(vehicle_id)}/{vehicle_id}/telemetry"


def committed_topic(vehicle_id: str) -> str:
    """Where a vehicle reads what is settled."""
    return f"v1/{partition_of(vehicle_id)}/{vehicle_id}/committed"


def directive_topic(vehicle_id: str) -> str:
    """Where a vehicle reads directives; it answers at `.../ack` below it."""
    return f"v1/{partition_of(vehicle_id)}/{vehicle_id}/directive"


def is_directive_topic(topic: str) -> bool:
    """Whether a vehicle reads directives there."""
    return topic.startswith("v1/") and topic.endswith("/directive")


def partition_filters(partition: int) -> tuple[str, ...]:
    """The subscriptions to what one partition's vehicles publish."""
    return f"v1/{partition}/+/telemetry", f"v1/{partition}/+/directive/ack"


def routes(vehicles: Iterable[VehicleRecord], name: str = "telemetry") -> dict[str, VehicleRecord]:
    """Each vehicle by the one topic on which its samples (or what is called `name`) are believed."""
    return {f"v1/{vehicle.partition}/{vehicle.vehicle_id}/{name}": vehicle for vehicle in vehicles}
