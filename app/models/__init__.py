"""Typed models of everything that the platform keeps. Importing this package fills `Base.metadata`."""

from __future__ import annotations

from app.models.applications import Application, ApplicationEvent, ApplicationRevision, ApplicationState
from app.models.attachments import Attachment
from app.models.audit import AuditEntry, AuditHead
from app.models.base import Base
from app.models.directives import Cause, DirectiveAnswer, DirectiveRow, Outcome
from app.models.emergencies import Concern, Emergency, EmergencyVehicle
from app.models.encounters import EncounterRow
from app.models.evidence import EvidenceBundle
from app.models.imports import ImportDraft
from app.models.incidents import (
    Fault,
    Harm,
    Incident,
    IncidentKind,
    IncidentRevision,
    IncidentState,
    incident_alerts,
)
from app.models.notices import Notice, NoticeRead
from app.models.notifications import (
    AlertTelling,
    ChannelKind,
    Delivery,
    DeliveryState,
    Digest,
    Failure,
    Notification,
    NotificationChannel,
    Topic,
)
from app.models.officers import Capacity, LicenceRevision, Officer
from app.models.organisations import Jurisdiction, Organisation, RecognitionRevision
from app.models.permits import Permit, PermitRevisionRow, Stage
from app.models.places import Zone, ZoneRevisionRow
from app.models.retention import SampleArchive, SealCut
from app.models.sanctions import Sanction, SanctionState, SanctionStep
from app.models.saved_filters import SavedFilter
from app.models.seals import SampleSeal, SealHead
from app.models.telemetry import (
    Alert,
    AlertComment,
    JudgedFindings,
    OutboxRow,
    RegistryGeneration,
    RejectRow,
    Sample,
    TrackRow,
)
from app.models.trials import Trial, TrialDomain
from app.models.usage import UsageDay, UsagePlace, UsageTally
from app.models.users import OPERATORS, ApiToken, LoginSession, RecoveryCode, Role, User
from app.models.vehicles import ServiceStatus, Vehicle, VehicleStatusRevision

__all__ = [
    "OPERATORS",
    "Alert",
    "AlertComment",
    "AlertTelling",
    "ApiToken",
    "Application",
    "ApplicationEvent",
    "ApplicationRevision",
    "ApplicationState",
    "Attachment",
    "AuditEntry",
    "AuditHead",
    "Base",
    "Capacity",
    "Cause",
    "ChannelKind",
    "Concern",
    "Delivery",
    "DeliveryState",
    "Digest",
    "DirectiveAnswer",
    "DirectiveRow",
    "Emergency",
    "EmergencyVehicle",
    "EncounterRow",
    "EvidenceBundle",
    "Failure",
    "Fault",
    "Harm",
    "ImportDraft",
    "Incident",
    "IncidentKind",
    "IncidentRevision",
    "IncidentState",
    "JudgedFindings",
    "Jurisdiction",
    "LicenceRevision",
    "LoginSession",
    "Notice",
    "NoticeRead",
    "Notification",
    "NotificationChannel",
    "Officer",
    "Organisation",
    "OutboxRow",
    "Outcome",
    "Permit",
    "PermitRevisionRow",
    "RecognitionRevision",
    "RecoveryCode",
    "RegistryGeneration",
    "RejectRow",
    "Role",
    "Sample",
    "SampleArchive",
    "SampleSeal",
    "Sanction",
    "SanctionState",
    "SanctionStep",
    "SavedFilter",
    "SealCut",
    "SealHead",
    "ServiceStatus",
    "Stage",
    "Topic",
    "TrackRow",
    "Trial",
    "TrialDomain",
    "UsageDay",
    "UsagePlace",
    "UsageTally",
    "User",
    "Vehicle",
    "VehicleStatusRevision",
    "Zone",
    "ZoneRevisionRow",
    "incident_alerts",
]
