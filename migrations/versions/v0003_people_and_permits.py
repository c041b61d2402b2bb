"""People and permits: roles, jurisdictions, details of vehicles and people, trials, applications, the audit log.

A database of 0002 keeps its content: its operators become managers, its permits belong to the
jurisdiction of their zones, in all of which its regulators go on deciding, and the revisions of a
permit are numbered. Where a permit named zones of several jurisdictions, the others recognise the
issuer: it goes on being valid there, and stored samples are judged again as they were.

The way back loses what only 0003 can say, the audit log among it, and lets nobody do more than
before: it refuses while there are auditors or vehicles out of service, takes the password of
disabled users and deletes their tokens, and those that were revoked or limited.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations
from argon2 import PasswordHasher

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_AUDIT_IS_APPEND_ONLY = "the audit log is append-only"
_NO_HASH = bytes(32)
_STAGES = (
    "road_test",
    "demonstration",
    "driverless_test",
    "commercial_pilot",
    "flight_test",
    "route_proving",
    "commercial_route",
)
_APPLICATION_STATES = (
    "draft",
    "submitted",
    "under_review",
    "changes_requested",
    "granted",
    "rejected",
    "withdrawn",
)
_CAPACITIES = ("onboard_safety_officer", "remote_safety_officer", "onboard_pilot", "remote_pilot")
_ROLES = ("administrator", "regulator", "operator_manager", "operator_staff", "auditor")
_ROLES_BEFORE = ("administrator", "regulator", "operator")
_PERMIT_STATES = ("issued", "suspended", "expired", "revoked", "surrendered")
_PERMIT_STATES_BEFORE = ("draft", "submitted", "under_review", *_PERMIT_STATES, "rejected")
_ORGANISATION_DETAILS = ("address", "contact_name", "contact_email", "contact_phone", "emergency_phone", "website")
_VEHICLE_DETAILS = ("make", "sensors", "software_version", "aircraft_type", "insurer", "insurance_policy")
_VEHICLE_CHECKS = {
    "j3016_level": "automation_level IS NULL OR automation_level BETWEEN 0 AND 5",
    "mass_positive": "max_takeoff_mass_kg IS NULL OR max_takeoff_mass_kg > 0",
    "insured_sum_not_negative": "insured_sum_cny IS NULL OR insured_sum_cny >= 0",
}
_READ_BY_GENERATION = ("vehicles", "zone_revisions", "permit_revisions", "licence_revisions")
_NEW_TABLES = (
    "incidents",
    "usage_tallies",
    "usage_days",
    "usage_place_zones",
    "usage_places",
    "application_events",
    "application_revisions",
    "application_attachments",
    "applications",
    "attachments",
    "trial_zones",
    "trial_vehicles",
    "trials",
    "import_drafts",
    "notice_reads",
    "notices",
    "vehicle_status_revisions",
    "permit_revision_officers",
)


def upgrade() -> None:
    _create_jurisdictions()
    _alter_organisations_and_officers()
    _alter_users()
    _alter_vehicles()
    _alter_permits()
    _create_audit_log()
    _create_trials()
    _create_applications()
    _create_the_rest()
    _create_evidence()
    for table in _READ_BY_GENERATION:
        op.create_index(op.f(f"ix_{table}_generation"), table, ["generation"])


def downgrade() -> None:
    _refuse_to_give_rights()
    for table in _READ_BY_GENERATION:
        op.drop_index(op.f(f"ix_{table}_generation"), table)
    _drop_audit_log()
    for table in _NEW_TABLES:
        op.drop_table(table)
    _restore_permits()
    _restore_vehicles()
    _restore_users()
    _restore_organisations_and_officers()
    op.drop_table("recognition_revisions")
    op.drop_table("user_jurisdictions")
    op.drop_table("jurisdictions")


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _create_jurisdictions() -> None:
    op.create_table(
        "jurisdictions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name_zh", sa.String(length=200), nullable=False),
        sa.Column("name_en", sa.String(length=200), nullable=False),
        sa.Column("authority_id", KEY, nullable=True),
        sa.Column("number_prefix", sa.String(length=16), nullable=False),
        sa.Column("thresholds", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["authority_id"], ["organisations.id"], name=op.f("fk_jurisdictions_authority_id_organisations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jurisdictions")),
        sa.UniqueConstraint("code", name=op.f("uq_jurisdictions_code")),
    )
    op.create_table(
        "recognition_revisions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("recogniser_id", KEY, nullable=False),
        sa.Column("issuer_id", KEY, nullable=False),
        sa.Column("stages", sa.JSON(), nullable=False),
        sa.Column("starts_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("valid_from_ms", sa.BigInteger(), nullable=False),
        sa.Column("valid_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor_id", KEY, nullable=True),
        sa.Column("recorded_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("recogniser_id <> issuer_id", name=op.f("ck_recognition_revisions_of_another")),
        sa.CheckConstraint(
            "valid_until_ms IS NULL OR valid_until_ms > valid_from_ms",
            name=op.f("ck_recognition_revisions_period_not_empty"),
        ),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_recognition_revisions_actor_id_users")),
        sa.ForeignKeyConstraint(
            ["issuer_id"], ["jurisdictions.id"], name=op.f("fk_recognition_revisions_issuer_id_jurisdictions")
        ),
        sa.ForeignKeyConstraint(
            ["recogniser_id"], ["jurisdictions.id"], name=op.f("fk_recognition_revisions_recogniser_id_jurisdictions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recognition_revisions")),
    )
    op.create_index(op.f("ix_recognition_revisions_generation"), "recognition_revisions", ["generation"])
    op.create_index(
        op.f("ix_recognition_revisions_recogniser_id_issuer_id_generation"),
        "recognition_revisions",
        ["recogniser_id", "issuer_id", "generation"],
    )
    op.create_table(
        "user_jurisdictions",
        sa.Column("user_id", KEY, nullable=False),
        sa.Column("jurisdiction_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["jurisdiction_id"], ["jurisdictions.id"], name=op.f("fk_user_jurisdictions_jurisdiction_id_jurisdictions")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_jurisdictions_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", "jurisdiction_id", name=op.f("pk_user_jurisdictions")),
    )
    _name_jurisdictions()


def _name_jurisdictions() -> None:
    """Zones carry the code of their jurisdiction; a permit needs one even where no zone names any."""
    connection = op.get_bind()
    zones = "SELECT DISTINCT jurisdiction FROM zone_revisions WHERE jurisdiction <> '' ORDER BY jurisdiction"
    codes = list(connection.scalars(sa.text(zones)))
    if not codes and connection.scalar(sa.text("SELECT count(*) FROM permits")):
        codes = ["default"]
    columns = [sa.column(name) for name in ("code", "name_zh", "name_en", "number_prefix")]
    op.bulk_insert(
        sa.table("jurisdictions", *columns, sa.column("thresholds", sa.JSON)),
        [
            {"code": code, "name_zh": code, "name_en": code, "number_prefix": code[:16], "thresholds": {}}
            for code in codes
        ],
    )


def _create_audit_log() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("number", KEY, autoincrement=False, nullable=False),
        sa.Column("recorded_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor_id", KEY, nullable=True),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject_type", sa.String(length=64), nullable=False),
        sa.Column("subject_id", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("previous_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_entries")),
        sa.UniqueConstraint("hash", name=op.f("uq_audit_entries_hash")),
    )
    op.create_index(op.f("ix_audit_entries_recorded_at_ms"), "audit_entries", ["recorded_at_ms"])
    op.create_index(op.f("ix_audit_entries_subject_type_subject_id"), "audit_entries", ["subject_type", "subject_id"])
    op.create_table(
        "audit_head",
        sa.Column("id", KEY, autoincrement=False, nullable=False),
        sa.Column("number", KEY, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_audit_head_single_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    head = sa.table("audit_head", sa.column("id"), sa.column("number"), sa.column("hash", sa.LargeBinary))
    op.bulk_insert(head, [{"id": 1, "number": 0, "hash": _NO_HASH}])
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_entries_no_{change.lower()} BEFORE {change} ON audit_entries"
                f" BEGIN SELECT RAISE(ABORT, '{_AUDIT_IS_APPEND_ONLY}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION '{_AUDIT_IS_APPEND_ONLY}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()"
    )


def _drop_audit_log() -> None:
    op.drop_table("audit_entries")  # its triggers go with it
    op.drop_table("audit_head")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_audit_change()")


def _create_trials() -> None:
    op.create_table(
        "trials",
        sa.Column("id", KEY, nullable=False),
        sa.Column("trial_id", sa.String(length=64), nullable=False),
        sa.Column("organisation_id", KEY, nullable=False),
        sa.Column("name_zh", sa.String(length=200), nullable=False),
        sa.Column("name_en", sa.String(length=200), nullable=False),
        sa.Column("domain", _one_of("domain", "road", "air", "joint"), nullable=False),
        sa.Column("stage", _one_of("stage", *_STAGES), nullable=False),
        sa.Column("goal", sa.Text(), nullable=False),
        sa.Column("starts_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("ends_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("ends_at_ms > starts_at_ms", name=op.f("ck_trials_period_not_empty")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_trials_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trials")),
        sa.UniqueConstraint("trial_id", name=op.f("uq_trials_trial_id")),
    )
    op.create_index(op.f("ix_trials_organisation_id"), "trials", ["organisation_id"])
    op.create_table(
        "trial_vehicles",
        sa.Column("trial_id", KEY, nullable=False),
        sa.Column("vehicle_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["trial_id"], ["trials.id"], name=op.f("fk_trial_vehicles_trial_id_trials")),
        sa.ForeignKeyConstraint(["vehicle_id"], ["vehicles.id"], name=op.f("fk_trial_vehicles_vehicle_id_vehicles")),
        sa.PrimaryKeyConstraint("trial_id", "vehicle_id", name=op.f("pk_trial_vehicles")),
    )
    op.create_table(
        "trial_zones",
        sa.Column("trial_id", KEY, nullable=False),
        sa.Column("zone_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["trial_id"], ["trials.id"], name=op.f("fk_trial_zones_trial_id_trials")),
        sa.ForeignKeyConstraint(["zone_id"], ["zones.id"], name=op.f("fk_trial_zones_zone_id_zones")),
        sa.PrimaryKeyConstraint("trial_id", "zone_id", name=op.f("pk_trial_zones")),
    )


def _create_applications() -> None:
    op.create_table(
        "attachments",
        sa.Column("id", KEY, nullable=False),
        sa.Column("public_id", sa.String(length=64), nullable=False),
        sa.Column("organisation_id", KEY, nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("uploaded_by_id", KEY, nullable=True),
        sa.Column("uploaded_at_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("size_bytes > 0", name=op.f("ck_attachments_not_empty")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_attachments_organisation_id_organisations")
        ),
        sa.ForeignKeyConstraint(["uploaded_by_id"], ["users.id"], name=op.f("fk_attachments_uploaded_by_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachments")),
        sa.UniqueConstraint("public_id", name=op.f("uq_attachments_public_id")),
    )
    op.create_index(op.f("ix_attachments_organisation_id"), "attachments", ["organisation_id"])
    op.create_table(
        "applications",
        sa.Column("id", KEY, nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("holder_id", KEY, nullable=False),
        sa.Column("jurisdiction_id", KEY, nullable=False),
        sa.Column("permit_id", KEY, nullable=True),
        sa.Column("state", _one_of("state", *_APPLICATION_STATES), nullable=False),
        sa.Column("draft", sa.JSON(), nullable=False),
        sa.Column("created_by_id", KEY, nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["created_by_id"], ["users.id"], name=op.f("fk_applications_created_by_id_users")),
        sa.ForeignKeyConstraint(
            ["holder_id"], ["organisations.id"], name=op.f("fk_applications_holder_id_organisations")
        ),
        sa.ForeignKeyConstraint(
            ["jurisdiction_id"], ["jurisdictions.id"], name=op.f("fk_applications_jurisdiction_id_jurisdictions")
        ),
        sa.ForeignKeyConstraint(["permit_id"], ["permits.id"], name=op.f("fk_applications_permit_id_permits")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_applications")),
        sa.UniqueConstraint("number", name=op.f("uq_applications_number")),
    )
    op.create_index(op.f("ix_applications_holder_id"), "applications", ["holder_id"])
    op.create_index(op.f("ix_applications_jurisdiction_id"), "applications", ["jurisdiction_id"])
    op.create_table(
        "application_attachments",
        sa.Column("application_id", KEY, nullable=False),
        sa.Column("attachment_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_application_attachments_application_id_applications")
        ),
        sa.ForeignKeyConstraint(
            ["attachment_id"], ["attachments.id"], name=op.f("fk_application_attachments_attachment_id_attachments")
        ),
        sa.PrimaryKeyConstraint("application_id", "attachment_id", name=op.f("pk_application_attachments")),
    )
    op.create_table(
        "application_revisions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("application_id", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("gates", sa.JSON(), nullable=False),
        sa.Column("submitted_by_id", KEY, nullable=True),
        sa.Column("submitted_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_application_revisions_application_id_applications")
        ),
        sa.ForeignKeyConstraint(
            ["submitted_by_id"], ["users.id"], name=op.f("fk_application_revisions_submitted_by_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_revisions")),
        sa.UniqueConstraint("application_id", "number", name=op.f("uq_application_revisions_application_id_number")),
    )
    op.create_table(
        "application_events",
        sa.Column("id", KEY, nullable=False),
        sa.Column("application_id", KEY, nullable=False),
        sa.Column("revision_id", KEY, nullable=True),
        sa.Column("state", _one_of("state", *_APPLICATION_STATES), nullable=False),
        sa.Column("field", sa.String(length=200), server_default="", nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("actor_id", KEY, nullable=True),
        sa.Column("recorded_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_application_events_actor_id_users")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_application_events_application_id_applications")
        ),
        sa.ForeignKeyConstraint(
            ["revision_id"],
            ["application_revisions.id"],
            name=op.f("fk_application_events_revision_id_application_revisions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_events")),
    )
    op.create_index(op.f("ix_application_events_application_id"), "application_events", ["application_id"])


def _create_the_rest() -> None:
    op.create_table(
        "import_drafts",
        sa.Column("id", KEY, nullable=False),
        sa.Column("public_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("created_by_id", KEY, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["created_by_id"], ["users.id"], name=op.f("fk_import_drafts_created_by_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_drafts")),
        sa.UniqueConstraint("public_id", name=op.f("uq_import_drafts_public_id")),
    )
    op.create_table(
        "notices",
        sa.Column("id", KEY, nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("subject_type", sa.String(length=64), nullable=False),
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.Column("occasion", sa.String(length=64), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("organisation_id", KEY, nullable=True),
        sa.Column("jurisdiction_id", KEY, nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "organisation_id IS NOT NULL OR jurisdiction_id IS NOT NULL", name=op.f("ck_notices_for_somebody")
        ),
        sa.ForeignKeyConstraint(
            ["jurisdiction_id"], ["jurisdictions.id"], name=op.f("fk_notices_jurisdiction_id_jurisdictions")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_notices_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint(
            "kind",
            "subject_type",
            "subject_id",
            "occasion",
            name=op.f("uq_notices_kind_subject_type_subject_id_occasion"),
        ),
    )
    op.create_index(op.f("ix_notices_created_at_ms"), "notices", ["created_at_ms"])
    op.create_index(op.f("ix_notices_jurisdiction_id"), "notices", ["jurisdiction_id"])
    op.create_index(op.f("ix_notices_organisation_id"), "notices", ["organisation_id"])
    op.create_table(
        "notice_reads",
        sa.Column("user_id", KEY, nullable=False),
        sa.Column("notice_id", KEY, nullable=False),
        sa.Column("read_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["notice_id"], ["notices.id"], name=op.f("fk_notice_reads_notice_id_notices")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_notice_reads_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", "notice_id", name=op.f("pk_notice_reads")),
    )
    op.create_table(
        "vehicle_status_revisions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("vehicle_id", KEY, nullable=False),
        sa.Column("status", _one_of("status", "in_service", "out_of_service", "retired"), nullable=False),
        sa.Column("starts_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor_id", KEY, nullable=True),
        sa.Column("recorded_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_vehicle_status_revisions_actor_id_users")),
        sa.ForeignKeyConstraint(
            ["vehicle_id"], ["vehicles.id"], name=op.f("fk_vehicle_status_revisions_vehicle_id_vehicles")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vehicle_status_revisions")),
    )
    op.create_index(op.f("ix_vehicle_status_revisions_generation"), "vehicle_status_revisions", ["generation"])
    op.create_index(
        op.f("ix_vehicle_status_revisions_vehicle_id_generation"),
        "vehicle_status_revisions",
        ["vehicle_id", "generation"],
    )
    op.create_table(
        "permit_revision_officers",
        sa.Column("revision_id", KEY, nullable=False),
        sa.Column("officer_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officers.id"], name=op.f("fk_permit_revision_officers_officer_id_officers")
        ),
        sa.ForeignKeyConstraint(
            ["revision_id"],
            ["permit_revisions.id"],
            name=op.f("fk_permit_revision_officers_revision_id_permit_revisions"),
        ),
        sa.PrimaryKeyConstraint("revision_id", "officer_id", name=op.f("pk_permit_revision_officers")),
    )


def _create_evidence() -> None:
    """What entry gates are computed from: what was driven, and what went wrong."""
    op.create_table(
        "usage_places",
        sa.Column("id", KEY, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_places")),
        sa.UniqueConstraint("key", name=op.f("uq_usage_places_key")),
    )
    op.create_table(
        "usage_place_zones",
        sa.Column("place_id", KEY, nullable=False),
        sa.Column("zone_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["place_id"], ["usage_places.id"], name=op.f("fk_usage_place_zones_place_id_usage_places")
        ),
        sa.ForeignKeyConstraint(["zone_id"], ["zones.id"], name=op.f("fk_usage_place_zones_zone_id_zones")),
        sa.PrimaryKeyConstraint("place_id", "zone_id", name=op.f("pk_usage_place_zones")),
    )
    op.create_index(op.f("ix_usage_place_zones_zone_id"), "usage_place_zones", ["zone_id"])
    op.create_table(
        "usage_days",
        sa.Column("vehicle_id", KEY, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("place_id", KEY, nullable=False),
        sa.Column("distance_m", sa.Double(), nullable=False),
        sa.Column("duration_s", sa.Double(), nullable=False),
        sa.Column("autonomous_distance_m", sa.Double(), nullable=False),
        sa.Column("autonomous_duration_s", sa.Double(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.CheckConstraint("autonomous_distance_m <= distance_m", name=op.f("ck_usage_days_distance_part_of_whole")),
        sa.CheckConstraint("autonomous_duration_s <= duration_s", name=op.f("ck_usage_days_duration_part_of_whole")),
        sa.ForeignKeyConstraint(["place_id"], ["usage_places.id"], name=op.f("fk_usage_days_place_id_usage_places")),
        sa.ForeignKeyConstraint(["vehicle_id"], ["vehicles.id"], name=op.f("fk_usage_days_vehicle_id_vehicles")),
        sa.PrimaryKeyConstraint("vehicle_id", "day", "place_id", name=op.f("pk_usage_days")),
    )
    op.create_index(op.f("ix_usage_days_place_id_day"), "usage_days", ["place_id", "day"])
    op.create_table(
        "usage_tallies",
        sa.Column("vehicle_id", KEY, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("tallied_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["vehicle_id"], ["vehicles.id"], name=op.f("fk_usage_tallies_vehicle_id_vehicles")),
        sa.PrimaryKeyConstraint("vehicle_id", "day", name=op.f("pk_usage_tallies")),
    )
    op.create_table(
        "incidents",
        sa.Column("id", KEY, nullable=False),
        sa.Column("incident_id", sa.String(length=64), nullable=False),
        sa.Column("vehicle_key", KEY, nullable=False),
        sa.Column("jurisdiction_id", KEY, nullable=False),
        sa.Column("occurred_at_ms", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            _one_of("kind", "collision", "emergency_landing", "near_miss", "system_failure", "other"),
            nullable=False,
        ),
        sa.Column("harm", _one_of("harm", "none", "damage", "injury", "death"), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("fault", _one_of("fault", "undecided", "yes", "no"), nullable=False),
        sa.Column("fault_reason", sa.Text(), nullable=False),
        sa.Column("reported_by_id", KEY, nullable=True),
        sa.Column("reported_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("decided_by_id", KEY, nullable=True),
        sa.Column("decided_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(fault = 'undecided') = (decided_at_ms IS NULL)", name=op.f("ck_incidents_decided_at_some_time")
        ),
        sa.ForeignKeyConstraint(["decided_by_id"], ["users.id"], name=op.f("fk_incidents_decided_by_id_users")),
        sa.ForeignKeyConstraint(
            ["jurisdiction_id"], ["jurisdictions.id"], name=op.f("fk_incidents_jurisdiction_id_jurisdictions")
        ),
        sa.ForeignKeyConstraint(["reported_by_id"], ["users.id"], name=op.f("fk_incidents_reported_by_id_users")),
        sa.ForeignKeyConstraint(["vehicle_key"], ["vehicles.id"], name=op.f("fk_incidents_vehicle_key_vehicles")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
        sa.UniqueConstraint("incident_id", name=op.f("uq_incidents_incident_id")),
    )
    op.create_index(op.f("ix_incidents_jurisdiction_id"), "incidents", ["jurisdiction_id"])
    op.create_index(op.f("ix_incidents_vehicle_key"), "incidents", ["vehicle_key"])


def _alter_organisations_and_officers() -> None:
    with op.batch_alter_table("organisations") as batch:
        batch.add_column(sa.Column("credit_code", sa.String(length=32), nullable=True))
        _add_details(batch, _ORGANISATION_DETAILS)
        batch.add_column(_version())
        batch.create_unique_constraint(op.f("uq_organisations_credit_code"), ["credit_code"])
    with op.batch_alter_table("officers") as batch:
        _add_details(batch, ("name",))
        batch.add_column(
            sa.Column("capacity", sa.String(length=32), server_default="onboard_safety_officer", nullable=False)
        )
        batch.add_column(_version())
        batch.create_check_constraint(op.f("ck_officers_capacity"), _among("capacity", _CAPACITIES))
        batch.create_index(op.f("ix_officers_organisation_id"), ["organisation_id"])
    with op.batch_alter_table("licence_revisions") as batch:
        _add_details(batch, ("licence_class", "licence_number"))
        batch.add_column(sa.Column("reason", sa.Text(), server_default="", nullable=False))
        batch.add_column(sa.Column("actor_id", KEY, nullable=True))
        batch.add_column(sa.Column("recorded_at_ms", sa.BigInteger(), nullable=True))
        batch.create_foreign_key(op.f("fk_licence_revisions_actor_id_users"), "users", ["actor_id"], ["id"])


def _restore_organisations_and_officers() -> None:
    with op.batch_alter_table("licence_revisions") as batch:
        batch.drop_constraint(op.f("fk_licence_revisions_actor_id_users"), type_="foreignkey")
        _drop_columns(batch, "licence_class", "licence_number", "reason", "actor_id", "recorded_at_ms")
    with op.batch_alter_table("officers") as batch:
        batch.drop_index(op.f("ix_officers_organisation_id"))
        batch.drop_constraint(op.f("ck_officers_capacity"), type_="check")
        _drop_columns(batch, "name", "capacity", "version")
    with op.batch_alter_table("organisations") as batch:
        batch.drop_constraint(op.f("uq_organisations_credit_code"), type_="unique")
        _drop_columns(batch, "credit_code", *_ORGANISATION_DETAILS, "version")


def _alter_users() -> None:
    with op.batch_alter_table("users") as batch:
        _drop_role_checks(batch)
        batch.add_column(sa.Column("must_change_password", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch.add_column(sa.Column("totp_secret", sa.LargeBinary(), nullable=True))
        batch.add_column(sa.Column("totp_last_step", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("locale", sa.String(length=8), nullable=True))
        batch.add_column(sa.Column("oidc_issuer", sa.String(length=200), nullable=True))
        batch.add_column(sa.Column("oidc_subject", sa.String(length=255), nullable=True))
        batch.add_column(sa.Column("disabled_at_ms", sa.BigInteger(), nullable=True))
        batch.add_column(_version())
        batch.create_unique_constraint(op.f("uq_users_oidc_issuer_oidc_subject"), ["oidc_issuer", "oidc_subject"])
    op.execute("UPDATE users SET role = 'operator_manager' WHERE role = 'operator'")
    with op.batch_alter_table("users") as batch:
        batch.create_check_constraint(op.f("ck_users_role"), _among("role", _ROLES))
        batch.create_check_constraint(
            op.f("ck_users_operator_has_organisation"),
            "role NOT IN ('operator_manager', 'operator_staff') OR organisation_id IS NOT NULL",
        )
    op.execute(
        "INSERT INTO user_jurisdictions (user_id, jurisdiction_id)"
        " SELECT users.id, jurisdictions.id FROM users CROSS JOIN jurisdictions WHERE users.role = 'regulator'"
    )
    with op.batch_alter_table("api_tokens") as batch:
        batch.add_column(sa.Column("scopes", sa.JSON(), server_default='["read", "write"]', nullable=False))
        batch.add_column(sa.Column("revoked_at_ms", sa.BigInteger(), nullable=True))
        batch.add_column(sa.Column("last_used_at_ms", sa.BigInteger(), nullable=True))
    _create_logins()


def _create_logins() -> None:
    op.create_table(
        "recovery_codes",
        sa.Column("id", KEY, nullable=False),
        sa.Column("user_id", KEY, nullable=False),
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("used_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_recovery_codes_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_recovery_codes_code_hash")),
    )
    op.create_index(op.f("ix_recovery_codes_user_id"), "recovery_codes", ["user_id"])
    op.create_table(
        "login_sessions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("user_id", KEY, nullable=False),
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("is_federated", sa.Boolean(), nullable=False),
        sa.Column("started_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("seen_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_login_sessions_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_sessions")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_login_sessions_key_hash")),
    )
    op.create_index(op.f("ix_login_sessions_user_id"), "login_sessions", ["user_id"])


def _restore_users() -> None:
    op.drop_table("login_sessions")
    op.drop_table("recovery_codes")
    nobodys_hash = PasswordHasher().hash(secrets.token_urlsafe(32))
    users = sa.table("users", sa.column("password_hash"), sa.column("disabled_at_ms"))
    op.execute(users.update().where(users.c.disabled_at_ms.is_not(None)).values(password_hash=nobodys_hash))
    op.execute(
        "DELETE FROM api_tokens WHERE revoked_at_ms IS NOT NULL"
        " OR CAST(scopes AS TEXT) NOT LIKE '%\"read\"%' OR CAST(scopes AS TEXT) NOT LIKE '%\"write\"%'"
        " OR user_id IN (SELECT id FROM users WHERE disabled_at_ms IS NOT NULL)"
    )
    with op.batch_alter_table("api_tokens") as batch:
        _drop_columns(batch, "scopes", "revoked_at_ms", "last_used_at_ms")
    with op.batch_alter_table("users") as batch:
        _drop_role_checks(batch)
        batch.drop_constraint(op.f("uq_users_oidc_issuer_oidc_subject"), type_="unique")
        _drop_columns(batch, "must_change_password", "totp_secret", "totp_last_step", "oidc_issuer", "oidc_subject")
        _drop_columns(batch, "locale", "disabled_at_ms", "version")
    op.execute("UPDATE users SET role = 'operator' WHERE role IN ('operator_manager', 'operator_staff')")
    with op.batch_alter_table("users") as batch:
        batch.create_check_constraint(op.f("ck_users_role"), _among("role", _ROLES_BEFORE))
        batch.create_check_constraint(
            op.f("ck_users_operator_has_organisation"), "role <> 'operator' OR organisation_id IS NOT NULL"
        )


def _alter_vehicles() -> None:
    with op.batch_alter_table("vehicles") as batch:
        _add_details(batch, _VEHICLE_DETAILS)
        batch.add_column(sa.Column("vin", sa.String(length=17), nullable=True))
        batch.add_column(sa.Column("automation_level", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("registration_mark", sa.String(length=32), nullable=True))
        batch.add_column(sa.Column("serial_number", sa.String(length=64), nullable=True))
        batch.add_column(sa.Column("max_takeoff_mass_kg", sa.Double(), nullable=True))
        batch.add_column(sa.Column("remote_id", sa.String(length=64), nullable=True))
        batch.add_column(sa.Column("insured_sum_cny", sa.BigInteger(), nullable=True))
        batch.add_column(sa.Column("insured_until", sa.Date(), nullable=True))
        batch.add_column(sa.Column("credential_issued_at_ms", sa.BigInteger(), nullable=True))
        batch.add_column(_version())
        batch.alter_column("credential_hash", existing_type=sa.LargeBinary(length=32), nullable=True)
        for name in ("vin", "registration_mark", "remote_id"):
            batch.create_unique_constraint(op.f(f"uq_vehicles_{name}"), [name])
        for name, condition in _VEHICLE_CHECKS.items():
            batch.create_check_constraint(op.f(f"ck_vehicles_{name}"), condition)
    op.execute("UPDATE vehicles SET credential_issued_at_ms = registered_at_ms")


def _restore_vehicles() -> None:
    # A revoked credential stays unusable: no token is known to have a hash of zeros.
    vehicles = sa.table("vehicles", sa.column("credential_hash", sa.LargeBinary))
    op.execute(vehicles.update().where(vehicles.c.credential_hash.is_(None)).values(credential_hash=_NO_HASH))
    with op.batch_alter_table("vehicles") as batch:
        for name in _VEHICLE_CHECKS:
            batch.drop_constraint(op.f(f"ck_vehicles_{name}"), type_="check")
        for name in ("vin", "registration_mark", "remote_id"):
            batch.drop_constraint(op.f(f"uq_vehicles_{name}"), type_="unique")
        batch.alter_column("credential_hash", existing_type=sa.LargeBinary(length=32), nullable=False)
        _drop_columns(batch, *_VEHICLE_DETAILS, "vin", "automation_level", "registration_mark", "serial_number")
        _drop_columns(batch, "max_takeoff_mass_kg", "remote_id", "insured_sum_cny", "insured_until")
        _drop_columns(batch, "credential_issued_at_ms", "version")


def _alter_permits() -> None:
    with op.batch_alter_table("permits") as batch:
        batch.add_column(sa.Column("jurisdiction_id", KEY, nullable=True))
    op.execute(
        "UPDATE permits SET jurisdiction_id = coalesce("
        "(SELECT jurisdictions.id FROM permit_revisions"
        " JOIN permit_revision_zones ON permit_revision_zones.revision_id = permit_revisions.id"
        " JOIN zone_revisions ON zone_revisions.zone_id = permit_revision_zones.zone_id"
        " JOIN jurisdictions ON jurisdictions.code = zone_revisions.jurisdiction"
        " WHERE permit_revisions.permit_id = permits.id"
        " GROUP BY jurisdictions.id ORDER BY count(*) DESC, jurisdictions.id LIMIT 1),"
        " (SELECT min(id) FROM jurisdictions))"
    )
    _recognise_what_was_granted()
    with op.batch_alter_table("permits") as batch:
        batch.alter_column("jurisdiction_id", existing_type=KEY, nullable=False)
        batch.create_index(op.f("ix_permits_jurisdiction_id"), ["jurisdiction_id"])
        batch.create_foreign_key(
            op.f("fk_permits_jurisdiction_id_jurisdictions"), "jurisdictions", ["jurisdiction_id"], ["id"]
        )
    with op.batch_alter_table("permit_revisions") as batch:
        batch.add_column(sa.Column("number", sa.Integer(), nullable=True))
    op.execute(
        "UPDATE permit_revisions SET number = ranked.number FROM"
        " (SELECT id, row_number() OVER (PARTITION BY permit_id ORDER BY generation, id) AS number"
        " FROM permit_revisions) AS ranked WHERE ranked.id = permit_revisions.id"
    )
    # No release ever wrote the states of an application here; a row that has one stops the migration.
    with op.batch_alter_table("permit_revisions") as batch:
        batch.alter_column("number", existing_type=sa.Integer(), nullable=False)
        batch.create_unique_constraint(op.f("uq_permit_revisions_permit_id_number"), ["permit_id", "number"])
        batch.drop_constraint(op.f("ck_permit_revisions_state"), type_="check")
        batch.create_check_constraint(op.f("ck_permit_revisions_state"), _among("state", _PERMIT_STATES))


def _recognise_what_was_granted() -> None:
    """A recognition at generation 0, for all time and the permit's stage, wherever a permit crossed a border."""
    connection = op.get_bind()
    crossing = sa.text(
        "SELECT DISTINCT other.id AS recogniser_id, permits.jurisdiction_id AS issuer_id, permits.stage AS stage"
        " FROM permits JOIN permit_revisions ON permit_revisions.permit_id = permits.id"
        " JOIN permit_revision_zones ON permit_revision_zones.revision_id = permit_revisions.id"
        " JOIN zone_revisions ON zone_revisions.zone_id = permit_revision_zones.zone_id"
        " JOIN jurisdictions AS other ON other.code = zone_revisions.jurisdiction"
        " WHERE other.id <> permits.jurisdiction_id ORDER BY recogniser_id, issuer_id, stage"
    )
    stages: dict[tuple[int, int], list[str]] = {}
    for row in connection.execute(crossing):
        stages.setdefault((row.recogniser_id, row.issuer_id), []).append(row.stage)
    names = ("recogniser_id", "issuer_id", "starts_at_ms", "valid_from_ms", "reason", "recorded_at_ms", "generation")
    op.bulk_insert(
        sa.table("recognition_revisions", *map(sa.column, names), sa.column("stages", sa.JSON)),
        [
            {
                "recogniser_id": recogniser_id,
                "issuer_id": issuer_id,
                "stages": of_pair,
                "starts_at_ms": 0,
                "valid_from_ms": 0,
                "reason": "permits issued before recognition was recorded",
                "recorded_at_ms": 0,
                "generation": 0,
            }
            for (recogniser_id, issuer_id), of_pair in stages.items()
        ],
    )


