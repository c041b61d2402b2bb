"""The two views of the live picture, and how a reader follows one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.live import documents
from app.live.board import EVERYTHING, Board, Changes, Window
from app.live.picture import LivePicture
from app.live.public import PublicKeys, PublicPicture
from app.settings import Settings
from telemetry.ports import Clock


@dataclass(frozen=True, slots=True)
class View:
    """A board as one kind of reader sees it. `sweep` brings it up to the present."""

    board: Board
    sweep: Callable[[], None]
    clock: Clock
    delay_ms: int
    #: Times that the view states about itself are rounded down to this.
    time_step_ms: int
    #: Whether the view shows nothing at all for a while.
    is_resting: Callable[[], bool] = lambda: False

    def changes(
        self,
        cursor: int,
        organisation: int | None = EVERYTHING,
        window: Window | None = None,
        rest_known: int | None = None,
    ) -> Changes:
        """What a reader at `cursor` has to know now: see Board.changes."""
        self.sweep()
        return self.board.changes(cursor, organisation, window, rest_known)

    def snapshot(self, organisation: int | None = EVERYTHING) -> bytes:
        """The whole view as GeoJSON."""
        return documents.snapshot(self.changes(0, organisation), generated_at_ms=self.now_ms(), delay_ms=self.delay_ms)

    def events(self, changes: Changes) -> bytes:
        """Changes as server-sent events."""
        return documents.events(changes, generated_at_ms=self.now_ms(), delay_ms=self.delay_ms)

    def now_ms(self) -> int:
        """The present, as coarse as this view's readers may know it."""
        return self.clock() // self.time_step_ms * self.time_step_ms


@dataclass(frozen=True, slots=True)
class LiveViews:
    """The picture and the two views of it."""

    picture: LivePicture
    public_picture: PublicPicture
    staff: View
    public: View

    def close(self) -> None:
        """The server is stopping: end every stream."""
        self.staff.board.close()
        self.public.board.close()


def build_views(settings: Settings, clock: Clock) -> LiveViews:
    """An empty picture with both views of it."""
    public_picture = PublicPicture(
        clock,
        keys=PublicKeys(
            vehicle=settings.key_for("public vehicle"),
            alert=settings.key_for("public alert"),
            place=settings.key_for("public place"),
        ),
        delay_ms=round(settings.public_delay_s * 1_000),
        step_m=settings.public_snap_m,
        # A demo's vehicles are simulated: nobody is behind them, and it must show something at any hour.
        rest_ms=0 if settings.demo else round(settings.public_rest_s * 1_000),
    )
    picture = LivePicture(clock, (public_picture,))
    return LiveViews(
        picture=picture,
        public_picture=public_picture,
        staff=View(picture.board, picture.sweep, clock, delay_ms=0, time_step_ms=1),
        public=View(
            public_picture.board,
            public_picture.sweep,
            clock,
            delay_ms=public_picture.delay_ms,
            time_step_ms=max(1_000, public_picture.release_every_ms),
            is_resting=public_picture.is_resting,
        ),
    )
