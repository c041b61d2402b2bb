"""From a board's changes to what readers receive: a snapshot, or events of the stream."""

from __future__ import annotations

from app.live.board import Changes

KEEP_ALIVE = b": keep-alive\n\n"


def snapshot(changes: Changes, *, generated_at_ms: int, delay_ms: int) -> bytes:
    """A GeoJSON FeatureCollection with foreign members (RFC 7946, section 6.1)."""
    return b'{"type":"FeatureCollection","generated_at_ms":%d,"delay_ms":%d,"features":[%b],"alerts":[%b]}' % (
        generated_at_ms,
        delay_ms,
        b",".join(changes.features),
        b",".join(changes.alerts),
    )


def events(changes: Changes, *, generated_at_ms: int, delay_ms: int) -> bytes:
    """The changes as server-sent events, in one piece; empty when there are none."""
    if changes.complete:
        return _event(b"snapshot", snapshot(changes, generated_at_ms=generated_at_ms, delay_ms=delay_ms))
    parts = []
    if changes.features or changes.removed:
        removed = b",".join(b'"%b"' % key.encode("ascii") for key in changes.removed)
        data = b'{"features":[%b],"removed":[%b]}' % (b",".join(changes.features), removed)
        parts.append(_event(b"positions", data))
    parts.extend(_event(b"alert", alert) for alert in changes.alerts)
    return b"".join(parts)


def _event(name: bytes, data: bytes) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name, data)
