"""The audit log over HTTP: searched and read, never written."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from pydantic import Field

from app.models import AuditEntry
from app.schemas.audit import AuditEntryOut, AuditHeadOut, AuditSearch
from app.schemas.base import Schema
from app.services.audit_log import entry_by_number, entry_page, fields_of, newest
from app.web.api.base import PageQuery, Problem, answer, api_blueprint
from app.web.runtime import runtime

audit_api = api_blueprint("audit", "The hash-chained log of every change.")

_LAST_NUMBER = 2**31 - 1


class AuditQuery(PageQuery, AuditSearch):
    """A search, and which part of what it finds."""


class AuditPage(Schema):
    """Entries, newest first; `next_cursor` leads to older ones."""

    items: list[AuditEntryOut]
    next_cursor: str | None


class EntryPath(Schema):
    """Which entry."""

    number: Annotated[int, Field(ge=1, le=_LAST_NUMBER)]


@audit_api.get("", responses={"200": AuditPage, "422": Problem})
def entries(query: AuditQuery) -> Response:
    """Entries, newest first."""
    with runtime().reading() as database:
        page = entry_page(database, query, limit=query.limit, cursor=query.cursor)
        return answer(AuditPage(items=page.map(_out).items, next_cursor=page.next_cursor))


@audit_api.get("/head", responses={"200": AuditHeadOut})
def head() -> Response:
    """Number and hash of the newest entry. Kept elsewhere, they prove later what the log was."""
    with runtime().reading() as database:
        found = newest(database)
        return answer(AuditHeadOut(number=found.number, hash=found.hash.hex()))


@audit_api.get("/<int:number>", responses={"200": AuditEntryOut})
def entry(path: EntryPath) -> Response:
    """One entry."""
    with runtime().reading() as database:
        return answer(_out(entry_by_number(database, path.number)))


def _out(row: AuditEntry) -> AuditEntryOut:
    return AuditEntryOut(**fields_of(row))
