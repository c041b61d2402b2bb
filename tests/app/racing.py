"""Somebody else is faster: what SQLite rules out and PostgreSQL does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from app.database import changing_session


@contextmanager
def overtaken(engine: Engine, act: Callable[[Session], object]) -> Iterator[None]:
    """Another transaction acts, and commits, between a service's check and its first INSERT."""
    acts = iter([act])

    def act_first(*_: object) -> None:
        for each in acts:
            with changing_session(engine) as session:
                each(session)

    event.listen(Session, "before_flush", act_first)
    try:
        yield
    finally:
        event.remove(Session, "before_flush", act_first)
