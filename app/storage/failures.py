"""Failures of both databases told apart: the database is not there, or the program is wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import sqlalchemy.exc

from telemetry.errors import StoreUnavailable

#: Locked, full, read-only, gone, shut down. Constraint and programming errors are not among them:
#: waiting would not mend those, so they reach the worker as they are.
_UNAVAILABLE = (
    sqlite3.OperationalError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.InternalError,
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.InterfaceError,
    sqlalchemy.exc.InternalError,
    sqlalchemy.exc.TimeoutError,
)
#: The driver's own base class is raised for a damaged file, and for nothing that is our mistake.
_DAMAGED = (sqlite3.DatabaseError, sqlalchemy.exc.DatabaseError)


@contextmanager
def failures_mapped() -> Iterator[None]:
    """Raise StoreUnavailable, with its cause, for every failure that may pass."""
    try:
        yield
    except _UNAVAILABLE as error:
        raise StoreUnavailable(_reason(error)) from error
    except _DAMAGED as error:
        if type(error) not in _DAMAGED:
            raise
        raise StoreUnavailable(_reason(error)) from error


def _reason(error: Exception) -> str:
    """The driver's own words, without the statement: they are shown in the heartbeat."""
    if isinstance(error, sqlalchemy.exc.DBAPIError) and error.orig is not None:
        return str(error.orig).strip()
    return str(error)
