"""Runs revisions on the connection that app.database hands over, in its transaction."""

from __future__ import annotations

from typing import Literal

from alembic import context
from sqlalchemy.sql.schema import SchemaItem

from app.models import Base

_SAMPLE_PARTITIONS = "samples_p"
_POSTGRESQL_ONLY = frozenset({"ix_samples_vehicle_timestamp_ms"})


def include_name(
    name: str | None,
    kind: Literal["schema", "table", "column", "index", "unique_constraint", "foreign_key_constraint"],
    _parents: object,
) -> bool:
    """Leave out the daily partitions of `samples`: the writer creates them as days come."""
    return kind != "table" or name is None or not name.startswith(_SAMPLE_PARTITIONS)


def include_object(_item: SchemaItem, name: str | None, *_: object) -> bool:
    """Leave out what the models declare for PostgreSQL only (`ddl_if`), which Alembic does not read."""
    return name not in _POSTGRESQL_ONLY or context.get_bind().dialect.name == "postgresql"


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    include_name=include_name,
    include_object=include_object,
    render_as_batch=True,
)
context.run_migrations()
