"""Notices over HTTP: the caller's own, and which of them the caller has read."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from pydantic import Field

from app.models import Notice, User
from app.schemas.base import Schema
from app.schemas.notices import NoticeList, NoticeOut
from app.services.notices import mark_read, notices_for, unread_count
from app.web.api.base import PageQuery, Problem, answer, api_blueprint
from app.web.gate import identity
from app.web.notice_text import told
from app.web.ownership import actor
from app.web.runtime import runtime

notices_api = api_blueprint("notices", "Decisions and reminders for an organisation or a jurisdiction.")

_LARGEST_KEY = 2**63 - 1


class NoticeQuery(PageQuery):
    """Which notices."""

    unread: bool | None = None


class NoticePath(Schema):
    """Which notice."""

    notice_id: Annotated[int, Field(ge=1, le=_LARGEST_KEY)]


@notices_api.get("", responses={"200": NoticeList, "422": Problem})
def notices(query: NoticeQuery) -> Response:
    """One page of the caller's notices, newest first."""
    with runtime().reading() as session:
        reader = session.get_one(User, identity().user_id)
        page = notices_for(session, reader, is_unread=query.unread, limit=query.limit, cursor=query.cursor)
        return answer(
            NoticeList(
                items=[_out(notice, read_at_ms) for notice, read_at_ms in page.items],
                unread=unread_count(session, reader),
                next_cursor=page.next_cursor,
            )
        )


@notices_api.post("/<int:notice_id>/read", responses={"200": NoticeOut, "422": Problem})
def read(path: NoticePath) -> Response:
    """The caller has read it; the first time counts."""
    with runtime().changing() as session:
        notice, read_at_ms = mark_read(session, actor(session), path.notice_id, now_ms=runtime().clock())
        return answer(_out(notice, read_at_ms))


def _out(notice: Notice, read_at_ms: int | None) -> NoticeOut:
    return NoticeOut(
        id=notice.id,
        kind=notice.kind,
        subject_type=notice.subject_type,
        subject_id=notice.subject_id,
        text=told(notice, read_at_ms).text,
        params=notice.params,
        created_at_ms=notice.created_at_ms,
        read_at_ms=read_at_ms,
    )
