"""The life of a zone: every revision, when each is in force, and its end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session

from app.errors import InvalidChange
from app.models import User, Zone, ZoneRevisionRow
from app.schemas.zones import ZoneEnd
from app.services.generations import next_generation, require_future_start
from app.services.pages import Page, holds, page_among, page_in, read_page
from app.services.revisions import in_force
from app.services.zones import newest_zone_revision, require_newest, store_zone_revisions, zone_by_id
from geofences.zones import ZoneKind

#: An end needs a period before it, be it this short.
_SHORTEST_MS = 1
_COPIED = (
    *("name_zh", "name_en", "geometry", "half_width_m", "band_lower", "band_upper", "band_datum", "band_unit"),
    *("schedule", "speed_limit_mps", "authority", "jurisdiction"),
)


@dataclass(frozen=True, slots=True)
class DatedRevision:
    """A revision, its number from 1, who decided, and when it is in force: [from_ms, until_ms).

    Both are None for a revision that a later decision replaced before it started. `until_ms` is
    FOREVER_MS until further notice.
    """

    row: ZoneRevisionRow
    number: int
    actor: str
    from_ms: int | None
    until_ms: int | None

    def is_in_force(self, at_ms: int) -> bool:
        """Whether it is in force at an instant; its schedule is not asked."""
        return self.from_ms is not None and self.until_ms is not None and self.from_ms <= at_ms < self.until_ms


@dataclass(frozen=True, slots=True)
class ZoneHistory:
    """A zone with all its revisions, oldest first, as seen at `now_ms`."""

    zone: Zone
    revisions: tuple[DatedRevision, ...]
    now_ms: int

    @property
    def newest(self) -> DatedRevision:
        """The newest decision, whether or not it has started."""
        return self.revisions[-1]

    @property
    def current(self) -> DatedRevision | None:
        """What is in force now."""
        return next((revision for revision in self.revisions if revision.is_in_force(self.now_ms)), None)

    @property
    def upcoming(self) -> DatedRevision | None:
        """What will be in force next."""
        later = [each for each in self.revisions if each.from_ms is not None and each.from_ms > self.now_ms]
        return min(later, key=lambda each: each.from_ms or 0, default=None)

    @property
    def shown(self) -> DatedRevision:
        """What stands for the zone: in force now, or next, or else the newest."""
        return self.current or self.upcoming or self.newest

    @property
    def state(self) -> Literal["in_force", "upcoming", "ended"]:
        """`in_force`, `upcoming` or `ended`."""
        if self.current is not None:
            return "in_force"
        return "ended" if self.upcoming is None else "upcoming"


@dataclass(frozen=True, slots=True)
class ZoneFilter:
    """Which zones a list holds; None: any. `jurisdiction` is the newest revision's."""

    kind: ZoneKind | None = None
    jurisdiction: str | None = None
    state: str | None = None
    text: str | None = None

    def holds(self, history: ZoneHistory) -> bool:
        """Whether the revisions are of the jurisdiction and in the state that are wanted."""
        return self.jurisdiction in {None, history.newest.row.jurisdiction} and self.state in {None, history.state}


def zone_histories(session: Session, now_ms: int) -> list[ZoneHistory]:
    """Every zone, by its identifier."""
    return _histories(session, true(), now_ms)


def zone_page(
    session: Session, wanted: ZoneFilter, *, now_ms: int, limit: int, cursor: str | None
) -> Page[ZoneHistory]:
    """One page of zones by their identifiers. Raises InvalidChange for a foreign cursor."""
    zones = select(Zone) if wanted.kind is None else select(Zone).where(Zone.kind == wanted.kind)
    if wanted.text:
        zones = zones.where(holds(wanted.text, Zone.zone_id))

    def read(limit: int, cursor: str | None) -> Page[ZoneHistory]:
        page = read_page(session, zones, Zone.zone_id, limit=limit, cursor=cursor)
        of_these = ZoneRevisionRow.zone_id.in_([zone.id for (zone,) in page.items])
        found = {history.zone.id: history for history in _histories(session, of_these, now_ms)}
        return Page([found[zone.id] for (zone,) in page.items if zone.id in found], page.next_cursor)

    is_wanted = None if wanted.jurisdiction is None and wanted.state is None else wanted.holds
    return page_among(read, is_wanted, lambda history: (history.zone.zone_id,), limit=limit, cursor=cursor)


