"""Who may do what: one table of endpoints, one of roles. What is in neither is denied."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from app.models import OPERATORS, Role
from app.schemas.accounts import Scope
from app.web.identity import Duty


class Action(StrEnum):
    """What a role may be allowed to do. Ownership of objects is checked besides, in the view."""

    SEE_LIVE = "see_live"
    SEE_ALERTS = "see_alerts"
    ACKNOWLEDGE_ALERTS = "acknowledge_alerts"
    HANDLE_ALERTS = "handle_alerts"
    RESOLVE_ALERTS = "resolve_alerts"
    SEE_OWN_FILTERS = "see_own_filters"
    MANAGE_OWN_FILTERS = "manage_own_filters"
    SEE_REJECTS = "see_rejects"
    SEE_REPLAY = "see_replay"
    SEE_WHAT_IF = "see_what_if"
    SEE_METRICS = "see_metrics"
    SEE_NOTICES = "see_notices"
    SEE_NOTIFICATIONS = "see_notifications"
    CHANGE_NOTIFICATIONS = "change_notifications"
    MANAGE_OWN_ACCOUNT = "manage_own_account"
    SEE_USERS = "see_users"
    CHANGE_USERS = "change_users"
    SEE_JURISDICTIONS = "see_jurisdictions"
    CHANGE_JURISDICTIONS = "change_jurisdictions"
    DECIDE_RECOGNITION = "decide_recognition"
    SEE_ORGANISATIONS = "see_organisations"
    REGISTER_ORGANISATIONS = "register_organisations"
    CHANGE_ORGANISATIONS = "change_organisations"
    SEE_VEHICLES = "see_vehicles"
    CHANGE_VEHICLES = "change_vehicles"
    CHANGE_VEHICLE_STATUS = "change_vehicle_status"
    MANAGE_CREDENTIALS = "manage_credentials"
    SEE_OFFICERS = "see_officers"
    CHANGE_OFFICERS = "change_officers"
    WITHDRAW_LICENCES = "withdraw_licences"
    SEE_TRIALS = "see_trials"
    CHANGE_TRIALS = "change_trials"
    SEE_ZONES = "see_zones"
    PUBLISH_ZONES = "publish_zones"
    SEE_APPLICATIONS = "see_applications"
    WRITE_APPLICATIONS = "write_applications"
    SUBMIT_APPLICATIONS = "submit_applications"
    REVIEW_APPLICATIONS = "review_applications"
    SEE_EMERGENCIES = "see_emergencies"
    DECLARE_EMERGENCIES = "declare_emergencies"
    SEE_INCIDENTS = "see_incidents"
    REPORT_INCIDENTS = "report_incidents"
    SEE_EVIDENCE = "see_evidence"
    EXPORT_EVIDENCE = "export_evidence"
    OPEN_INCIDENTS = "open_incidents"
    REVIEW_INCIDENTS = "review_incidents"
    SEE_PERMITS = "see_permits"
    DECIDE_PERMITS = "decide_permits"
    SURRENDER_PERMITS = "surrender_permits"
    SEE_DIRECTIVES = "see_directives"
    SEE_LIABILITY = "see_liability"
    ORDER_VEHICLES = "order_vehicles"
    SEE_SANCTIONS = "see_sanctions"
    DECIDE_SANCTIONS = "decide_sanctions"
    APPEAL_SANCTIONS = "appeal_sanctions"
    SEE_AUDIT = "see_audit"


_EVERYBODY = frozenset(Role)
_ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})
_REGULATORS = frozenset({Role.REGULATOR})
_MANAGERS = frozenset({Role.OPERATOR_MANAGER})
_OVERSIGHT = frozenset({Role.ADMINISTRATOR, Role.REGULATOR, Role.AUDITOR})

ALLOWED: Mapping[Action, frozenset[Role]] = {
    Action.SEE_LIVE: _EVERYBODY,
    Action.SEE_ALERTS: _EVERYBODY,
    Action.ACKNOWLEDGE_ALERTS: _REGULATORS | OPERATORS,
    Action.HANDLE_ALERTS: _REGULATORS | OPERATORS,
    Action.RESOLVE_ALERTS: _REGULATORS,
    Action.SEE_OWN_FILTERS: _EVERYBODY,
    Action.MANAGE_OWN_FILTERS: _EVERYBODY,
    Action.SEE_REJECTS: _EVERYBODY,
    Action.SEE_REPLAY: _EVERYBODY,
    Action.SEE_WHAT_IF: _EVERYBODY,
    Action.SEE_METRICS: _OVERSIGHT,
    Action.SEE_NOTICES: _EVERYBODY,
    Action.SEE_NOTIFICATIONS: _EVERYBODY,
    Action.CHANGE_NOTIFICATIONS: _ADMINISTRATORS | _REGULATORS | _MANAGERS,
    Action.MANAGE_OWN_ACCOUNT: _EVERYBODY,
    Action.SEE_USERS: _ADMINISTRATORS | _MANAGERS | {Role.AUDITOR},
    Action.CHANGE_USERS: _ADMINISTRATORS | _MANAGERS,
    Action.SEE_JURISDICTIONS: _EVERYBODY,
    Action.CHANGE_JURISDICTIONS: _ADMINISTRATORS,
    Action.DECIDE_RECOGNITION: _REGULATORS,
    Action.SEE_ORGANISATIONS: _EVERYBODY,
    Action.REGISTER_ORGANISATIONS: _ADMINISTRATORS,
    Action.CHANGE_ORGANISATIONS: _ADMINISTRATORS | _MANAGERS,
    Action.SEE_VEHICLES: _EVERYBODY,
    Action.CHANGE_VEHICLES: OPERATORS,
    Action.CHANGE_VEHICLE_STATUS: _MANAGERS | _REGULATORS,
    Action.MANAGE_CREDENTIALS: _MANAGERS,
    Action.SEE_OFFICERS: _EVERYBODY,
    Action.CHANGE_OFFICERS: OPERATORS,
    Action.WITHDRAW_LICENCES: _MANAGERS | _REGULATORS,
    Action.SEE_TRIALS: _EVERYBODY,
    Action.CHANGE_TRIALS: OPERATORS,
    Action.SEE_ZONES: _EVERYBODY,
    Action.PUBLISH_ZONES: _REGULATORS,
    Action.SEE_APPLICATIONS: _EVERYBODY,
    Action.WRITE_APPLICATIONS: OPERATORS,
    Action.SUBMIT_APPLICATIONS: _MANAGERS,
    Action.REVIEW_APPLICATIONS: _REGULATORS,
    Action.SEE_EMERGENCIES: _EVERYBODY,
    Action.DECLARE_EMERGENCIES: _REGULATORS,
    Action.SEE_INCIDENTS: _EVERYBODY,
    Action.REPORT_INCIDENTS: OPERATORS,
    Action.SEE_EVIDENCE: _EVERYBODY,
    Action.EXPORT_EVIDENCE: _REGULATORS | OPERATORS | {Role.AUDITOR},
    Action.OPEN_INCIDENTS: _REGULATORS,
    Action.REVIEW_INCIDENTS: _REGULATORS,
    Action.SEE_PERMITS: _EVERYBODY,
    Action.DECIDE_PERMITS: _REGULATORS,
    Action.SURRENDER_PERMITS: _MANAGERS,
    Action.SEE_DIRECTIVES: _EVERYBODY,
    Action.SEE_LIABILITY: _EVERYBODY,
    Action.ORDER_VEHICLES: _REGULATORS,
    Action.SEE_SANCTIONS: _EVERYBODY,
    Action.DECIDE_SANCTIONS: _REGULATORS,
    Action.APPEAL_SANCTIONS: _MANAGERS,
    Action.SEE_AUDIT: _OVERSIGHT,
}

#: Actions that take a token of the scope `decide`: what the city decides, which binds others.
_DECISIONS = frozenset(
    {
        Action.DECIDE_RECOGNITION,
        Action.CHANGE_JURISDICTIONS,
        Action.PUBLISH_ZONES,
        Action.REVIEW_APPLICATIONS,
        Action.DECIDE_PERMITS,
        Action.ORDER_VEHICLES,
        Action.DECIDE_SANCTIONS,
        Action.OPEN_INCIDENTS,
        Action.REVIEW_INCIDENTS,
        Action.DECLARE_EMERGENCIES,
    }
)

#: Endpoints that anybody may call.
PUBLIC = frozenset(
    {
        "static",
        "assets.asset",
        "api_docs.document",
        "api_docs.page",
        "auth.code",
        "auth.log_in",
        "auth.log_out",
        "health.alive",
        "health.ready",
        "api_live.public_live",
        "api_live.public_live_stream",
        "api_zones.public_zones",
        "api_public.now",
        "api_public.operators",
        "api_public.permits",
        "api_public.places",
        "api_public.safety",
        "api_public.street",
        "api_public.trials",
        "public.map_text",
        "public.operators",
        "public.permits",
        "public.places",
        "public.safety",
        "public.street",
        "public.street_place",
        "public.trials",
        "pages.about",
        "pages.city_plan",
        "pages.language",
        "pages.login",
        "openid.answered",
        "openid.begin",
        "pages.public_map",
        "api_verification.verification",
        "verification.index",
        "verification.show",
    }
)

#: Endpoints that a process on this machine may call without saying who it is.
LOCAL = frozenset({"health.metrics"})

#: Endpoints that need an identity whose role may do this.
PROTECTED: Mapping[str, Action] = {
    "api_applications.application": Action.SEE_APPLICATIONS,
    "api_applications.applications": Action.SEE_APPLICATIONS,
    "api_applications.ask_for_changes": Action.REVIEW_APPLICATIONS,
    "api_applications.attach_file": Action.WRITE_APPLICATIONS,
    "api_applications.begin": Action.WRITE_APPLICATIONS,
    "api_applications.comparison": Action.SEE_APPLICATIONS,
    "api_applications.events": Action.SEE_APPLICATIONS,
    "api_applications.give_up": Action.SUBMIT_APPLICATIONS,
    "api_applications.hand_in": Action.SUBMIT_APPLICATIONS,
    "api_applications.issue": Action.REVIEW_APPLICATIONS,
    "api_applications.remove_file": Action.WRITE_APPLICATIONS,
    "api_applications.revisions": Action.SEE_APPLICATIONS,
    "api_applications.save": Action.WRITE_APPLICATIONS,
    "api_applications.take": Action.REVIEW_APPLICATIONS,
    "api_applications.turn_down": Action.REVIEW_APPLICATIONS,
    "api_attachments.download": Action.SEE_APPLICATIONS,
    "api_evidence.bundle": Action.SEE_EVIDENCE,
    "api_evidence.bundles": Action.SEE_EVIDENCE,
    "api_evidence.download": Action.SEE_EVIDENCE,
    "api_evidence.export": Action.EXPORT_EVIDENCE,
    "api_directives.directive": Action.SEE_DIRECTIVES,
    "api_directives.directives": Action.SEE_DIRECTIVES,
    "api_directives.order": Action.ORDER_VEHICLES,
    "api_directives.release": Action.ORDER_VEHICLES,
    "api_incidents.amend": Action.REPORT_INCIDENTS,
    "api_incidents.attach_file": Action.REPORT_INCIDENTS,
    "api_incidents.close": Action.REVIEW_INCIDENTS,
    "api_incidents.decide": Action.REVIEW_INCIDENTS,
    "api_incidents.disengagements": Action.SEE_INCIDENTS,
    "api_incidents.dismiss": Action.REPORT_INCIDENTS,
    "api_emergencies.declare_emergency": Action.DECLARE_EMERGENCIES,
    "api_emergencies.emergencies": Action.SEE_EMERGENCIES,
    "api_emergencies.emergency": Action.SEE_EMERGENCIES,
    "api_emergencies.emergency_report": Action.SEE_EMERGENCIES,
    "api_emergencies.emergency_vehicles": Action.SEE_EMERGENCIES,
    "api_emergencies.end_emergency": Action.DECLARE_EMERGENCIES,
    "api_emergencies.order_vehicle_again": Action.DECLARE_EMERGENCIES,
    "api_emergencies.prolong_emergency": Action.DECLARE_EMERGENCIES,
    "api_emergencies.totals": Action.SEE_EMERGENCIES,
    "api_incidents.incident": Action.SEE_INCIDENTS,
    "api_incidents.incidents": Action.SEE_INCIDENTS,
    "api_incidents.open_from_alert": Action.OPEN_INCIDENTS,
    "api_incidents.reopen": Action.REVIEW_INCIDENTS,
    "api_incidents.report": Action.REPORT_INCIDENTS,
    "api_incidents.review": Action.REVIEW_INCIDENTS,
    "api_incidents.revisions": Action.SEE_INCIDENTS,
    "application_review.ask_for_changes": Action.REVIEW_APPLICATIONS,
    "application_review.changes": Action.REVIEW_APPLICATIONS,
    "application_review.issue": Action.REVIEW_APPLICATIONS,
    "application_review.take": Action.REVIEW_APPLICATIONS,
    "application_review.terms": Action.REVIEW_APPLICATIONS,
    "application_review.turn_down": Action.REVIEW_APPLICATIONS,
    "application_steps.remove_file": Action.WRITE_APPLICATIONS,
    "application_steps.save": Action.WRITE_APPLICATIONS,
    "application_steps.save_safety": Action.WRITE_APPLICATIONS,
    "application_steps.step": Action.WRITE_APPLICATIONS,
    "applications.compare": Action.SEE_APPLICATIONS,
    "applications.give_up": Action.SUBMIT_APPLICATIONS,
    "applications.hand_in": Action.SUBMIT_APPLICATIONS,
    "applications.index": Action.SEE_APPLICATIONS,
    "applications.new": Action.WRITE_APPLICATIONS,
    "applications.show": Action.SEE_APPLICATIONS,
    "attachments.download": Action.SEE_APPLICATIONS,
    "duty.index": Action.SEE_LIVE,
    "choices.officers": Action.SEE_OFFICERS,
    "choices.vehicles": Action.SEE_VEHICLES,
    "choices.zones": Action.SEE_ZONES,
    "api_liability.liability": Action.SEE_LIABILITY,
    "liability.show": Action.SEE_LIABILITY,
    "directives.index": Action.SEE_DIRECTIVES,
    "directives.new": Action.ORDER_VEHICLES,
    "directives.show": Action.SEE_DIRECTIVES,
    "directives.release": Action.ORDER_VEHICLES,
    "incidents.compare": Action.SEE_INCIDENTS,
    "incidents.disengagements": Action.SEE_INCIDENTS,
    "incidents.dismiss": Action.REPORT_INCIDENTS,
    "incidents.edit": Action.REPORT_INCIDENTS,
    "evidence.download": Action.SEE_EVIDENCE,
    "evidence.index": Action.SEE_EVIDENCE,
    "evidence.new": Action.EXPORT_EVIDENCE,
    "evidence.show": Action.SEE_EVIDENCE,
    "emergencies.board": Action.SEE_EMERGENCIES,
    "emergencies.create": Action.DECLARE_EMERGENCIES,
    "emergencies.end_now": Action.DECLARE_EMERGENCIES,
    "emergencies.index": Action.SEE_EMERGENCIES,
    "emergencies.new": Action.DECLARE_EMERGENCIES,
    "emergencies.order": Action.DECLARE_EMERGENCIES,
    "emergencies.prolong_now": Action.DECLARE_EMERGENCIES,
    "emergencies.would_be_told": Action.DECLARE_EMERGENCIES,
    "emergencies.show": Action.SEE_EMERGENCIES,
    "emergency_reports.show": Action.SEE_EMERGENCIES,
    "incidents.index": Action.SEE_INCIDENTS,
    "incidents.new": Action.REPORT_INCIDENTS,
    "incidents.show": Action.SEE_INCIDENTS,
    "incident_openings.create": Action.OPEN_INCIDENTS,
    "incident_openings.new": Action.OPEN_INCIDENTS,
    "incident_review.close": Action.REVIEW_INCIDENTS,
    "incident_review.decide": Action.REVIEW_INCIDENTS,
    "incident_review.reopen": Action.REVIEW_INCIDENTS,
    "incident_review.review": Action.REVIEW_INCIDENTS,
    "incidents.attach_file": Action.REPORT_INCIDENTS,
    "api_notices.notices": Action.SEE_NOTICES,
    "api_notices.read": Action.SEE_NOTICES,
    "api_notifications.add": Action.CHANGE_NOTIFICATIONS,
    "api_notifications.again": Action.CHANGE_NOTIFICATIONS,
    "api_notifications.change": Action.CHANGE_NOTIFICATIONS,
    "api_notifications.channel": Action.SEE_NOTIFICATIONS,
    "api_notifications.channels": Action.SEE_NOTIFICATIONS,
    "api_notifications.deliveries": Action.SEE_NOTIFICATIONS,
    "api_notifications.rotate": Action.CHANGE_NOTIFICATIONS,
    "api_notifications.test": Action.CHANGE_NOTIFICATIONS,
    "api_permits.decide": Action.DECIDE_PERMITS,
    "api_permits.notice": Action.SEE_PERMITS,
    "api_permits.permit": Action.SEE_PERMITS,
    "api_permits.permits": Action.SEE_PERMITS,
    "api_permits.restrict": Action.DECIDE_PERMITS,
    "api_permits.revisions": Action.SEE_PERMITS,
    "api_permits.surrender": Action.SURRENDER_PERMITS,
    "api_permits.zones": Action.SEE_PERMITS,
    "notices.index": Action.SEE_NOTICES,
    "notices.open_subject": Action.SEE_NOTICES,
    "notices.read_all": Action.SEE_NOTICES,
    "notifications.again": Action.CHANGE_NOTIFICATIONS,
    "notifications.deliveries": Action.SEE_NOTIFICATIONS,
    "notifications.delivery": Action.SEE_NOTIFICATIONS,
    "notifications.edit": Action.CHANGE_NOTIFICATIONS,
    "notifications.index": Action.SEE_NOTIFICATIONS,
    "notifications.new": Action.CHANGE_NOTIFICATIONS,
    "notifications.rotate": Action.CHANGE_NOTIFICATIONS,
    "notifications.show": Action.SEE_NOTIFICATIONS,
    "notifications.test": Action.CHANGE_NOTIFICATIONS,
    "permit_decisions.decide": Action.DECIDE_PERMITS,
    "permit_decisions.restrict": Action.DECIDE_PERMITS,
    "permit_decisions.restriction": Action.DECIDE_PERMITS,
    "permit_decisions.surrender": Action.SURRENDER_PERMITS,
    "permits.compare": Action.SEE_PERMITS,
    "permits.driving": Action.SEE_PERMITS,
    "permits.index": Action.SEE_PERMITS,
    "permits.notice": Action.SEE_PERMITS,
    "permits.show": Action.SEE_PERMITS,
    "account.change": Action.MANAGE_OWN_ACCOUNT,
    "account.end_sessions": Action.MANAGE_OWN_ACCOUNT,
    "account.index": Action.MANAGE_OWN_ACCOUNT,
    "account.issue_token": Action.MANAGE_OWN_ACCOUNT,
    "account.password": Action.MANAGE_OWN_ACCOUNT,
    "account.remove_second_factor": Action.MANAGE_OWN_ACCOUNT,
    "account.renew_recovery_codes": Action.MANAGE_OWN_ACCOUNT,
    "account.revoke_token": Action.MANAGE_OWN_ACCOUNT,
    "account.second_factor": Action.MANAGE_OWN_ACCOUNT,
    "alerts.index": Action.SEE_ALERTS,
    "api_alerts.acknowledge": Action.ACKNOWLEDGE_ALERTS,
    "api_alerts.acknowledge_many": Action.ACKNOWLEDGE_ALERTS,
    "api_alerts.alert": Action.SEE_ALERTS,
    "api_alerts.alerts": Action.SEE_ALERTS,
    "api_alerts.assign": Action.HANDLE_ALERTS,
    "api_alerts.comment": Action.HANDLE_ALERTS,
    "api_alerts.comments": Action.SEE_ALERTS,
    "api_alerts.escalate": Action.HANDLE_ALERTS,
    "api_alerts.resolve": Action.RESOLVE_ALERTS,
    "api_saved-filters.filters": Action.SEE_OWN_FILTERS,
    "api_saved-filters.forget": Action.MANAGE_OWN_FILTERS,
    "api_saved-filters.save": Action.MANAGE_OWN_FILTERS,
    "api_saved-filters.saved_filter": Action.SEE_OWN_FILTERS,
    "api_audit.entries": Action.SEE_AUDIT,
    "api_audit.entry": Action.SEE_AUDIT,
    "api_audit.head": Action.SEE_AUDIT,
    "api_jurisdictions.jurisdiction": Action.SEE_JURISDICTIONS,
    "api_jurisdictions.jurisdictions": Action.SEE_JURISDICTIONS,
    "api_officers.change": Action.CHANGE_OFFICERS,
    "api_officers.licences": Action.SEE_OFFICERS,
    "api_officers.officer": Action.SEE_OFFICERS,
    "api_officers.officers": Action.SEE_OFFICERS,
    "api_officers.register": Action.CHANGE_OFFICERS,
    "api_officers.renew": Action.CHANGE_OFFICERS,
    "api_officers.withdraw": Action.WITHDRAW_LICENCES,
    "api_organisations.change": Action.CHANGE_ORGANISATIONS,
    "api_organisations.organisation": Action.SEE_ORGANISATIONS,
    "api_organisations.organisations": Action.SEE_ORGANISATIONS,
    "api_organisations.register": Action.REGISTER_ORGANISATIONS,
    "api_rejects.reject": Action.SEE_REJECTS,
    "api_rejects.rejects": Action.SEE_REJECTS,
    "api_replay.samples": Action.SEE_REPLAY,
    "api_replay.zones": Action.SEE_REPLAY,
    "api_what-if.ask": Action.SEE_WHAT_IF,
    "api_trails.vehicle_trail": Action.SEE_REPLAY,
    "api_trials.change": Action.CHANGE_TRIALS,
    "api_trials.register": Action.CHANGE_TRIALS,
    "api_trials.trial": Action.SEE_TRIALS,
    "api_trials.trials": Action.SEE_TRIALS,
    "api_vehicle_imports.import_vehicles": Action.CHANGE_VEHICLES,
    "api_vehicles.change": Action.CHANGE_VEHICLES,
    "api_vehicles.change_status": Action.CHANGE_VEHICLE_STATUS,
    "api_vehicles.position": Action.SEE_VEHICLES,
    "api_vehicles.register": Action.CHANGE_VEHICLES,
    "api_vehicles.revoke": Action.MANAGE_CREDENTIALS,
    "api_vehicles.rotate": Action.MANAGE_CREDENTIALS,
    "api_vehicles.statuses": Action.SEE_VEHICLES,
    "api_vehicles.vehicle": Action.SEE_VEHICLES,
    "api_vehicles.vehicles": Action.SEE_VEHICLES,
    "api_tokens.issue": Action.MANAGE_OWN_ACCOUNT,
    "api_tokens.revoke": Action.MANAGE_OWN_ACCOUNT,
    "api_tokens.tokens": Action.MANAGE_OWN_ACCOUNT,
    "api_users.change": Action.CHANGE_USERS,
    "api_users.create": Action.CHANGE_USERS,
    "api_users.disable": Action.CHANGE_USERS,
    "api_users.enable": Action.CHANGE_USERS,
    "api_users.remove_second_factor": Action.CHANGE_USERS,
    "api_users.reset_password": Action.CHANGE_USERS,
    "api_users.user": Action.SEE_USERS,
    "api_users.users": Action.SEE_USERS,
    "api_sanctions.begin": Action.DECIDE_SANCTIONS,
    "api_sanctions.decide": Action.DECIDE_SANCTIONS,
    "api_sanctions.drop": Action.DECIDE_SANCTIONS,
    "api_sanctions.notice": Action.DECIDE_SANCTIONS,
    "api_sanctions.object_to": Action.APPEAL_SANCTIONS,
    "api_sanctions.rule": Action.DECIDE_SANCTIONS,
    "api_sanctions.sanction": Action.SEE_SANCTIONS,
    "api_sanctions.sanctions": Action.SEE_SANCTIONS,
    "sanctions.decide": Action.DECIDE_SANCTIONS,
    "sanctions.drop": Action.DECIDE_SANCTIONS,
    "sanctions.index": Action.SEE_SANCTIONS,
    "sanctions.new": Action.DECIDE_SANCTIONS,
    "sanctions.notice": Action.DECIDE_SANCTIONS,
    "sanctions.object_to": Action.APPEAL_SANCTIONS,
    "sanctions.rule": Action.DECIDE_SANCTIONS,
    "sanctions.show": Action.SEE_SANCTIONS,
    "audit.index": Action.SEE_AUDIT,
    "audit.show": Action.SEE_AUDIT,
    "officers.edit": Action.CHANGE_OFFICERS,
    "officers.index": Action.SEE_OFFICERS,
    "officers.new": Action.CHANGE_OFFICERS,
    "officers.renew": Action.CHANGE_OFFICERS,
    "officers.show": Action.SEE_OFFICERS,
    "officers.withdraw": Action.WITHDRAW_LICENCES,
    "organisations.edit": Action.CHANGE_ORGANISATIONS,
    "organisations.index": Action.SEE_ORGANISATIONS,
    "organisations.new": Action.REGISTER_ORGANISATIONS,
    "organisations.show": Action.SEE_ORGANISATIONS,
    "rejects.index": Action.SEE_REJECTS,
    "rejects.show": Action.SEE_REJECTS,
    "replay.index": Action.SEE_REPLAY,
    "what_if.ask_permit": Action.SEE_WHAT_IF,
    "what_if.ask_zone": Action.SEE_WHAT_IF,
    "what_if.check": Action.SEE_WHAT_IF,
    "what_if.index": Action.SEE_WHAT_IF,
    "what_if.permit": Action.SEE_WHAT_IF,
    "what_if.zone": Action.SEE_WHAT_IF,
    "trials.edit": Action.CHANGE_TRIALS,
    "trials.index": Action.SEE_TRIALS,
    "trials.new": Action.CHANGE_TRIALS,
    "trials.show": Action.SEE_TRIALS,
    "vehicle_imports.confirm": Action.CHANGE_VEHICLES,
    "vehicle_imports.preview": Action.CHANGE_VEHICLES,
    "vehicle_imports.template": Action.CHANGE_VEHICLES,
    "vehicle_imports.upload": Action.CHANGE_VEHICLES,
    "vehicles.change_status": Action.CHANGE_VEHICLE_STATUS,
    "vehicles.edit": Action.CHANGE_VEHICLES,
    "vehicles.index": Action.SEE_VEHICLES,
    "vehicles.new": Action.CHANGE_VEHICLES,
    "vehicles.revoke": Action.MANAGE_CREDENTIALS,
    "vehicles.rotate": Action.MANAGE_CREDENTIALS,
    "vehicles.show": Action.SEE_VEHICLES,
    "users.disable": Action.CHANGE_USERS,
    "users.edit": Action.CHANGE_USERS,
    "users.enable": Action.CHANGE_USERS,
    "users.index": Action.SEE_USERS,
    "users.new": Action.CHANGE_USERS,
    "users.remove_second_factor": Action.CHANGE_USERS,
    "users.reset_password": Action.CHANGE_USERS,
    "users.show": Action.SEE_USERS,
    "health.metrics": Action.SEE_METRICS,
    "api_live.live": Action.SEE_LIVE,
    "api_live.live_stream": Action.SEE_LIVE,
    "pages.staff_map": Action.SEE_LIVE,
    "api_zones.zones": Action.SEE_ZONES,
    "api_zone_revisions.zone_register": Action.SEE_ZONES,
    "api_zone_revisions.zone": Action.SEE_ZONES,
    "api_zone_revisions.revisions": Action.SEE_ZONES,
    "api_zones.create": Action.PUBLISH_ZONES,
    "api_zone_revisions.publish": Action.PUBLISH_ZONES,
    "api_zone_revisions.end": Action.PUBLISH_ZONES,
    "api_zone_imports.publish": Action.PUBLISH_ZONES,
    "api_zone_imports.export": Action.SEE_ZONES,
    "api_jurisdictions.create": Action.CHANGE_JURISDICTIONS,
    "api_jurisdictions.change": Action.CHANGE_JURISDICTIONS,
    "api_recognition.decisions": Action.SEE_JURISDICTIONS,
    "api_recognition.decide": Action.DECIDE_RECOGNITION,
    "api_recognition.end": Action.DECIDE_RECOGNITION,
    "jurisdictions.index": Action.SEE_JURISDICTIONS,
    "jurisdictions.show": Action.SEE_JURISDICTIONS,
    "jurisdictions.new": Action.CHANGE_JURISDICTIONS,
    "jurisdictions.create": Action.CHANGE_JURISDICTIONS,
    "jurisdictions.edit": Action.CHANGE_JURISDICTIONS,
    "jurisdictions.change": Action.CHANGE_JURISDICTIONS,
    "recognition.index": Action.SEE_JURISDICTIONS,
    "recognition.edit": Action.DECIDE_RECOGNITION,
    "recognition.decide": Action.DECIDE_RECOGNITION,
    "recognition.end": Action.DECIDE_RECOGNITION,
    "zones.index": Action.SEE_ZONES,
    "zones.show": Action.SEE_ZONES,
    "zones.compare": Action.SEE_ZONES,
    "zones.end": Action.PUBLISH_ZONES,
    "zone_editor.new": Action.PUBLISH_ZONES,
    "zone_editor.create": Action.PUBLISH_ZONES,
    "zone_editor.edit": Action.PUBLISH_ZONES,
    "zone_editor.publish": Action.PUBLISH_ZONES,
    "zone_editor.check": Action.PUBLISH_ZONES,
    "zone_editor.round_shape": Action.SEE_ZONES,
    "zone_imports.choose": Action.PUBLISH_ZONES,
    "zone_imports.upload": Action.PUBLISH_ZONES,
    "zone_imports.preview": Action.PUBLISH_ZONES,
    "zone_imports.publish": Action.PUBLISH_ZONES,
    "zone_imports.drop": Action.PUBLISH_ZONES,
    "zone_imports.export": Action.SEE_ZONES,
}


def may(role: Role, action: Action) -> bool:
    """Whether the role may do it; unknown ones may not."""
    return role in ALLOWED.get(action, frozenset())


#: The one page that is open to a person with a duty.
DUTY_PAGES: Mapping[Duty, str] = {
    Duty.CHANGE_PASSWORD: "account.password",
    Duty.ENROL_SECOND_FACTOR: "account.second_factor",
}


def scope_of(action: Action) -> Scope | None:
    """The scope that a token needs for it; None: no token may do it."""
    if action is Action.MANAGE_OWN_ACCOUNT:
        return None
    if action is Action.CHANGE_USERS:
        return Scope.USERS
    if action in _DECISIONS:
        return Scope.DECIDE
    return Scope.READ if action.startswith("see_") else Scope.WRITE
