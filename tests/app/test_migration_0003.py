"""What a database of 0002 keeps when it is taken to 0003 and back, and what 0003 refuses."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, Engine, column, select, text
from sqlalchemy import table as sql_table
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.database import changing, downgrade, migrate

_KEPT = (
    "organisations",
    "users",
    "api_tokens",
    "officers",
    "licence_revisions",
    "vehicles",
    "zones",
    "zone_revisions",
    "permits",
    "permit_revisions",
    "permit_revision_vehicles",
    "permit_revision_zones",
    "samples",
    "alerts",
    "rejects",
)
_HASH = b"h" * 32
_FILL: tuple[tuple[str, dict[str, Any]], ...] = (
    ("organisations", {"id": 1, "code": "opal", "name_zh": "欧珀", "name_en": "Opal"}),
    ("users", {"id": 1, "email": "a@x.cn", "display_name": "A", "role": "administrator"}),
    ("users", {"id": 2, "email": "r@x.cn", "display_name": "R", "role": "regulator"}),
    ("users", {"id": 3, "email": "o@x.cn", "display_name": "O", "role": "operator", "organisation_id": 1}),
    ("api_tokens", {"id": 1, "user_id": 3, "name": "t", "token_hash": _HASH, "created_at_ms": 1, "expires_at_ms": 9}),
    ("officers", {"id": 1, "officer_id": "SO-1", "organisation_id": 1}),
    ("licence_revisions", {"id": 1, "officer_id": 1, "expires_at_ms": 99, "generation": 1}),
    ("vehicles", {"id": 1, "vehicle_id": "CAR-1", "plate": "粤B·1", "credential_hash": _HASH}),
    ("vehicles", {"id": 2, "vehicle_id": "CAR-2", "plate": None, "credential_hash": _HASH[::-1]}),
    ("zones", {"id": 1, "zone_id": "R1", "kind": "test_road"}),
    ("zones", {"id": 2, "zone_id": "R2", "kind": "test_road"}),
    ("zone_revisions", {"id": 1, "zone_id": 1, "jurisdiction": "qianhai"}),
    ("zone_revisions", {"id": 2, "zone_id": 2, "jurisdiction": "baoan"}),
    ("permits", {"id": 1, "number": "P-1", "stage": "road_test", "holder_id": 1}),
    ("permits", {"id": 2, "number": "P-2", "stage": "road_test", "holder_id": 1}),
    ("permit_revisions", {"id": 1, "permit_id": 1, "state": "issued", "generation": 5}),
    ("permit_revisions", {"id": 2, "permit_id": 2, "state": "issued", "generation": 6}),
    ("permit_revisions", {"id": 3, "permit_id": 1, "state": "suspended", "generation": 7}),
    ("permit_revision_vehicles", {"revision_id": 1, "vehicle_id": 1}),
    ("permit_revision_vehicles", {"revision_id": 3, "vehicle_id": 2}),
    ("permit_revision_zones", {"revision_id": 1, "zone_id": 1}),
    ("permit_revision_zones", {"revision_id": 3, "zone_id": 1}),
    ("permit_revision_zones", {"revision_id": 3, "zone_id": 2}),
    ("alerts", {"id": 1, "vehicle_key": 1, "zone_revision_id": 1, "permit_revision_id": 3}),
    ("rejects", {"id": 1, "digest": _HASH, "vehicle": 1}),
)
_OUT_OF_SERVICE = """
    INSERT INTO vehicle_status_revisions (vehicle_id, status, starts_at_ms, reason, recorded_at_ms, generation)
    VALUES (1, 'out_of_service', 0, '', 0, 8)