def revision_page(
    session: Session, zone_id: str, *, now_ms: int, limit: int, cursor: str | None
) -> tuple[ZoneHistory, Page[DatedRevision]]:
    """One zone with one page of its revisions, oldest first. Raises NotFound, and InvalidChange as zone_page does.

    When a revision is in force is told by all that came later: a zone's are read as a whole.
    """
    history = zone_history(session, zone_id, now_ms)
    return history, page_in(history.revisions, lambda revision: revision.number, limit=limit, cursor=cursor)


def zone_history(session: Session, zone_id: str, now_ms: int) -> ZoneHistory:
    """One zone. Raises NotFound."""
    zone = zone_by_id(session, zone_id)
    rows = session.scalars(select(ZoneRevisionRow).where(ZoneRevisionRow.zone_id == zone.id)).all()
    return _history(list(rows), _names(session, rows), now_ms)


def end_zone(
    session: Session, *, zone_id: str, details: ZoneEnd, seen: int, now_ms: int, actor: User | None = None
) -> ZoneRevisionRow:
    """End a zone at an instant (None: now); revisions that would start later never do.

    The end is a revision that repeats the one before and lasts until then. A zone that is not in
    force then, but would be later, is called off: its newest revision lasts a millisecond. Raises
    Conflict unless `seen` is the newest revision, InvalidChange for a zone that has ended already.
    """
    generation = next_generation(session)
    require_newest(session, zone_id, seen)
    ends_at_ms = now_ms if details.ends_at_ms is None else details.ends_at_ms
    require_future_start(ends_at_ms, now_ms)
    history = zone_history(session, zone_id, now_ms)
    if history.state == "ended":
        raise InvalidChange("the zone has ended already", code="zone_has_ended")
    last = next((each for each in reversed(history.revisions) if each.is_in_force(ends_at_ms)), None)
    source = last or history.shown
    starts_at_ms = max(now_ms, source.from_ms or now_ms)
    ending = _repeated(source.row, starts_at_ms, max(ends_at_ms, starts_at_ms + _SHORTEST_MS), generation)
    store_zone_revisions(session, [ending], reason=details.reason, actor=actor, now_ms=now_ms, action="zone.ended")
    return ending


def prolong_zone(
    session: Session, zone: Zone, *, ends_at_ms: int | None, reason: str, now_ms: int, actor: User | None
) -> ZoneRevisionRow:
    """From now on the zone is as its newest revision says, until another instant (None: further notice)."""
    generation = next_generation(session)
    going_on = _repeated(newest_zone_revision(session, zone), now_ms, ends_at_ms, generation)
    store_zone_revisions(session, [going_on], reason=reason, actor=actor, now_ms=now_ms)
    return going_on


def _repeated(row: ZoneRevisionRow, starts_at_ms: int, ends_at_ms: int | None, generation: int) -> ZoneRevisionRow:
    copied = {name: getattr(row, name) for name in _COPIED}
    return ZoneRevisionRow(
        zone=row.zone, starts_at_ms=starts_at_ms, ends_at_ms=ends_at_ms, generation=generation, **copied
    )


def _histories(session: Session, wanted: ColumnElement[bool], now_ms: int) -> list[ZoneHistory]:
    rows = session.scalars(select(ZoneRevisionRow).where(wanted).order_by(ZoneRevisionRow.generation)).all()
    by_zone: defaultdict[int, list[ZoneRevisionRow]] = defaultdict(list)
    for row in rows:
        by_zone[row.zone_id].append(row)
    names = _names(session, rows)
    found = [_history(members, names, now_ms) for members in by_zone.values()]
    return sorted(found, key=lambda history: history.zone.zone_id)


def _history(rows: list[ZoneRevisionRow], names: dict[int, str], now_ms: int) -> ZoneHistory:
    rows.sort(key=lambda row: row.generation)
    periods = {row.id: (start_ms, end_ms) for row, start_ms, end_ms in in_force(rows, lambda row: row.zone_id)}
    revisions = tuple(
        DatedRevision(row, number, names.get(row.actor_id or 0, ""), *periods.get(row.id, (None, None)))
        for number, row in enumerate(rows, start=1)
    )
    return ZoneHistory(rows[0].zone, revisions, now_ms)


def _names(session: Session, rows: Iterable[ZoneRevisionRow]) -> dict[int, str]:
    """The people who decided, by key."""
    keys = {row.actor_id for row in rows if row.actor_id is not None}
    found = session.execute(select(User.id, User.display_name).where(User.id.in_(keys)))
    return dict(found.all())
