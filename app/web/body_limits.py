"""How large a request may be, by endpoint: decided before anything of it is read.

What is not named here takes the app's MAX_CONTENT_LENGTH: forms and notes. Whoever takes more
names the endpoint and how much. Files of somebody who is not logged in, or not any more, are read
past: of a form only what was typed can be offered again, and nobody else makes us keep anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from flask import Flask, Request, request

from app.web.gate import identity_or_none

_KIB = 1_024
_MIB = 1_024 * _KIB

#: A drawn outline of ten thousand vertices and the fields around it.
_DRAWING_BYTES = 1 * _MIB
#: A file of 10 MiB and the form around it.
_ZONE_FILE_BYTES = 10 * _MIB + 64 * _KIB
#: A spreadsheet of 2 MiB and the form around it.
_SHEET_BYTES = 2 * _MIB + 64 * _KIB

#: A safety case in words, each Chinese character nine bytes in a form.
_SAFETY_CASE_BYTES = 256 * _KIB
#: The largest form that was interrupted, sealed and compressed, beside an e-mail address and a password.
_CARRIED_FORM_BYTES = _DRAWING_BYTES
#: A file of 20 MiB, or several that are as large together, and the form around them.
_ATTACHMENTS_BYTES = 20 * _MIB + 256 * _KIB

#: The identifiers of ten thousand alerts.
_MANY_ALERTS_BYTES = 1 * _MIB

LIMITS: Mapping[str, int] = {
    "auth.log_in": _CARRIED_FORM_BYTES,
    "auth.code": _CARRIED_FORM_BYTES,
    "api_alerts.acknowledge_many": _MANY_ALERTS_BYTES,
    "application_steps.save": _SAFETY_CASE_BYTES,
    "application_steps.save_safety": _ATTACHMENTS_BYTES,
    "api_applications.attach_file": _ATTACHMENTS_BYTES,
    "api_applications.save": _SAFETY_CASE_BYTES,
    "vehicle_imports.upload": _SHEET_BYTES,
    "api_vehicle_imports.import_vehicles": _SHEET_BYTES,
    "zone_editor.check": _DRAWING_BYTES,
    "zone_editor.create": _DRAWING_BYTES,
    "zone_editor.publish": _DRAWING_BYTES,
    "zone_imports.upload": _ZONE_FILE_BYTES,
    "api_zones.create": _DRAWING_BYTES,
    "api_zone_revisions.publish": _DRAWING_BYTES,
    "api_zone_imports.publish": _ZONE_FILE_BYTES,
}


class BoundedRequest(Request):
    """A request whose files are kept for those only who are logged in."""

    def _get_file_stream(self, *stated: Any, **named: Any) -> IO[bytes]:
        if identity_or_none() is None:
            return _Nowhere()
        return super()._get_file_stream(*stated, **named)


class _Nowhere(BytesIO):
    """Takes what is written, and stays empty."""

    def write(self, data: Any) -> int:
        return len(data)


def install(app: Flask) -> None:
    """Set the bounds of each request; to be installed before anything that reads a form."""
    app.request_class = BoundedRequest

    @app.before_request
    def bound() -> None:
        limit = LIMITS.get(request.endpoint or "")
        if limit is not None:
            request.max_content_length = limit
            request.max_form_memory_size = min(limit, _DRAWING_BYTES)
