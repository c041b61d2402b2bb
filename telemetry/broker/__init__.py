"""The embedded broker: amqtt behind a gate of our own, with this project's authentication and topic rules."""

from telemetry.broker.identity import Credentials, Identity, Role
from telemetry.broker.server import EmbeddedBroker, run_broker

__all__ = ["Credentials", "EmbeddedBroker", "Identity", "Role", "run_broker"]
