"""The shape of one sample in JSON, and how an array with a bad sample is taken apart."""

from __future__ import annotations

import math
import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from telemetry.ports import RejectReason

_NAN = math.nan
_Length = Annotated[float, Meta(ge=0, le=1e6)] | None
_LARGEST_MS = 2**62


class Location(Struct, gc=False):
    """`location`: names and units of MDS 2.0 telemetry. Ranges of lat and lng are checked as columns."""

    lat: float
    lng: float
    altitude: Annotated[float, Meta(ge=-1000, le=100_000)] | None = _NAN
    heading: Annotated[float, Meta(ge=0, le=361)] | None = _NAN
    speed: Annotated[float, Meta(ge=0, le=1000)] | None = _NAN
    horizontal_accuracy: _Length = _NAN
    vertical_accuracy: _Length = _NAN


class Sample(Struct, gc=False):
    """One sample as a vehicle sends it (docs: DESIGN, payload). Unknown fields are tolerated."""

    seq: Annotated[int, Meta(ge=1, le=2**53)]
    timestamp: Annotated[int, Meta(ge=-_LARGEST_MS, le=_LARGEST_MS)]
    location: Location
    altitude_datum: Literal["AGL", "AMSL", "WGS84"] | None = None
    vertical_speed: Annotated[float, Meta(ge=-1000, le=1000)] | None = _NAN
    acceleration: Annotated[float, Meta(ge=-1000, le=1000)] | None = _NAN
    mode: Literal["autonomous", "manual", "remote", "takeover", "minimal_risk"] | None = None
    safety_officer: Literal["none", "onboard", "remote"] | None = None
    officer_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    passengers: Annotated[int, Meta(ge=0, le=10_000)] | None = None
    battery_percent: Annotated[float, Meta(ge=0, le=100)] | None = _NAN
    faults: Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=64)] | None = None
    vehicle_id: str | None = None


class _Numbered(Struct):
    seq: Annotated[int, Meta(ge=1, le=2**53)]


#: All that msgspec raises on hostile bytes.
DECODE_ERRORS = (msgspec.MsgspecError, UnicodeError, RecursionError)

decode_sample = msgspec.json.Decoder(Sample).decode
decode_samples = msgspec.json.Decoder(list[Sample]).decode
_decode_numbered = msgspec.json.Decoder(_Numbered).decode

# Strings first, so that a bracket inside one is no bracket.
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)
_OPENING = frozenset((b"[", b"{"))
_CLOSING = frozenset((b"]", b"}"))


def is_array(payload: bytes) -> bool:
    """Whether the payload claims to be an array of samples."""
    return payload.lstrip(b" \t\r\n")[:1] == b"["


def elements(payload: bytes) -> list[bytes] | None:
    """The bytes of each element of an array, by its brackets alone; None when they do not match up.

    A JSON parser refuses the whole array for one NaN or one element nested too deeply; this keeps
    such an element from costing its neighbours.
    """
    body = payload.strip(b" \t\r\n")
    if body[:1] != b"[" or body[-1:] != b"]":
        return None
    pieces: list[bytes] = []
    depth, start = 0, 1
    for token in _TOKENS.finditer(body):
        text = token.group()
        if text in _OPENING:
            depth += 1
        elif text in _CLOSING:
            depth -= 1
            if depth == 0 and token.end() != len(body):
                return None
        elif text == b"," and depth == 1:
            pieces.append(body[start : token.start()])
            start = token.end()
    if depth != 0:
        return None
    last = body[start:-1]
    return [*pieces, last] if pieces or last.strip() else []


def readable_seq(payload: bytes) -> int | None:
    """The `seq` of a sample that is otherwise bad, if it can be read at all."""
    try:
        return _decode_numbered(payload).seq
    except DECODE_ERRORS:
        return None


def explain(error: Exception) -> tuple[RejectReason, str]:
    """Reason code and detail of a failed decode."""
    if isinstance(error, RecursionError):
        return RejectReason.MALFORMED_JSON, "nested too deeply"
    if isinstance(error, UnicodeError):
        return RejectReason.MALFORMED_JSON, "text is not UTF-8"
    text = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return RejectReason.MALFORMED_JSON, text
    if text.startswith("Expected `int` ") and "$.timestamp" in text:
        return RejectReason.TIMESTAMP_OUT_OF_RANGE, text
    if text.startswith("Number out of range") and ("$.location.lat" in text or "$.location.lng" in text):
        return RejectReason.POSITION_OUT_OF_RANGE, text
    return RejectReason.INVALID_FIELD, text
