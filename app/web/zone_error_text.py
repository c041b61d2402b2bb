"""What is wrong with a zone, a schedule or a recognition, in words: part of app.web.error_text."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

#: What geofences and app.schemas.zones find wrong with a zone.
ZONE_TEXTS: Mapping[str, LazyString] = {
    "geometry_empty": _("Draw a shape, or type its coordinates."),
    "geometry_type": _("A zone is a line or an area."),
    "geometry_unreadable": _("The shape cannot be read."),
    "half_width_missing": _("A line needs its half width in metres."),
    "half_width_unwanted": _("Only a line has a half width."),
    "line_without_length": _("The line has no length."),
    "polygon_invalid": _("The outline crosses itself, or a hole lies outside of it."),
    "polygon_without_area": _("The outline encloses nothing."),
    "ring_open": _("The outline is not closed."),
    "position_not_a_pair": _("Each position is a longitude and a latitude; heights belong into the band."),
    "coordinate_invalid": _("A coordinate is no number."),
    "coordinates_swapped": _("A latitude beyond 90 degrees: are longitude and latitude swapped?"),
    "coordinate_off_globe": _("A coordinate lies off the globe."),
    "too_many_vertices": _("At most %(most)s points."),
    "band_upside_down": _("The upper limit lies below the lower one."),
    "datum_missing": _("Say what the heights are measured from."),
    "limit_not_finite": _("A number is needed."),
    "speed_limit_missing": _("A speed-limit zone needs its limit."),
    "speed_limit_unwanted": _("Only a speed-limit zone has a limit."),
    "schedule_invalid": _("A window needs days, a beginning and an end, as HH:MM; they differ."),
    "schedule_empty": _("A schedule without windows would never be open."),
    "schedule_too_long": _("At most %(most)s windows."),
    "ends_before_start": _("The end lies before the start."),
    "recognises_itself": _("A jurisdiction recognises others, not itself."),
    "zone_twice": _("The file has this zone already."),
    "jurisdiction_not_yours": _("You do not decide in this jurisdiction."),
    "zone_kind_changed": _("A zone keeps its kind for its whole life."),
    "zone_jurisdiction_changed": _("A zone keeps its jurisdiction for its whole life."),
}

#: What is wrong with a file of zones, as a whole.
FILE_TEXTS: Mapping[str, LazyString] = {
    "zone_file_too_large": _("The file is larger than 10 MiB."),
    "zone_file_too_long": _("The file has more than 2,000 features."),
    "zone_file_of_no_kind": _("This is neither a GeoPackage nor GeoJSON."),
    "zone_file_not_geojson": _("This is no GeoJSON collection of features."),
    "zone_file_damaged": _("The file cannot be read: it is damaged."),
    "zone_file_without_layers": _("The file holds no shapes."),
    "zone_layer_not_a_table": _("A layer of the file is computed, not a table: it is not read."),
    "zone_crs_missing": _("The file does not name its reference system."),
    "zone_crs_unknown": _("The file's reference system is not known."),
    "zone_file_has_problems": _("Some features have problems: nothing was published."),
    "zone_file_changes_nothing": _("Everything in the file is in force as it is."),
}
