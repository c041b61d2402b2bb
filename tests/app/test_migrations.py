from __future__ import annotations

from alembic import command
from sqlalchemy import CheckConstraint, Engine, Enum, inspect, text

from app.database import changing, downgrade, migrate, migration_config
from app.models import Base


def test_models_equal_the_migrated_schema(engine: Engine) -> None:
    with changing(engine).begin() as connection:
        config = migration_config()
        config.attributes["connection"] = connection
        command.check(config)


def test_migrating_again_changes_nothing(engine: Engine) -> None:
    migrate(engine)


def test_down_leaves_nothing_and_up_again_works(engine: Engine) -> None:
    downgrade(engine, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    migrate(engine)
    assert set(Base.metadata.tables) < set(inspect(engine).get_table_names())


def test_every_value_of_an_enumeration_is_allowed_by_the_database(engine: Engine) -> None:
    """Alembic does not compare check constraints, so a new member could be forgotten in the migration."""
    found = {
        (table, check["name"]): check["sqltext"]
        for table in Base.metadata.tables
        for check in inspect(engine).get_check_constraints(table)
    }
    for table in Base.metadata.tables.values():
        for column in table.columns:
            if isinstance(column.type, Enum):
                allowed = found[table.name, f"ck_{table.name}_{column.type.name}"]
                missing = [value for value in column.type.enums if f"'{value}'" not in allowed]
                assert not missing, f"{table.name}.{column.name} refuses {missing}"


def test_every_other_check_is_in_the_database(engine: Engine) -> None:
    for table in Base.metadata.tables.values():
        declared = {str(c.name) for c in table.constraints if isinstance(c, CheckConstraint)}
        assert declared == {check["name"] for check in inspect(engine).get_check_constraints(table.name)}


def test_samples_are_kept_as_designed(engine: Engine) -> None:
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            sql = connection.scalar(text("SELECT sql FROM sqlite_master WHERE name = 'samples'"))
            assert "WITHOUT ROWID" in str(sql)
        else:
            key = "SELECT pg_get_partkeydef('samples'::regclass)"
            assert connection.scalar(text(key)) == "RANGE (timestamp_ms)"
    indexes = [index["name"] for index in inspect(engine).get_indexes("samples")]
    assert indexes == ([] if engine.dialect.name == "sqlite" else ["ix_samples_vehicle_timestamp_ms"])
    assert inspect(engine).get_pk_constraint("samples")["constrained_columns"] == ["timestamp_ms", "vehicle", "seq"]


def test_the_registry_begins_at_generation_zero(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.execute(text("SELECT id, generation FROM registry_generation")).all() == [(1, 0)]
