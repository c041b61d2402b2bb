"""Server-sent events: each reader follows a view at its own pace.

At most ten messages a second go to a reader; what changes faster is joined. A reader that takes
nothing for half a minute is dropped, so that it holds neither its thread nor its slot.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus

from flask import Response, request
from sqlalchemy.exc import DBAPIError

from app.live.board import Window
from app.live.documents import KEEP_ALIVE
from app.live.views import View
from app.web.gate import asks_again
from app.web.problems import problem
from app.web.runtime import runtime
from app.web.slots import Audience, TooManyStreams

logger = logging.getLogger(__name__)

INTERVAL_S = 0.1
KEEP_ALIVE_S = 15.0
STALLED_AFTER_S = 30.0
#: How often positions that a reader does not see are told.
BESIDE_EVERY_S = 5.0
#: How long a caller who was shut out may go on reading.
ASKED_AGAIN_EVERY_S = 5.0
#: Then the stream ends; the browser opens a new one, and whoever may no longer see it is refused.
LIFETIME_S = 3_600.0
#: How long a quiet reader waits before it looks at what became stale, or old enough, meanwhile.
_LOOK_AGAIN_S = 0.5
#: How soon the browser tries again, and sooner than any proxy keeps the answer back.
_PREAMBLE = b"retry: 2000\n\n"


@dataclass(frozen=True, slots=True)
class Interest:
    """What a reader wants to see: an organisation's things or everyone's, and a part of the map or all of it.

    With `moves` vehicles of which only the motion has changed are told as such.
    """

    organisation: int | None = None
    window: Window | None = None
    moves: bool = False


def stream(view: View, audience: Audience, interest: Interest) -> Response:
    """The event stream of a view, or 503 when too many are open.

    Positions outside of the interest's window are told every few seconds; everything else at once.
    """
    slots = runtime().slots
    try:
        slots.take(audience)
    except TooManyStreams:
        detail = "Too many event streams are open."
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "too_many_streams", detail, {"Retry-After": "10"})
    _drop_when_stalled()
    is_welcome = asks_again() if audience is Audience.STAFF else _everybody_is
    body = _Stream(_events(view, interest, is_welcome), lambda: slots.give_back(audience))
    answer = Response(body, mimetype="text/event-stream", direct_passthrough=True)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Accel-Buffering"] = "no"
    return answer


class _Stream:
    """The answer's body: gives its slot back when the server closes it, even if it never began."""

    def __init__(self, events: Iterator[bytes], on_close: Callable[[], None]) -> None:
        self._events = events
        self._on_close: Callable[[], None] | None = on_close

    def __iter__(self) -> Iterator[bytes]:
        return self._events

    def close(self) -> None:
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close()


def _everybody_is() -> bool:
    return True


def _events(view: View, interest: Interest, is_welcome: Callable[[], bool]) -> Iterator[bytes]:
    yield _PREAMBLE
    cursor = beside_cursor = 0
    organisation, window = interest.organisation, interest.window
    begun_s = spoken_s = asked_s = beside_s = time.monotonic()
    while not view.board.closed and time.monotonic() - begun_s < LIFETIME_S:
        if time.monotonic() - asked_s >= ASKED_AGAIN_EVERY_S:
            if not _is_still(is_welcome):
                return
            asked_s = time.monotonic()
        # What is beside the window is known as of the last time that it was told.
        known = (cursor if window is None else beside_cursor) if interest.moves else None
        changes = view.changes(cursor, organisation, window, known)
        cursor = changes.cursor
        if changes.complete:
            beside_cursor = cursor
        elif window is not None and time.monotonic() - beside_s >= BESIDE_EVERY_S:
            features, moves = view.board.told_beside(window, beside_cursor, organisation, known)
            changes.features.extend(features)
            changes.moves.extend(moves)
            beside_cursor, beside_s = cursor, time.monotonic()
        if changes:
            yield view.events(changes)
            spoken_s = time.monotonic()
            # Wait out the interval on the board, whatever changes, so that a stop is heard at once.
            view.board.pause(INTERVAL_S)
        elif time.monotonic() - spoken_s >= KEEP_ALIVE_S:
            yield KEEP_ALIVE
            spoken_s = time.monotonic()
        view.board.wait(cursor, _LOOK_AGAIN_S)


def _is_still(is_welcome: Callable[[], bool]) -> bool:
    """Nobody is, while the database cannot be asked: the browser tries again, and is told why."""
    try:
        return is_welcome()
    except DBAPIError as error:
        logger.warning("an event stream ends: %s", type(error).__name__)
        return False


def _drop_when_stalled() -> None:
    """Bound the time that a write may block; gunicorn hands out the socket, other servers do not."""
    connection = request.environ.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(STALLED_AFTER_S)
