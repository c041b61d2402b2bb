"""Sun events that schedules may refer to (ED-318 §limitedApplicability), computed with astral."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from enum import StrEnum

from astral import Depression, Observer
from astral.sun import dawn, dusk, sunrise, sunset

from geofences.errors import InvalidZone


class SunEvent(StrEnum):
    """Begin of morning civil twilight, sunrise, sunset, end of evening civil twilight."""

    BMCT = "BMCT"
    SR = "SR"
    SS = "SS"
    EECT = "EECT"


def sun_event(event: SunEvent, *, lon: float, lat: float, on: date, zone: tzinfo) -> datetime:
    """The instant of a sun event on a local date, aware in `zone`.

    Raises InvalidZone where the sun does not do so on that date (polar day and night): a window
    that cannot be computed is neither open nor closed.
    """
    observer = Observer(latitude=lat, longitude=lon)
    try:
        if event is SunEvent.BMCT:
            return dawn(observer, on, depression=Depression.CIVIL, tzinfo=zone)
        if event is SunEvent.SR:
            return sunrise(observer, on, tzinfo=zone)
        if event is SunEvent.SS:
            return sunset(observer, on, tzinfo=zone)
        return dusk(observer, on, depression=Depression.CIVIL, tzinfo=zone)
    except ValueError as reason:
        raise InvalidZone(f"no {event} on {on} at lon {lon}, lat {lat}: {reason}") from reason
