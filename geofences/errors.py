"""Every failure of the geofences package, drawn once."""

from __future__ import annotations


class GeofenceError(Exception):
    """Base of all errors of this package; `code` is stable and may be shown to a user."""

    code = "geofence_error"


class InvalidZone(GeofenceError):
    """A zone that cannot be judged against: bad geometry, band, schedule or half width.

    `rule` names what was broken, for wordings in other languages than the message's.
    """

    code = "invalid_zone"

    def __init__(self, message: str = "", *, rule: str = "zone_invalid") -> None:
        super().__init__(message)
        self.rule = rule


class UnconvertibleAltitude(GeofenceError):
    """An altitude whose datum cannot be converted: nothing is ever guessed."""

    code = "unconvertible_altitude"


class UnreadableFile(GeofenceError):
    """A zone file that is not what it says it is."""

    code = "unreadable_file"

    def __init__(self, message: str = "", *, rule: str = "file_of_no_kind") -> None:
        super().__init__(message)
        self.rule = rule
