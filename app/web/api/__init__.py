"""The REST API under /api/v1, described by /api/docs/openapi.json, which is made from this code."""

from __future__ import annotations

from flask_openapi3 import APIBlueprint

from app.web.api.alerts import alerts_api
from app.web.api.applications import applications_api
from app.web.api.attachments import attachments_api
from app.web.api.audit import audit_api
from app.web.api.directives import directives_api
from app.web.api.emergencies import emergencies_api
from app.web.api.evidence import evidence_api
from app.web.api.incidents import incidents_api
from app.web.api.jurisdictions import jurisdictions_api
from app.web.api.liability import liability_api
from app.web.api.live import live_api
from app.web.api.notices import notices_api
from app.web.api.notifications import notifications_api
from app.web.api.officers import officers_api
from app.web.api.organisations import organisations_api
from app.web.api.permits import permits_api
from app.web.api.public import public_api
from app.web.api.recognition import recognition_api
from app.web.api.rejects import rejects_api
from app.web.api.replay import replay_api
from app.web.api.sanctions import sanctions_api
from app.web.api.saved_filters import saved_filters_api
from app.web.api.tokens import tokens_api
from app.web.api.trails import trails_api
from app.web.api.trials import trials_api
from app.web.api.users import users_api
from app.web.api.vehicle_imports import vehicle_imports_api
from app.web.api.vehicles import vehicles_api
from app.web.api.verification import verification_api
from app.web.api.what_if import what_if_api
from app.web.api.zone_imports import zone_imports_api
from app.web.api.zone_revisions import zone_revisions_api
from app.web.api.zones_in_force import zones_in_force_api

#: Every part of the API. A new one is added here, and its endpoints in app.web.access.
API: tuple[APIBlueprint, ...] = (
    organisations_api,
    vehicles_api,
    trails_api,
    vehicle_imports_api,
    officers_api,
    trials_api,
    rejects_api,
    replay_api,
    what_if_api,
    users_api,
    tokens_api,
    audit_api,
    alerts_api,
    jurisdictions_api,
    liability_api,
    live_api,
    public_api,
    zones_in_force_api,
    zone_revisions_api,
    recognition_api,
    zone_imports_api,
    applications_api,
    attachments_api,
    evidence_api,
    directives_api,
    emergencies_api,
    incidents_api,
    permits_api,
    sanctions_api,
    verification_api,
    notices_api,
    saved_filters_api,
    notifications_api,
)
