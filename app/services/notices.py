"""Notices: what an organisation or a jurisdiction's regulators are told, once for each occasion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.audit import Subject
from app.errors import NotFound
from app.models import (
    OPERATORS,
    Base,
    Jurisdiction,
    Notice,
    NoticeRead,
    Notification,
    NotificationChannel,
    Organisation,
    Role,
    User,
)
from app.services.delivery_times import due_on
from app.services.notice_topics import NOT_IN_PAGE, wants
from app.services.pages import Page, read_page

_Insert: TypeAlias = sqlite.Insert | postgresql.Insert


def notify(
    session: Session,
    *,
    kind: str,
    subject: Subject,
    occasion: str,
    params: Mapping[str, Any],
    now_ms: int,
    organisation: Organisation | None = None,
    jurisdiction: Jurisdiction | None = None,
    person: User | None = None,
) -> int | None:
    """Tell an organisation, a jurisdiction's regulators, or both, in the page and on the channels that want it.

    With a person it stands in that person's page alone; the channels are those of the organisation or jurisdiction.

    `kind` names the text (app.web.notice_text) and what it is about (app.services.notice_topics), `params`
    fill the text in: JSON values, no secrets. (kind, subject, occasion) is told once, however many processes
    try: the answer is the notice's key, or None when it was told before.
    """
    statement = _insert(session, Notice).values(
        kind=kind,
        subject_type=subject.type,
        subject_id=subject.id,
        occasion=occasion,
        params=dict(params),
        organisation_id=organisation.id if organisation else None,
        jurisdiction_id=jurisdiction.id if jurisdiction else None,
        user_id=person.id if person else None,
        created_at_ms=now_ms,
    )
    notice_id = session.execute(statement.on_conflict_do_nothing().returning(Notice.id)).scalar_one_or_none()
    if notice_id is not None:
        _hold_for_channels(session, notice_id, kind, organisation, jurisdiction, now_ms)
    return notice_id


def notices_for(
    session: Session, reader: User, *, is_unread: bool | None = None, limit: int = 100, cursor: str | None = None
) -> Page[tuple[Notice, int | None]]:
    """One page of the notices addressed to this person, newest first, each with when that person read it.

    Raises InvalidChange for a foreign cursor.
    """
    query = _addressed(reader)
    if is_unread is not None:
        query = query.where(_is_unread(reader) if is_unread else ~_is_unread(reader))
    page = read_page(session, query, Notice.id, limit=limit, cursor=cursor, newest_first=True)
    return page.map(lambda row: (row[0], row[1]))


def unread_count(session: Session, reader: User) -> int:
    """How many notices wait for this person."""
    unread = _addressed(reader).where(_is_unread(reader)).subquery()
    return session.scalars(select(func.count()).select_from(unread)).one()


def mark_read(session: Session, reader: User, notice_id: int, *, now_ms: int) -> tuple[Notice, int]:
    """This person has read it; the notice and when that first was. Raises NotFound for one that is not theirs."""
    found = session.execute(_addressed(reader).where(Notice.id == notice_id)).first()
    if found is None:
        raise NotFound("There is no such notice.")
    notice, read_at_ms = found
    if read_at_ms is None:
        _read(session, reader, [notice.id], now_ms)
    return notice, read_at_ms or now_ms


def mark_all_read(session: Session, reader: User, *, now_ms: int, up_to: int) -> None:
    """This person has read every notice up to the one with the key `up_to`: what came later stays unread."""
    unread = _addressed(reader).where(Notice.id <= up_to, _is_unread(reader))
    _read(session, reader, [notice.id for notice, _read_at_ms in session.execute(unread)], now_ms)


def _hold_for_channels(  # noqa: PLR0917 -- private, and called once
    session: Session,
    notice_id: int,
    kind: str,
    organisation: Organisation | None,
    jurisdiction: Jurisdiction | None,
    now_ms: int,
) -> None:
    """What the channels want of it waits for them, in this very transaction."""
    owners = [
        owner == addressed.id
        for owner, addressed in (
            (NotificationChannel.organisation_id, organisation),
            (NotificationChannel.jurisdiction_id, jurisdiction),
        )
        if addressed is not None
    ]
    channels = select(NotificationChannel).where(NotificationChannel.enabled, or_(false(), *owners))
    for channel in session.scalars(channels):
        if wants(channel, kind):
            due_ms = due_on(channel, kind, now_ms)
            session.add(Notification(channel_key=channel.id, notice_id=notice_id, due_at_ms=due_ms))


def _read(session: Session, reader: User, notice_ids: Sequence[int], now_ms: int) -> None:
    rows = [{"user_id": reader.id, "notice_id": notice_id, "read_at_ms": now_ms} for notice_id in notice_ids]
    if rows:
        session.execute(_insert(session, NoticeRead).on_conflict_do_nothing(), rows)


def _addressed(reader: User) -> Select[Notice, int]:
    """The person's notices with when they read each."""
    own = and_(NoticeRead.notice_id == Notice.id, NoticeRead.user_id == reader.id)
    in_page = Notice.kind.not_in(NOT_IN_PAGE)
    return select(Notice, NoticeRead.read_at_ms).outerjoin(NoticeRead, own).where(_is_for(reader), in_page)


def _is_for(reader: User) -> ColumnElement[bool]:
    return or_(Notice.user_id == reader.id, and_(Notice.user_id.is_(None), _is_for_all_of(reader)))


def _is_for_all_of(reader: User) -> ColumnElement[bool]:
    if reader.role is Role.REGULATOR:
        return Notice.jurisdiction_id.in_([jurisdiction.id for jurisdiction in reader.jurisdictions])
    return Notice.organisation_id == reader.organisation_id if reader.role in OPERATORS else false()


def _is_unread(reader: User) -> ColumnElement[bool]:
    """What was told before the person had an account waits for nobody."""
    return and_(NoticeRead.read_at_ms.is_(None), Notice.created_at_ms >= reader.created_at_ms)


def _insert(session: Session, table: type[Base]) -> _Insert:
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    return sqlite.insert(table) if is_sqlite else postgresql.insert(table)
