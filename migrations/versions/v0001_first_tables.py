"""The tables of the first running whole.

Revision ID: 0001
Revises: nothing
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "organisations",
        sa.Column("id", KEY, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name_zh", sa.String(length=200), nullable=False),
        sa.Column("name_en", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisations")),
        sa.UniqueConstraint("code", name=op.f("uq_organisations_code")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", KEY, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_table(
        "registry_generation",
        sa.Column("id", KEY, autoincrement=False, nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_registry_generation_single_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registry_generation")),
    )
    op.execute("INSERT INTO registry_generation (id, generation) VALUES (1, 0)")
    op.create_table(
        "samples",
        sa.Column("timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("vehicle", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("altitude_m", sa.Double(), nullable=True),
        sa.Column("altitude_datum", sa.SmallInteger(), nullable=False),
        sa.Column("heading_deg", sa.Double(), nullable=True),
        sa.Column("speed_mps", sa.Double(), nullable=True),
        sa.Column("horizontal_accuracy_m", sa.Double(), nullable=True),
        sa.Column("vertical_accuracy_m", sa.Double(), nullable=True),
        sa.Column("vertical_speed_mps", sa.Double(), nullable=True),
        sa.Column("acceleration_mps2", sa.Double(), nullable=True),
        sa.Column("mode", sa.SmallInteger(), nullable=False),
        sa.Column("safety_officer", sa.SmallInteger(), nullable=False),
        sa.Column("officer_id", sa.Text(), nullable=True),
        sa.Column("officer_load", sa.BigInteger(), nullable=False),
        sa.Column("passengers", sa.BigInteger(), nullable=False),
        sa.Column("battery_percent", sa.Double(), nullable=True),
        sa.Column("faults", sa.Text(), nullable=True),
        sa.Column("verdict", sa.BigInteger(), nullable=False),
        sa.Column("undecided", sa.BigInteger(), nullable=False),
        sa.Column("late", sa.SmallInteger(), nullable=False),
        sa.Column("zone_revision", sa.BigInteger(), nullable=False),
        sa.Column("permit_revision", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("timestamp_ms", "vehicle", "seq", name=op.f("pk_samples")),
        postgresql_partition_by="RANGE (timestamp_ms)",
        sqlite_with_rowid=False,
    )
    # Only PostgreSQL: in SQLite it would undo what the natural key's order gains (app.models.telemetry.Sample).
    if op.get_bind().dialect.name == "postgresql":
        op.create_index(op.f("ix_samples_vehicle_timestamp_ms"), "samples", ["vehicle", "timestamp_ms"])

    op.create_table(
        "vehicle_tracks",
        sa.Column("vehicle", KEY, autoincrement=False, nullable=False),
        sa.Column("watermark", sa.BigInteger(), nullable=False),
        sa.Column("last_timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("vehicle", name=op.f("pk_vehicle_tracks")),
    )
    op.create_table(
        "zones",
        sa.Column("id", KEY, nullable=False),
        sa.Column("zone_id", sa.String(length=64), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "test_road",
                "test_area",
                "air_corridor",
                "vertiport",
                "restricted",
                "speed_limit",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zones")),
        sa.UniqueConstraint("zone_id", name=op.f("uq_zones_zone_id")),
    )
    op.create_table(
        "officers",
        sa.Column("id", KEY, nullable=False),
        sa.Column("officer_id", sa.String(length=64), nullable=False),
        sa.Column("organisation_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_officers_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_officers")),
        sa.UniqueConstraint("officer_id", name=op.f("uq_officers_officer_id")),
    )
    op.create_table(
        "permits",
        sa.Column("id", KEY, nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column(
            "stage",
            sa.Enum(
                "road_test",
                "demonstration",
                "driverless_test",
                "commercial_pilot",
                "flight_test",
                "route_proving",
                "commercial_route",
                name="stage",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("holder_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["holder_id"], ["organisations.id"], name=op.f("fk_permits_holder_id_organisations")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_permits")),
        sa.UniqueConstraint("number", name=op.f("uq_permits_number")),
    )
    op.create_index(op.f("ix_permits_holder_id"), "permits", ["holder_id"])

    op.create_table(
        "users",
        sa.Column("id", KEY, nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("display_name", sa.String(length=200), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "administrator",
                "regulator",
                "operator",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("organisation_id", KEY, nullable=True),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "role <> 'operator' OR organisation_id IS NOT NULL", name=op.f("ck_users_operator_has_organisation")
        ),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_users_email_lower_case")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_users_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_table(
        "vehicles",
        sa.Column("id", KEY, nullable=False),
        sa.Column("vehicle_id", sa.String(length=64), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("road", "air", name="kind", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("organisation_id", KEY, nullable=False),
        sa.Column("plate", sa.String(length=64), nullable=True),
        sa.Column("model", sa.String(length=200), nullable=True),
        sa.Column("credential_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("registered_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_vehicles_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vehicles")),
        sa.UniqueConstraint("vehicle_id", name=op.f("uq_vehicles_vehicle_id")),
    )
    op.create_index(op.f("ix_vehicles_organisation_id"), "vehicles", ["organisation_id"])

    op.create_table(
        "licence_revisions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("officer_id", KEY, nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_licence_revisions_officer_id_officers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_licence_revisions")),
        sa.UniqueConstraint("officer_id", "generation", name=op.f("uq_licence_revisions_officer_id_generation")),
    )
    op.create_table(
        "permit_revisions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("permit_id", KEY, nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "submitted",
                "under_review",
                "issued",
                "suspended",
                "expired",
                "revoked",
                "surrendered",
                "rejected",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("starts_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("valid_from_ms", sa.BigInteger(), nullable=False),
        sa.Column("valid_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor_id", KEY, nullable=True),
        sa.Column("recorded_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("valid_until_ms > valid_from_ms", name=op.f("ck_permit_revisions_period_not_empty")),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_permit_revisions_actor_id_users")),
        sa.ForeignKeyConstraint(["permit_id"], ["permits.id"], name=op.f("fk_permit_revisions_permit_id_permits")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_permit_revisions")),
    )
    op.create_index(op.f("ix_permit_revisions_permit_id_generation"), "permit_revisions", ["permit_id", "generation"])

    op.create_table(
        "rejects",
        sa.Column("id", KEY, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("vehicle", KEY, nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column(
            "reason",
            sa.Enum(
                "malformed_topic",
                "unknown_vehicle",
                "wrong_partition",
                "wrong_vehicle",
                "unprocessable",
                "too_large",
                "too_many_samples",
                "malformed_json",
                "invalid_field",
                "timestamp_out_of_range",
                "position_out_of_range",
                "seq_reused",
                name="reason",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("arrivals", sa.Integer(), nullable=False),
        sa.Column("first_received_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_received_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["vehicle"], ["vehicles.id"], name=op.f("fk_rejects_vehicle_vehicles")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rejects")),
        sa.UniqueConstraint("digest", name=op.f("uq_rejects_digest")),
    )
    op.create_index(op.f("ix_rejects_vehicle_last_received_ms"), "rejects", ["vehicle", "last_received_ms"])

    op.create_table(
        "zone_revisions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("zone_id", KEY, nullable=False),
        sa.Column("name_zh", sa.String(length=200), nullable=False),
        sa.Column("name_en", sa.String(length=200), nullable=False),
        sa.Column("geometry", sa.Text(), nullable=False),
        sa.Column("half_width_m", sa.Double(), nullable=True),
        sa.Column("band_lower", sa.Double(), nullable=True),
        sa.Column("band_upper", sa.Double(), nullable=True),
        sa.Column(
            "band_datum",
            sa.Enum("AGL", "AMSL", "WGS84", name="band_datum", native_enum=False, create_constraint=True, length=32),
            nullable=True,
        ),
        sa.Column(
            "band_unit",
            sa.Enum("m", "ft", name="band_unit", native_enum=False, create_constraint=True, length=32),
            nullable=True,
        ),
        sa.Column("schedule", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("speed_limit_mps", sa.Double(), nullable=True),
        sa.Column("authority", sa.String(length=200), nullable=False),
        sa.Column("jurisdiction", sa.String(length=200), nullable=False),
        sa.Column("starts_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("ends_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor_id", KEY, nullable=True),
        sa.Column("recorded_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(band_lower IS NULL AND band_upper IS NULL) OR (band_datum IS NOT NULL AND band_unit IS NOT NULL)",
            name=op.f("ck_zone_revisions_band_has_datum_and_unit"),
        ),
        sa.CheckConstraint(
            "ends_at_ms IS NULL OR ends_at_ms > starts_at_ms", name=op.f("ck_zone_revisions_ends_after_start")
        ),
        sa.CheckConstraint(
            "half_width_m IS NULL OR half_width_m > 0", name=op.f("ck_zone_revisions_half_width_positive")
        ),
        sa.CheckConstraint(
            "speed_limit_mps IS NULL OR speed_limit_mps >= 0", name=op.f("ck_zone_revisions_speed_limit_not_negative")
        ),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_zone_revisions_actor_id_users")),
        sa.ForeignKeyConstraint(["zone_id"], ["zones.id"], name=op.f("fk_zone_revisions_zone_id_zones")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zone_revisions")),
    )
    op.create_index(op.f("ix_zone_revisions_zone_id_generation"), "zone_revisions", ["zone_id", "generation"])

    op.create_table(
        "alerts",
        sa.Column("id", KEY, nullable=False),
        sa.Column("vehicle_key", KEY, nullable=False),
        sa.Column("finding", sa.BigInteger(), nullable=False),
        sa.Column(
            "severity",
            sa.Enum(
                "notice", "warning", "critical", name="severity", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("opened_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("opened_seq", sa.BigInteger(), nullable=False),
        sa.Column("first_seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("zone_revision_id", KEY, nullable=True),
        sa.Column("permit_revision_id", KEY, nullable=True),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("acknowledged_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_by_id", KEY, nullable=True),
        sa.Column("acknowledgement", sa.String(length=2000), nullable=True),
        sa.Column("escalated_at_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(acknowledged_at_ms IS NULL) = (acknowledged_by_id IS NULL)",
            name=op.f("ck_alerts_acknowledged_by_someone"),
        ),
        sa.ForeignKeyConstraint(["acknowledged_by_id"], ["users.id"], name=op.f("fk_alerts_acknowledged_by_id_users")),
        sa.ForeignKeyConstraint(
            ["permit_revision_id"], ["permit_revisions.id"], name=op.f("fk_alerts_permit_revision_id_permit_revisions")
        ),
        sa.ForeignKeyConstraint(["vehicle_key"], ["vehicles.id"], name=op.f("fk_alerts_vehicle_key_vehicles")),
        sa.ForeignKeyConstraint(
            ["zone_revision_id"], ["zone_revisions.id"], name=op.f("fk_alerts_zone_revision_id_zone_revisions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
        sa.UniqueConstraint(
            "vehicle_key",
            "finding",
            "opened_at_ms",
            "opened_seq",
            name=op.f("uq_alerts_vehicle_key_finding_opened_at_ms_opened_seq"),
        ),
    )
    op.create_index(op.f("ix_alerts_open"), "alerts", ["closed_at_ms", "opened_at_ms"])

    op.create_table(
        "permit_revision_vehicles",
        sa.Column("revision_id", KEY, nullable=False),
        sa.Column("vehicle_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["revision_id"],
            ["permit_revisions.id"],
            name=op.f("fk_permit_revision_vehicles_revision_id_permit_revisions"),
        ),
        sa.ForeignKeyConstraint(
            ["vehicle_id"], ["vehicles.id"], name=op.f("fk_permit_revision_vehicles_vehicle_id_vehicles")
        ),
        sa.PrimaryKeyConstraint("revision_id", "vehicle_id", name=op.f("pk_permit_revision_vehicles")),
    )
    op.create_table(
        "permit_revision_zones",
        sa.Column("revision_id", KEY, nullable=False),
        sa.Column("zone_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["revision_id"], ["permit_revisions.id"], name=op.f("fk_permit_revision_zones_revision_id_permit_revisions")
        ),
        sa.ForeignKeyConstraint(["zone_id"], ["zones.id"], name=op.f("fk_permit_revision_zones_zone_id_zones")),
        sa.PrimaryKeyConstraint("revision_id", "zone_id", name=op.f("pk_permit_revision_zones")),
    )


def downgrade() -> None:
    op.drop_table("permit_revision_zones")
    op.drop_table("permit_revision_vehicles")
    op.drop_table("alerts")
    op.drop_table("zone_revisions")
    op.drop_table("rejects")
    op.drop_table("permit_revisions")
    op.drop_table("licence_revisions")
    op.drop_table("vehicles")
    op.drop_table("users")
    op.drop_table("permits")
    op.drop_table("officers")
    op.drop_table("zones")
    op.drop_table("vehicle_tracks")
    op.drop_table("samples")
    op.drop_table("registry_generation")
    op.drop_table("outbox")
    op.drop_table("organisations")
