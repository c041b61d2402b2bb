"""Typed models of everything that the platform keeps. Importing this package fills `Base.metadata`."""

from __future__ import annotations

from app.models.base import Base
from app.models.organisations import LicenceRevision, Officer, Organisation, Role, User, Vehicle
from app.models.permits import Permit, PermitRevisionRow, Stage
from app.models.places import Zone, ZoneRevisionRow
from app.models.telemetry import Alert, OutboxRow, RegistryGeneration, RejectRow, Sample, TrackRow
from app.models.tokens import ApiToken

__all__ = [
    "Alert",
    "ApiToken",
    "Base",
    "LicenceRevision",
    "Officer",
    "Organisation",
    "OutboxRow",
    "Permit",
    "PermitRevisionRow",
    "RegistryGeneration",
    "RejectRow",
    "Role",
    "Sample",
    "Stage",
    "TrackRow",
    "User",
    "Vehicle",
    "Zone",
    "ZoneRevisionRow",
]
