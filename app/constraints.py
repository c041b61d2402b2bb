"""What a constraint of the database tells whoever made a change: somebody else was faster.

Services check before they write, so that a constraint speaks only when two do so at once: both find
an identifier free, and the second one's INSERT meets the first one's row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import psycopg
from sqlalchemy import UniqueConstraint
from sqlalchemy.exc import IntegrityError

from app.errors import AlreadyRegistered, AppError, Conflict
from app.models import Base

_TAKEN_SQLITE = frozenset({sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY})


def lost_race(error: IntegrityError) -> AppError | None:
    """AlreadyRegistered for a taken identifier, Conflict for other rows that came or went meanwhile.

    None: a rule of the data itself was broken (CHECK, NOT NULL), which is nobody else's doing.
    """
    cause = error.orig
    if _is_taken(cause):
        columns = _columns(cause)
        if len(columns) == 1:
            return AlreadyRegistered(f"this {columns[0]} was taken meanwhile", field=columns[0])
        return Conflict("somebody else was faster")
    return Conflict("what this refers to has gone meanwhile") if _is_dangling(cause) else None


def _is_taken(cause: BaseException | None) -> bool:
    if isinstance(cause, sqlite3.IntegrityError):
        return cause.sqlite_errorcode in _TAKEN_SQLITE
    return isinstance(cause, psycopg.errors.UniqueViolation)


def _is_dangling(cause: BaseException | None) -> bool:
    if isinstance(cause, sqlite3.IntegrityError):
        return cause.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
    return isinstance(cause, psycopg.errors.ForeignKeyViolation)


def _columns(cause: BaseException | None) -> Sequence[str]:
    """The columns of the constraint: PostgreSQL gives its name, SQLite says `UNIQUE constraint failed: t.a, t.b`."""
    if isinstance(cause, sqlite3.IntegrityError):
        return [name.rpartition(".")[2] for name in str(cause).rpartition(": ")[2].split(", ")]
    assert isinstance(cause, psycopg.Error)
    table = Base.metadata.tables.get(cause.diag.table_name or "")
    known = table.constraints if table is not None else ()
    named = (each for each in known if isinstance(each, UniqueConstraint) and each.name == cause.diag.constraint_name)
    return [column.name for found in named for column in found.columns]
