"""Real databases for tests: SQLite in a temporary directory, PostgreSQL started from Debian's packages.

PostgreSQL refuses to run as root: started by root, it runs as the user `postgres`. It listens on a
Unix socket in its own directory and nowhere else. A missing PostgreSQL fails the test; it never skips.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from app.database import migrate, open_engine

_DEBIAN = Path("/usr/lib/postgresql")
_SUPERUSER = "postgres"


@dataclass(frozen=True, slots=True)
class PostgresqlServer:
    """A running server; `directory` holds its socket and its data."""

    directory: Path

    def url(self, database: str) -> str:
        """For app.database.open_engine."""
        return f"postgresql+psycopg://{_SUPERUSER}@/{database}?host={self.directory}"

    def create_database(self, template: str = "template1") -> str:
        """A new database, empty or a copy; its name."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def run(self, statement: str) -> None:
        """Run a statement as the superuser, outside any transaction."""
        with psycopg.connect(
            host=str(self.directory), user=_SUPERUSER, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement.encode())

    def start(self) -> None:
        """Start, and wait until it answers."""
        # Without fsync, a machine that loses power would lose data; tests only ever kill the server.
        options = (
            f"-c listen_addresses='' -c unix_socket_directories={self.directory} -c max_connections=50 -c fsync=off"
        )
        log = self.directory / "log"
        _as_postgres("pg_ctl", "start", "-w", "-t", "60", "-D", self._data, "-l", str(log), "-o", options)

    def stop(self, mode: str = "fast") -> None:
        """Stop; `immediate` is as good as a kill."""
        _as_postgres("pg_ctl", "stop", "-w", "-m", mode, "-D", self._data)

    @property
    def _data(self) -> str:
        return str(self.directory / "data")


@contextmanager
def running_postgresql() -> Iterator[PostgresqlServer]:
    """A fresh server, removed at the end. Its path is short: a socket's may have 107 characters."""
    directory = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        if os.geteuid() == 0:
            shutil.chown(directory, _SUPERUSER)
        server = PostgresqlServer(directory)
        _as_postgres("initdb", "-D", str(directory / "data"), "-U", _SUPERUSER, "-A", "trust", "-E", "UTF8", "-N")
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """One server for the whole run; each test makes its own database in it."""
    with running_postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql: PostgresqlServer) -> str:
    """A migrated database to copy: faster than migrating one for each test."""
    name = postgresql.create_database()
    _migrated(postgresql.url(name)).dispose()
    return name


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for SQLite."""
    path = tmp_path_factory.mktemp("migrated") / "pilotage.sqlite3"
    _migrated(f"sqlite:///{path}").dispose()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A migrated database of either kind, of this test alone."""
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "test.sqlite3")
        return f"sqlite:///{path}"
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    return server.url(server.create_database(request.getfixturevalue("migrated_postgresql")))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on `database_url`."""
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def postgresql_engine(postgresql: PostgresqlServer, migrated_postgresql: str) -> Iterator[Engine]:
    """A migrated PostgreSQL database, for what only PostgreSQL does."""
    engine = open_engine(postgresql.url(postgresql.create_database(migrated_postgresql)))
    yield engine
    engine.dispose()


def _migrated(url: str) -> Engine:
    engine = open_engine(url)
    migrate(engine)
    return engine


def _as_postgres(program: str, *arguments: str) -> None:
    command = [str(_program(program)), *arguments]
    if os.geteuid() == 0:
        command = ["setpriv", f"--reuid={_SUPERUSER}", f"--regid={_SUPERUSER}", "--clear-groups", *command]
    # The server inherits standard output: a pipe here would stay open as long as it runs.
    result = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", check=False)
    if result.returncode:
        pytest.fail(f"{' '.join(command)} failed with {result.returncode}")


def _program(name: str) -> Path:
    found = sorted(_DEBIAN.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    if not found:
        pytest.fail(f"PostgreSQL is needed: no {_DEBIAN}/*/bin/{name} (apt-get install postgresql)")
    return found[-1]
