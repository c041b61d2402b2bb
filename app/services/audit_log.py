"""The audit log, searched: by actor, action, subject, time and words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, or_, select
from sqlalchemy.orm import Session

from app.errors import NotFound
from app.models import AuditEntry, AuditHead
from app.schemas.audit import AuditSearch
from app.services.pages import Page, read_page

_FETCHED_AT_ONCE = 500


def searched(search: AuditSearch) -> Select[Any]:
    """The entries that the search wants, in no order."""
    return select(AuditEntry).where(*_conditions(search))


def entry_page(session: Session, search: AuditSearch, *, limit: int, cursor: str | None) -> Page[AuditEntry]:
    """One page of the entries that the search wants, newest first. Raises InvalidChange for a foreign cursor."""
    page = read_page(session, searched(search), AuditEntry.number, limit=limit, cursor=cursor, newest_first=True)
    return page.map(lambda row: row[0])


def entry_by_number(session: Session, number: int) -> AuditEntry:
    """Raises NotFound."""
    found = session.get(AuditEntry, number)
    if found is None:
        raise NotFound(f"no audit entry {number}")
    return found


def newest(session: Session) -> AuditHead:
    """Number and hash of the newest entry: whoever keeps them can prove later what the log was."""
    return session.scalars(select(AuditHead)).one()


def actions(session: Session) -> list[str]:
    """Every action that the log knows."""
    return list(session.scalars(select(AuditEntry.action).distinct().order_by(AuditEntry.action)))


def subject_types(session: Session) -> list[str]:
    """Every kind of subject that the log knows."""
    return list(session.scalars(select(AuditEntry.subject_type).distinct().order_by(AuditEntry.subject_type)))


def lines(session: Session, search: AuditSearch) -> Iterator[str]:
    """The entries as JSON Lines in their order, with their hashes: enough to check the chain elsewhere."""
    wanted = searched(search).order_by(AuditEntry.number).execution_options(yield_per=_FETCHED_AT_ONCE)
    for entry in session.scalars(wanted):
        yield json.dumps(fields_of(entry), ensure_ascii=False, sort_keys=True) + "\n"


def fields_of(entry: AuditEntry) -> dict[str, Any]:
    """An entry as JSON values; hashes in hexadecimal."""
    return {
        "number": entry.number,
        "recorded_at_ms": entry.recorded_at_ms,
        "actor_id": entry.actor_id,
        "actor": entry.actor,
        "action": entry.action,
        "subject_type": entry.subject_type,
        "subject_id": entry.subject_id,
        "reason": entry.reason,
        "before": entry.before,
        "after": entry.after,
        "previous_hash": entry.previous_hash.hex(),
        "hash": entry.hash.hex(),
    }


def _conditions(search: AuditSearch) -> Iterator[ColumnElement[bool]]:
    if search.actor:
        yield AuditEntry.actor.icontains(search.actor, autoescape=True)
    if search.action:
        yield AuditEntry.action == search.action
    if search.subject_type:
        yield AuditEntry.subject_type == search.subject_type
    if search.subject_id:
        yield AuditEntry.subject_id.icontains(search.subject_id, autoescape=True)
    if search.since_ms is not None:
        yield AuditEntry.recorded_at_ms >= search.since_ms
    if search.until_ms is not None:
        yield AuditEntry.recorded_at_ms < search.until_ms
    if search.text:
        yield or_(*_holding(search.text))


def _holding(text: str) -> Iterator[ColumnElement[bool]]:
    for column in (AuditEntry.actor, AuditEntry.action, AuditEntry.subject_id, AuditEntry.reason):
        yield column.icontains(text, autoescape=True)
    # JSON is stored with everything outside ASCII as escapes.
    escaped = json.dumps(text)[1:-1]
    for state in (AuditEntry.before, AuditEntry.after):
        yield cast(state, String).icontains(escaped, autoescape=True)
