"""Engines, sessions and migrations: the two databases behave alike from here on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

import migrations
from app import audit
from app.constraints import lost_race
from app.errors import Conflict, SchemaOutdated

#: How long a SQLite writer waits for another one before the flush counts as unavailable.
SQLITE_BUSY_S = 2.0
#: How long a connection to PostgreSQL may take.
POSTGRESQL_CONNECT_S = 5
#: Values bound in one statement; both databases allow more.
MOST_VALUES = 5_000
_BEGIN = "sqlite_begin"
_T = TypeVar("_T")


def in_parts(values: Iterable[_T]) -> Iterator[list[_T]]:
    """Values for `in_()`, so many at once as a statement takes: those of a whole fleet are too many for one."""
    remaining = iter(values)
    while part := list(islice(remaining, MOST_VALUES)):
        yield part


def open_engine(url: str) -> Engine:
    """An engine for SQLite (WAL, synchronous=FULL, foreign keys) or PostgreSQL (psycopg).

    Its errors name no values: they are logged, and a value may be a secret.
    """
    if make_url(url).get_backend_name() == "sqlite":
        return _open_sqlite(url)
    return create_engine(
        url, pool_pre_ping=True, hide_parameters=True, connect_args={"connect_timeout": POSTGRESQL_CONNECT_S}
    )


@contextmanager
def opened_engine(url: str) -> Iterator[Engine]:
    """The database for a command that ends; its connections are closed then."""
    engine = open_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def migrated_engine(url: str) -> Iterator[Engine]:
    """The same for a command that needs every table. Raises SchemaOutdated when some may be missing."""
    with opened_engine(url) as engine:
        with engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_heads()
        if set(found) != set(ScriptDirectory.from_config(migration_config()).get_heads()):
            raise SchemaOutdated("the database is not at the schema of this version: run `pilotage migrate` first")
        yield engine


def changing(engine: Engine) -> Engine:
    """The same engine for transactions that write.

    SQLite then takes its write lock at the beginning: a transaction that reads first and writes
    later could otherwise fail half way although it waited.
    """
    return engine.execution_options(**{_BEGIN: "IMMEDIATE"})


@contextmanager
def reading_session(engine: Engine) -> Iterator[Session]:
    """A session for reading; nothing is committed."""
    with Session(engine, expire_on_commit=False) as session:
        yield session


@contextmanager
def changing_session(engine: Engine) -> Iterator[Session]:
    """A session that commits at its end, with the audit log, or rolls back when the block raises.

    Raises AlreadyRegistered or Conflict when somebody else was faster: a constraint or a version says so.
    """
    with _lost_races_told(), Session(changing(engine), expire_on_commit=False) as session:
        event.listen(session, "after_flush", lambda flushed, _context: audit.notice_changes(flushed))
        event.listen(session, "do_orm_execute", audit.refuse_unnoticed)
        with session.begin():
            yield session
            audit.write_entries(session)


@contextmanager
def _lost_races_told() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        refusal = lost_race(error)
        if refusal is None:
            raise
        raise refusal from error
    except StaleDataError as error:
        raise Conflict("somebody else has changed this meanwhile") from error


@contextmanager
def snapshot_connection(engine: Engine) -> Iterator[Connection]:
    """A connection for reading that sees one state of the database, whatever is written meanwhile.

    A SQLite file cannot shrink its write-ahead log while it is open: close it soon.
    """
    reading = engine if _is_sqlite(engine) else engine.execution_options(isolation_level="REPEATABLE READ")
    with reading.connect() as connection:
        yield connection


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the schema up (or down) to `revision`."""
    with _migrating(engine) as config:
        command.upgrade(config, revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the schema back to `revision` (`base`: nothing left)."""
    with _migrating(engine) as config:
        command.downgrade(config, revision)


def migration_config() -> Config:
    """Alembic's configuration, found through the package: the same when installed and in the tree."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    return config


@contextmanager
def _migrating(engine: Engine) -> Iterator[Config]:
    """Alembic's configuration with a connection in a transaction, committed at the end.

    SQLite alters a table by making it anew, so foreign keys are looked at once, before the commit.
    """
    config = migration_config()
    with changing(engine).connect() as connection, _unwatched_foreign_keys(connection), connection.begin():
        config.attributes["connection"] = connection
        yield config
        if _is_sqlite(engine):
            _refuse_dangling(connection)


@contextmanager
def _unwatched_foreign_keys(connection: Connection) -> Iterator[None]:
    """SQLite's foreign keys off. Only outside a transaction has the pragma an effect."""
    raw = connection.connection.driver_connection
    if not isinstance(raw, sqlite3.Connection):
        yield
        return
    raw.execute("PRAGMA foreign_keys=OFF").close()
    try:
        yield
    finally:
        raw.execute("PRAGMA foreign_keys=ON").close()


def _refuse_dangling(connection: Connection) -> None:
    dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if dangling:
        tables = ", ".join(sorted({row[0] for row in dangling}))
        raise RuntimeError(f"the migration left {len(dangling)} rows that refer to nothing, in: {tables}")


def _is_sqlite(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite"


def _open_sqlite(url: str) -> Engine:
    database = make_url(url).database
    if database and database != ":memory:":
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": SQLITE_BUSY_S})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver's own habit of opening transactions is turned off: _begin_sqlite does it.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    begin = connection.get_execution_options().get(_BEGIN, "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {begin}")
