"""What the reader was told: decisions and reminders, and how many of them wait."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.models import User
from app.services.notices import mark_all_read, mark_read, notices_for, unread_count
from app.web.gate import identity, identity_or_none
from app.web.keys import row_number
from app.web.notice_text import told
from app.web.ownership import actor
from app.web.runtime import runtime

notices = Blueprint("notices", __name__, url_prefix="/desk/notices")

_SHOWN = 50


@notices.get("")
def index() -> str:
    """The newest first; `?cursor=` continues."""
    with runtime().reading() as session:
        reader = session.get_one(User, identity().user_id)
        page = notices_for(session, reader, limit=_SHOWN, cursor=request.args.get("cursor"))
        shown = [told(notice, read_at_ms) for notice, read_at_ms in page.items]
    return render_template("notices/index.html", notices=shown, next_cursor=page.next_cursor)


@notices.post("/<int:notice_id>/read")
def open_subject(notice_id: int) -> Response:
    """Mark it read and lead to what it is about."""
    with runtime().changing() as session:
        notice, read_at_ms = mark_read(session, actor(session), notice_id, now_ms=runtime().clock())
        url = told(notice, read_at_ms).url
    return redirect(url or url_for("notices.index"), code=HTTPStatus.SEE_OTHER)


@notices.post("/read")
def read_all() -> Response:
    """Mark everything read that the page showed."""
    with runtime().changing() as session:
        newest = request.form.get("up_to", 0, type=row_number)
        mark_all_read(session, actor(session), now_ms=runtime().clock(), up_to=newest)
    return redirect(url_for("notices.index"), code=HTTPStatus.SEE_OTHER)


@notices.app_template_global()
def unread_notices() -> int:
    """How many notices wait for the reader; asked once for a page, which shows it twice."""
    caller = identity_or_none()
    if caller is None:
        return 0
    if "unread_notices" not in g:
        with runtime().reading() as session:
            g.unread_notices = unread_count(session, session.get_one(User, caller.user_id))
    return int(g.unread_notices)