def _restore_permits() -> None:
    with op.batch_alter_table("permit_revisions") as batch:
        batch.drop_constraint(op.f("ck_permit_revisions_state"), type_="check")
        batch.drop_constraint(op.f("uq_permit_revisions_permit_id_number"), type_="unique")
        batch.drop_column("number")
        batch.create_check_constraint(op.f("ck_permit_revisions_state"), _among("state", _PERMIT_STATES_BEFORE))
    with op.batch_alter_table("permits") as batch:
        batch.drop_constraint(op.f("fk_permits_jurisdiction_id_jurisdictions"), type_="foreignkey")
        batch.drop_index(op.f("ix_permits_jurisdiction_id"))
        batch.drop_column("jurisdiction_id")


def _refuse_to_give_rights() -> None:
    """Before 0003 there are no auditors, and each vehicle is in service."""
    auditors = "SELECT count(*) FROM users WHERE role = 'auditor'"
    if op.get_bind().scalar(sa.text(auditors)):
        raise RuntimeError("an auditor cannot be kept before 0003: give each another role first")
    status = sa.text(
        "SELECT count(*) FROM vehicle_status_revisions AS newest WHERE status <> 'in_service' AND generation ="
        " (SELECT max(generation) FROM vehicle_status_revisions WHERE vehicle_id = newest.vehicle_id)"
    )
    if op.get_bind().scalar(status):
        raise RuntimeError("a vehicle out of service would be in service before 0003: take it out of its permits first")


def _drop_role_checks(batch: BatchOperations) -> None:
    batch.drop_constraint(op.f("ck_users_role"), type_="check")
    batch.drop_constraint(op.f("ck_users_operator_has_organisation"), type_="check")


def _among(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def _add_details(batch: BatchOperations, names: tuple[str, ...]) -> None:
    for name in names:
        batch.add_column(sa.Column(name, sa.String(length=200), server_default="", nullable=False))


def _drop_columns(batch: BatchOperations, *names: str) -> None:
    for name in names:
        batch.drop_column(name)


def _version() -> sa.Column[int]:
    return sa.Column("version", sa.Integer(), server_default="1", nullable=False)