"""
_REQUIRED: dict[str, dict[str, Any]] = {
    "users": {"password_hash": "x", "created_at_ms": 1},
    "vehicles": {"kind": "road", "partition": 3, "organisation_id": 1, "registered_at_ms": 77, "generation": 2},
    "zone_revisions": {
        "name_zh": "路",
        "name_en": "road",
        "geometry": "{}",
        "authority": "",
        "starts_at_ms": 0,
        "reason": "",
        "recorded_at_ms": 0,
        "generation": 3,
    },
    "permit_revisions": {
        "starts_at_ms": 0,
        "valid_from_ms": 0,
        "valid_until_ms": 9,
        "terms": "{}",
        "reason": "事故",
        "recorded_at_ms": 0,
    },
    "alerts": {
        "finding": 2,
        "severity": "critical",
        "opened_at_ms": 5,
        "opened_seq": 1,
        "first_seen_ms": 5,
        "last_seen_ms": 6,
        "acknowledged_at_ms": 7,
        "acknowledged_by_id": 3,
        "lon": 113.9,
        "lat": 22.5,
    },
    "rejects": {
        "topic": "t",
        "reason": "malformed_json",
        "detail": "",
        "payload": b"\xff",
        "arrivals": 1,
        "first_received_ms": 1,
        "last_received_ms": 1,
    },
}
_SAMPLE_CODES = ("altitude_datum", "mode", "safety_officer", "officer_load", "passengers", "undecided", "late")
_SAMPLE = {
    "timestamp_ms": 5,
    "vehicle": 1,
    "seq": 1,
    "received_ms": 6,
    "lon": 113.9,
    "lat": 22.5,
    "verdict": 2,
    "zone_revision": 1,
    "permit_revision": 3,
    "generation": 7,
    **dict.fromkeys(_SAMPLE_CODES, 0),
}


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """A database of 0002 in which each table that 0003 touches has rows."""
    downgrade(engine, "0002")
    with changing(engine).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("CREATE TABLE samples_p0 PARTITION OF samples FOR VALUES FROM (0) TO (1000)"))
        for table, row in (*_FILL, ("samples", _SAMPLE)):
            _insert(connection, table, {**_REQUIRED.get(table, {}), **row})
    return engine


def test_a_filled_database_survives_up_and_down_and_up(filled: Engine) -> None:
    before = _rows(filled)
    migrate(filled)
    downgrade(filled, "0002")
    assert _rows(filled) == before
    migrate(filled)


def test_operators_become_managers_and_regulators_go_on_deciding(filled: Engine) -> None:
    migrate(filled)
    assert _all(filled, "SELECT id, role, must_change_password FROM users ORDER BY id") == [
        (1, "administrator", False),
        (2, "regulator", False),
        (3, "operator_manager", False),
    ]
    decides = "SELECT user_id, code FROM user_jurisdictions JOIN jurisdictions ON id = jurisdiction_id ORDER BY code"
    assert _all(filled, decides) == [(2, "baoan"), (2, "qianhai")]


def test_a_permit_belongs_to_the_jurisdiction_of_its_zones_or_to_the_first(filled: Engine) -> None:
    migrate(filled)
    issuers = (
        "SELECT number, code FROM permits JOIN jurisdictions ON jurisdictions.id = jurisdiction_id ORDER BY number"
    )
    assert _all(filled, issuers) == [("P-1", "qianhai"), ("P-2", "baoan")]


def test_a_permit_goes_on_being_valid_across_the_border(filled: Engine) -> None:
    migrate(filled)
    recognised = "SELECT r.code, i.code, stages, starts_at_ms, generation FROM recognition_revisions"
    pair = " JOIN jurisdictions r ON r.id = recogniser_id JOIN jurisdictions i ON i.id = issuer_id"
    [(recogniser, issuer, stages, *since)] = _all(filled, recognised + pair)
    assert (recogniser, issuer, since) == ("baoan", "qianhai", [0, 0])
    assert "road_test" in stages


def test_revisions_are_numbered_and_credentials_dated(filled: Engine) -> None:
    migrate(filled)
    assert _all(filled, "SELECT id, number FROM permit_revisions ORDER BY id") == [(1, 1), (2, 1), (3, 2)]
    assert _all(filled, "SELECT DISTINCT credential_issued_at_ms FROM vehicles") == [(77,)]


def test_foreign_keys_are_watched_again_afterwards(filled: Engine) -> None:
    migrate(filled)
    with pytest.raises(IntegrityError), changing(filled).begin() as connection:
        connection.execute(text("INSERT INTO trial_zones (trial_id, zone_id) VALUES (404, 1)"))


def test_going_back_gives_nobody_more_rights(filled: Engine) -> None:
    migrate(filled)
    _change(filled, "UPDATE users SET disabled_at_ms = 8 WHERE id = 3")
    _change(filled, "UPDATE vehicles SET credential_hash = NULL WHERE id = 1")
    downgrade(filled, "0002")
    assert _all(filled, "SELECT count(*) FROM users WHERE password_hash = 'x'") == [(2,)]
    assert _all(filled, "SELECT count(*) FROM api_tokens") == [(0,)]
    [(revoked,)] = _all(filled, "SELECT credential_hash FROM vehicles WHERE id = 1")
    assert bytes(revoked) == bytes(32)


@pytest.mark.parametrize(
    "change",
    ["UPDATE api_tokens SET revoked_at_ms = 5", """UPDATE api_tokens SET scopes = '["read"]'"""],
)
def test_going_back_deletes_tokens_that_were_revoked_or_limited(filled: Engine, change: str) -> None:
    migrate(filled)
    _change(filled, change)
    downgrade(filled, "0002")
    assert _all(filled, "SELECT count(*) FROM api_tokens") == [(0,)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("UPDATE users SET role = 'auditor' WHERE id = 1", "auditor"),
        (
            _OUT_OF_SERVICE,
            "out of service",
        ),
    ],
)
def test_going_back_is_refused_where_somebody_would_gain_rights(filled: Engine, change: str, message: str) -> None:
    migrate(filled, "0003")
    _change(filled, change)
    with pytest.raises(RuntimeError, match=message):
        downgrade(filled, "0002")
    assert _all(filled, "SELECT version_num FROM alembic_version") == [("0003",)]


def test_a_migration_that_leaves_rows_without_their_referent_is_undone(filled: Engine) -> None:
    if filled.dialect.name == "sqlite":
        with filled.connect() as connection:
            raw = connection.connection.driver_connection
            assert raw is not None
            raw.execute("PRAGMA foreign_keys=OFF")
            raw.execute("UPDATE vehicles SET organisation_id = 404 WHERE id = 2")
            raw.execute("PRAGMA foreign_keys=ON")
        with pytest.raises(RuntimeError, match="vehicles"):
            migrate(filled)
        assert _all(filled, "SELECT version_num FROM alembic_version") == [("0002",)]
    else:
        with pytest.raises(IntegrityError):
            _change(filled, "UPDATE vehicles SET organisation_id = 404 WHERE id = 2")


@pytest.mark.parametrize("change", ["UPDATE audit_entries SET reason = 'other'", "DELETE FROM audit_entries"])
def test_the_database_refuses_to_alter_the_audit_log(engine: Engine, change: str) -> None:
    entry = {
        "number": 1,
        "recorded_at_ms": 1,
        "actor": "A",
        "action": "x",
        "subject_type": "permit",
        "subject_id": "P-1",
        "reason": "",
        "previous_hash": bytes(32),
        "hash": _HASH,
    }
    with changing(engine).begin() as connection:
        _insert(connection, "audit_entries", entry)
    with pytest.raises(DBAPIError, match="append-only"):
        _change(engine, change)
    assert _all(engine, "SELECT count(*) FROM audit_entries WHERE reason = ''") == [(1,)]


def _insert(connection: Connection, table: str, row: dict[str, Any]) -> None:
    connection.execute(sql_table(table, *map(column, row)).insert(), row)


def _change(engine: Engine, statement: str) -> None:
    with changing(engine).begin() as connection:
        connection.execute(text(statement))


def _all(engine: Engine, statement: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def _rows(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    found = {}
    with engine.connect() as connection:
        for table in _KEPT:
            rows = connection.execute(select(text("*")).select_from(sql_table(table))).mappings()
            found[table] = sorted((dict(row) for row in rows), key=repr)
    return found
