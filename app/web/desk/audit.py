"""The audit log at the desk: searched, read entry by entry, exported."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from app.models import AuditEntry
from app.schemas.audit import AuditSearch
from app.services.audit_log import actions, entry_by_number, lines, newest, searched, subject_types
from app.web.audit_words import action_name, actor_name, subject_name
from app.web.forms import Form, read_form
from app.web.runtime import Runtime, runtime
from app.web.tables import Column, DatabaseRows, Kind, Table, table_answer
from app.web.times import shanghai_seconds

audit = Blueprint("audit", __name__, url_prefix="/desk/audit")


@audit.get("")
def index() -> Response | str | tuple[Response | str, int]:
    """The log, newest first; `?export=jsonl` gives it with its hashes."""
    search, form = read_form(AuditSearch, MultiDict(request.args))
    if search is not None and request.args.get("export") == "jsonl":
        return _json_lines(runtime(), search)
    with runtime().reading() as database:
        answer = table_answer(
            _table(database, search or AuditSearch()),
            "audit/index.html",
            form=form,
            head=newest(database),
            actions=[(action, action_name(action)) for action in actions(database)],
            subject_types=[(kind, subject_name(kind)) for kind in subject_types(database)],
            is_searched=any(value for name, value in form.values.items() if name in AuditSearch.model_fields),
            jsonl_url=url_for("audit.index", **_repeated(form), export="jsonl"),
        )
    return answer if search is not None else (answer, HTTPStatus.UNPROCESSABLE_ENTITY)


@audit.get("/<int:number>")
def show(number: int) -> str:
    """One change: before and after, side by side."""
    with runtime().reading() as database:
        entry = entry_by_number(database, number)
        return render_template(
            "audit/show.html",
            entry=entry,
            actor=actor_name(entry.actor),
            action=action_name(entry.action),
            subject=subject_name(entry.subject_type),
            changes=_compared(entry.before, entry.after),
            head=newest(database),
        )


def _repeated(form: Form) -> dict[str, Any]:
    return {name: value for name, value in form.values.items() if name in AuditSearch.model_fields and value}


def _json_lines(state: Runtime, search: AuditSearch) -> Response:
    """Sent as it is read: the log may be long. Its session is its own, for the request's is over by then."""

    def sent() -> Iterator[str]:
        with state.reading() as database:
            yield from lines(database, search)

    answer = Response(sent(), mimetype="application/jsonl")
    answer.headers["Content-Disposition"] = 'attachment; filename="audit.jsonl"'
    return answer


def _table(database: Session, search: AuditSearch) -> Table[AuditEntry]:
    return Table(
        name="audit",
        caption=_("Audit log"),
        columns=[
            Column("number", _("Number"), lambda e: e.number, kind=Kind.NUMBER, link=_link),
            Column("at", _("Time"), lambda e: e.recorded_at_ms, kind=Kind.WHEN),
            Column("actor", _("Who"), lambda e: actor_name(e.actor)),
            Column("action", _("What"), lambda e: action_name(e.action), link=_link),
            Column("subject", _("Subject"), lambda e: e.subject_id, note=lambda e: subject_name(e.subject_type)),
            Column("reason", _("Reason"), lambda e: e.reason),
        ],
        rows=DatabaseRows(
            database,
            searched(search),
            tiebreak=AuditEntry.number,
            sort={"number": AuditEntry.number, "at": AuditEntry.recorded_at_ms},
        ),
        order="-number",
        searchable=False,
        page_size=50,
        empty_text=_("Nothing was recorded yet"),
    )


def _link(entry: AuditEntry) -> str:
    return url_for("audit.show", number=entry.number)


def _compared(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[tuple[str, str, str]]:
    """Each field with its value before and after, as texts; empty where there was none."""
    names = list(dict.fromkeys([*(before or {}), *(after or {})]))
    return [(name, _told(before, name), _told(after, name)) for name in names]


def _told(state: Mapping[str, Any] | None, name: str) -> str:
    if state is None or state.get(name) is None:
        return ""
    value = state[name]
    if name.endswith("_ms") and isinstance(value, int):
        return shanghai_seconds(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
