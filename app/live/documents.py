"""From a board's changes to what readers receive: a snapshot, or events of the stream."""

from __future__ import annotations

from collections.abc import Iterable

from app.live.board import Changes

KEEP_ALIVE = b": keep-alive\n\n"


def snapshot(changes: Changes, *, generated_at_ms: int, delay_ms: int) -> bytes:
    """A GeoJSON FeatureCollection with foreign members (RFC 7946, section 6.1)."""
    return b'{"type":"FeatureCollection","generated_at_ms":%d,"delay_ms":%d,%b"features":[%b],"alerts":[%b]}' % (
        generated_at_ms,
        delay_ms,
        b"" if changes.beyond is None else b'"alerts_beyond":%d,' % changes.beyond,
        b",".join(changes.features),
        b",".join(changes.alerts),
    )


def events(changes: Changes, *, generated_at_ms: int, delay_ms: int) -> bytes:
    """The changes as server-sent events, in one piece; empty when there are none."""
    if changes.complete:
        return _event(b"snapshot", snapshot(changes, generated_at_ms=generated_at_ms, delay_ms=delay_ms))
    parts = []
    if changes.features or changes.removed or changes.moves:
        parts.append(_event(b"positions", _positions(changes)))
    parts.extend(_event(b"alert", alert) for alert in changes.alerts)
    if changes.left or changes.beyond is not None:
        beyond = b"null" if changes.beyond is None else b"%d" % changes.beyond
        parts.append(_event(b"left", b'{"alerts":[%b],"beyond":%b}' % (_quoted(changes.left), beyond)))
    return b"".join(parts)


def _positions(changes: Changes) -> bytes:
    moves = b',"moves":[%b]' % b",".join(changes.moves) if changes.moves else b""
    return b'{"features":[%b],"removed":[%b]%b}' % (b",".join(changes.features), _quoted(changes.removed), moves)


def _quoted(keys: Iterable[str]) -> bytes:
    return b",".join(b'"%b"' % key.encode("ascii") for key in keys)


def _event(name: bytes, data: bytes) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name, data)
