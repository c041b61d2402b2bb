"""Every failure of the telemetry package, drawn once."""

from __future__ import annotations


class TelemetryError(Exception):
    """Base of all errors of this package; `code` is stable and may be shown to a user."""

    code = "telemetry_error"


class StoreUnavailable(TelemetryError):
    """The database is locked, full or gone. Nothing was written; the same flush may be tried again."""

    code = "store_unavailable"


class StaleRegistry(TelemetryError):
    """The registry moved on between judging and committing. Nothing was written: judge again."""

    code = "stale_registry"


class BrokerUnavailable(TelemetryError):
    """The broker refused or dropped the connection."""

    code = "broker_unavailable"


class UnreadableTrack(TelemetryError):
    """A recorded track that cannot be turned into samples; the message names file, line and reason."""

    code = "unreadable_track"
