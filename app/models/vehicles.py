"""Vehicles of road and air, and when each was in service."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import (
    SECRET,
    AutoKey,
    Base,
    Generation,
    Milliseconds,
    Prose,
    PublicId,
    Text200,
    Versioned,
    by_value,
)
from app.models.organisations import Organisation
from telemetry.samples import VehicleKind


class ServiceStatus(StrEnum):
    """Whether a vehicle may take part: a permit covers vehicles in service only."""

    IN_SERVICE = "in_service"
    OUT_OF_SERVICE = "out_of_service"
    RETIRED = "retired"


class Vehicle(Versioned, Base):
    """A registered vehicle: `id` is the integer key of telemetry, `vehicle_id` the public name in topics.

    `credential_hash` is the SHA-256 of a random token of 256 bits; NULL once it is revoked. A slow
    hash such as argon2 guards secrets that people choose; a token of full entropy cannot be guessed
    from its hash, and a broker that reconnects ten thousand vehicles must check it in microseconds.
    """

    __tablename__ = "vehicles"
    __table_args__ = (
        CheckConstraint("automation_level IS NULL OR automation_level BETWEEN 0 AND 5", name="j3016_level"),
        CheckConstraint("max_takeoff_mass_kg IS NULL OR max_takeoff_mass_kg > 0", name="mass_positive"),
        CheckConstraint("insured_sum_cny IS NULL OR insured_sum_cny >= 0", name="insured_sum_not_negative"),
    )

    id: Mapped[AutoKey]
    vehicle_id: Mapped[PublicId] = mapped_column(unique=True)
    kind: Mapped[VehicleKind] = mapped_column(by_value(VehicleKind, "kind"))
    partition: Mapped[int]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    make: Mapped[Text200]
    model: Mapped[str | None] = mapped_column(String(200))
    sensors: Mapped[Text200]
    software_version: Mapped[Text200]
    # road
    vin: Mapped[str | None] = mapped_column(String(17), unique=True)
    plate: Mapped[str | None] = mapped_column(String(64))
    automation_level: Mapped[int | None]
    # air
    registration_mark: Mapped[str | None] = mapped_column(String(32), unique=True)
    serial_number: Mapped[str | None] = mapped_column(String(64))
    aircraft_type: Mapped[Text200]
    max_takeoff_mass_kg: Mapped[float | None]
    remote_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    # insurance
    insurer: Mapped[Text200]
    insurance_policy: Mapped[Text200]
    insured_sum_cny: Mapped[int | None] = mapped_column(BigInteger)
    insured_until: Mapped[date | None]

    credential_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), info=SECRET)
    credential_issued_at_ms: Mapped[Milliseconds | None]
    registered_at_ms: Mapped[Milliseconds]
    generation: Mapped[Generation]

    organisation: Mapped[Organisation] = relationship(lazy="joined", innerjoin=True)


class VehicleStatusRevision(Base):
    """One immutable change of a vehicle's status, in force from `starts_at_ms` until a later one starts.

    A vehicle without any is in service since its registration.
    """

    __tablename__ = "vehicle_status_revisions"
    __table_args__ = (Index(None, "vehicle_id", "generation"),)

    id: Mapped[AutoKey]
    vehicle_id: Mapped[int] = mapped_column(ForeignKey("vehicles.id"))
    status: Mapped[ServiceStatus] = mapped_column(by_value(ServiceStatus, "status"))
    starts_at_ms: Mapped[Milliseconds]
    reason: Mapped[Prose]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    recorded_at_ms: Mapped[Milliseconds]
    generation: Mapped[Generation]

    vehicle: Mapped[Vehicle] = relationship(lazy="joined", innerjoin=True)
