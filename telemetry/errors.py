"""Every failure of the telemetry package, drawn once."""

from __future__ import annotations


class TelemetryError(Exception):
    """Base of all errors of this package; `code` is stable and may be shown to a user."""

    code = "telemetry_error"


class StoreUnavailable(TelemetryError):
    """The database is locked, full or gone. Nothing was written; the same flush may be tried again."""

    code = "store_unavailable"


class RegistryUnusable(StoreUnavailable):
    """Zones or permits that cannot be compiled. Nothing is judged by half of them: wait until they are mended."""

    code = "registry_unusable"


class StaleRegistry(TelemetryError):
    """The registry moved on between judging and committing. Nothing was written: judge again."""

    code = "stale_registry"


class BrokerUnavailable(TelemetryError):
    """The broker refused or dropped the connection."""

    code = "broker_unavailable"


class UnreadableTrack(TelemetryError):
    """A recorded track that cannot be turned into samples; the message names file, line and reason."""

    code = "unreadable_track"


class RingUnavailable(TelemetryError):
    """The agent's ring buffer cannot be opened, read or written: the sample was not kept."""

    code = "ring_unavailable"


class UnacceptableSample(TelemetryError):
    """A sample that the agent cannot keep: its number does not grow, or it has no JSON form."""

    code = "unacceptable_sample"


class InvalidBusMessage(TelemetryError):
    """A message on the service bus that does not have the bus's shape."""

    code = "invalid_bus_message"


class InvalidDirective(TelemetryError):
    """A directive, or an answer to one, that does not have its shape."""

    code = "invalid_directive"


class InvalidTrackState(StoreUnavailable):
    """A vehicle's remembered state that this version cannot read. Nothing is guessed from it: it must be mended."""

    code = "invalid_track_state"


class AccessControlFailed(TelemetryError):
    """mosquitto's dynamic-security plugin refused a command; the message is the plugin's own."""

    code = "access_control_failed"


class UnknownBrokerUser(AccessControlFailed):
    """The plugin knows no client of that name."""

    code = "unknown_broker_user"
