"""The pages for people who are logged in: lists, forms and decisions, one module for each noun."""

from __future__ import annotations

from flask import Blueprint

from app.web.desk.account import account
from app.web.desk.alerts import alerts
from app.web.desk.application_review import application_review
from app.web.desk.application_steps import application_steps
from app.web.desk.applications import applications
from app.web.desk.attachments import attachments
from app.web.desk.audit import audit
from app.web.desk.choices import choices_desk
from app.web.desk.directives import directives
from app.web.desk.duty import duty
from app.web.desk.emergencies import emergencies
from app.web.desk.emergency_reports import emergency_reports
from app.web.desk.evidence import evidence
from app.web.desk.incident_openings import incident_openings
from app.web.desk.incident_review import incident_review
from app.web.desk.incidents import incidents
from app.web.desk.jurisdictions import jurisdictions
from app.web.desk.liability import liability
from app.web.desk.notices import notices
from app.web.desk.notifications import notifications
from app.web.desk.officers import officers
from app.web.desk.organisations import organisations
from app.web.desk.permit_decisions import permit_decisions
from app.web.desk.permits import permits
from app.web.desk.recognition import recognition
from app.web.desk.rejects import rejects
from app.web.desk.replay import replay
from app.web.desk.sanctions import sanctions
from app.web.desk.trials import trials
from app.web.desk.users import users
from app.web.desk.vehicle_imports import vehicle_imports
from app.web.desk.vehicles import vehicles
from app.web.desk.what_if import what_if
from app.web.desk.zone_editor import zone_editor
from app.web.desk.zone_imports import zone_imports
from app.web.desk.zones import zones

#: Every part of the desk. A new one is added here, and its endpoints in app.web.access.
DESK: tuple[Blueprint, ...] = (
    duty,
    alerts,
    organisations,
    vehicles,
    vehicle_imports,
    officers,
    trials,
    rejects,
    replay,
    what_if,
    users,
    audit,
    account,
    zones,
    zone_editor,
    zone_imports,
    jurisdictions,
    recognition,
    applications,
    application_steps,
    application_review,
    attachments,
    directives,
    evidence,
    emergencies,
    emergency_reports,
    incidents,
    liability,
    sanctions,
    incident_review,
    incident_openings,
    choices_desk,
    permits,
    permit_decisions,
    notices,
    notifications,
)
