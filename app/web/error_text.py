"""What went wrong, in the words and the language of the person who reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from app.errors import AppError, InvalidChange
from app.schemas.base import FieldProblem
from app.web.zone_error_text import FILE_TEXTS, ZONE_TEXTS

#: Wordings of pydantic's own codes and of the schemas' (PydanticCustomError), filled in with their params.
FIELD_TEXTS: Mapping[str, LazyString] = {
    **ZONE_TEXTS,
    "missing": _("This field is needed."),
    "string_too_short": _("This field is needed."),
    "string_too_long": _("At most %(max_length)s characters."),
    "string_pattern_mismatch": _("This has characters that are not allowed, or the wrong form."),
    "extra_forbidden": _("This field is not known."),
    "int_parsing": _("A whole number is needed."),
    "int_from_float": _("A whole number is needed."),
    "float_parsing": _("A number is needed."),
    "bool_parsing": _("Yes or no is needed."),
    "enum": _("Choose one of the options."),
    "literal_error": _("Choose one of the options."),
    "greater_than": _("Must be more than %(gt)s."),
    "greater_than_equal": _("Must be at least %(ge)s."),
    "less_than": _("Must be less than %(lt)s."),
    "less_than_equal": _("Must be at most %(le)s."),
    "operator_without_organisation": _("An operator belongs to an organisation: choose one."),
    "regulator_without_jurisdiction": _("A regulator decides somewhere: choose at least one jurisdiction."),
    "jurisdictions_of_no_regulator": _("Only regulators have jurisdictions: choose none."),
    "password_not_repeated": _("The two new passwords differ."),
    "date_from_datetime_parsing": _("A date is needed."),
    "date_parsing": _("A date is needed."),
    "too_short": _("Choose at least %(min_length)s."),
    "too_long": _("Choose at most %(max_length)s."),
    "date_out_of_range": _("The year must be between 1990 and 2199."),
    "vin_check_digit": _("The check digit (ninth character) does not fit: one character is wrong."),
    "credit_code_check": _("The last character does not fit the others: one character is wrong."),
    "harm_differs": _("People were hurt: the harm must say so."),
    "not_of_this_kind": _("A vehicle of this kind has no such detail: leave it empty."),
    "stage_of_other_domain": _("A trial of this domain has no such stage."),
    "ends_before_start": _("The last day is before the first."),
    "area_needed": _("An area is needed, not a line."),
    "one_shape_needed": _("Draw an outline, or give a circle: one of them."),
    "speed_of_slow": _("An order to slow down needs a speed; no other order has one."),
    "place_of_leave": _("A place belongs to the order to leave it."),
    "one_place": _("Choose a zone, draw an outline, or give a circle: one of them."),
    "place_no_area": _("What is to be left is an area."),
    "formula": _("A formula: give the value itself."),
    "more_cells_than_columns": _("The row has more cells than the header."),
    "taken": _("Registered already."),
    "window_empty": _("A window ends at another time than it starts."),
    "quiet_hours_half": _("Quiet hours have a beginning and an end: state both, or neither."),
    "one_draft": _("Give either a zone, or a permit with its terms."),
    "twice_in_file": _("More than once in this file."),
}

#: Wordings of the codes of app.errors, filled in with the error's params.
ERROR_TEXTS: Mapping[str, LazyString] = {
    **FILE_TEXTS,
    "permit_revision_missing": _("Name the revision of the permit that this replaces."),
    "alert_escalated": _("Somebody has escalated this alert already."),
    "alert_in_hand": _("A regulator has this alert in hand."),
    "alert_resolved": _("This alert was closed with a reason before."),
    "too_many_filters": _("At most %(most)s saved filters: delete one first."),
    "unknown_finding": _("There is no such finding."),
    "unknown_assignee": _("You cannot charge this person with an alert."),
    "not_found": _("This does not exist, or not for you."),
    "already_registered": _("This identifier is taken already."),
    "conflict": _("Somebody else has changed this meanwhile. Nothing was done: look at it again."),
    "precondition_failed": _("Somebody else has changed this meanwhile. Nothing was done: look at it again."),
    "denied": _("You may not do this."),
    "invalid_change": _("The rules do not allow this change."),
    "transition_not_allowed": _("The permit's state does not allow this decision any more."),
    "wider_than_before": _("This would allow more than before: that needs an application."),
    "appeal_over": _("The time for an appeal is over."),
    "decided_since": _("The permit was decided on since then: decide on it itself."),
    "hearing_over": _("The hearing has to be in the future."),
    "permit_ended": _("The permit has ended."),
    "restriction_missing": _("State what is restricted."),
    "officer_needed": _("This stage needs a safety officer."),
    "nothing_restricted": _("Nothing would change."),
    "reason_missing": _("A decision needs a reason."),
    "period_empty": _("The period must end after it begins."),
    "no_vehicles": _("There is no vehicle that could be asked about."),
    "too_many_samples": _("That would be more than %(most)s samples: choose a shorter period, or fewer vehicles."),
    "period_too_long": _("The period is too long: %(hours)s hours at most."),
    "not_the_holders": _("Only what belongs to the permit's holder can be named."),
    "broker_unavailable": _("The broker cannot be told who may connect. Nothing was changed: try again soon."),
    "overloaded": _("Too many people want this at the moment. Try again in a minute."),
    "fixed_field": _("This never changes."),
    "deadline_over": _("The deadline is over already."),
    "no_such_vehicle": _("There is no such vehicle: %(ids)s."),
    "vehicle_not_ordered": _("These are retired and hear nothing any more: %(ids)s."),
    "vehicle_of_other_authority": _(
        "No permit of your jurisdiction names these, and they are in none of its zones: they are not yours to order."
        " %(ids)s"
    ),
    "vehicle_retired": _("The vehicle is retired: its record is closed."),
    "status_unchanged": _("The vehicle has this status already."),
    "held_by_regulator": _("A regulator took it out of service: only a regulator puts it back."),
    "licence_withdrawn": _("A regulator withdrew this licence. A new licence has another number."),
    "no_licence_in_force": _("There is no licence in force."),
    "unknown_vehicle": _("You have no such vehicle: %(ids)s."),
    "vehicle_of_other_domain": _("These cannot take part in a trial of this domain: %(ids)s."),
    "unknown_zone": _("There is no such zone: %(ids)s."),
    "import_has_problems": _("%(count)s rows have problems. Nothing was imported."),
    "file_missing": _("Choose a file."),
    "file_too_large": _("The file is larger than %(limit)s."),
    "file_too_many_rows": _("The file has more than %(limit)s rows."),
    "file_too_many_columns": _("The file has more than %(limit)s columns."),
    "file_cell_too_long": _("A cell in line %(line)s is too long."),
    "file_empty": _("The file has no rows."),
    "file_old_excel": _("This is an old Excel file: save it as .xlsx or CSV."),
    "file_no_spreadsheet": _("This is no spreadsheet: CSV and .xlsx are."),
    "file_broken": _("The file is damaged and cannot be read."),
    "file_encoding": _("The text is neither UTF-8, UTF-16 nor GB 18030."),
    "file_bomb": _("The file would unpack to far more than a spreadsheet: it was not opened."),
    "file_unknown_column": _("There is no column named %(name)s. Take the names of the template."),
    "file_column_twice": _("The column %(name)s is there twice."),
    "file_column_missing": _("The column %(name)s is missing."),
    "jurisdiction_unknown": _("Choose one of the jurisdictions."),
    "organisation_unknown": _("Choose one of the organisations."),
    "zone_kind_changed": _("A zone keeps its kind for its whole life."),
    "zone_jurisdiction_changed": _("A zone keeps its jurisdiction for its whole life."),
    "zone_unjudgeable": _("Nothing can be judged against this shape: it is too far from the city, or not valid."),
    "zone_has_ended": _("The zone has ended already."),
    "ends_before_start": _("The end lies before the start."),
    "not_recognised": _("Its permits are not recognised."),
    "recognises_itself": _("A jurisdiction recognises others, not itself."),
    "stages_missing": _("Choose at least one stage."),
    "operator_without_organisation": _("An operator belongs to an organisation: choose one."),
    "password_length": _("A password has %(shortest)s to %(longest)s characters."),
    "password_easy": _("This password is too easy to guess."),
    "password_wrong": _("The old password is wrong."),
    "password_same": _("This is the old password."),
    "code_wrong": _("The code is wrong. Is the time of your telephone right?"),
    "second_factor_missing": _("There is no second factor."),
    "second_factor_unreadable": _("The second factor cannot be read any more. An administrator can remove it."),
    "token_expiry": _("A token is good for a year at most."),
    "token_scopes": _("Choose at least one scope."),
    "not_yourself": _("You cannot do this to yourself: another administrator can."),
    "last_administrator": _("This is the last administrator: make another one first."),
    "user_disabled": _("The user is disabled already."),
    "user_not_disabled": _("The user is not disabled."),
    "manager_role": _("You manage operators only."),
    "manager_organisation": _("You manage users of your own organisation only."),
    "unknown_organisation": _("There is no such organisation."),
    "unknown_jurisdiction": _("There is no such jurisdiction."),
    "application_incomplete": _("The application is not complete: see below what is missing."),
    "application_not_editable": _("It is submitted: it can be changed again when the regulator asks for it."),
    "application_closed": _("It is decided on already."),
    "application_not_waiting": _("It does not wait for a decision any more."),
    "jurisdiction_settled": _("The jurisdiction cannot change any more: begin a new application."),
    "permit_unknown": _("You have no such permit."),
    "exception_missing": _("An entry gate has failed: an exception needs a reason."),
    "too_many_files": _("There can be %(most)s files at most."),
    "file_type_refused": _("Files of this type are not taken. What counts is the content, not the name."),
    "file_without_content": _("The file is empty."),
    "compression_bomb": _("The file would unpack to far more than it should: it was not opened."),
    "emergency_over": _("The emergency is over already."),
    "emergency_not_longer": _("It lasts as long already."),
    "directive_of_emergency": _("Emergency %(emergency)s lasts: end it, and all its vehicles are released."),
    "day_archived": _(
        "The samples of %(day)s (UTC) are in the archive. An administrator of the platform brings them back for a"
        " time with: pilotage archive restore %(day)s"
    ),
    "bundle_too_large": _("This is too much for one bundle: take a shorter time."),
    "moment_in_future": _("It has not happened yet."),
    "window_too_long": _("Before and after together: at least a second, at most %(limit)s minutes."),
    "incident_in_future": _("It has not happened yet."),
    "email_address": _("This is no e-mail address."),
    "webhook_address": _("This is no address of the web: https://host/path."),
    "webhook_user": _("An address with a user name or a password is not taken: messages are signed instead."),
    "webhook_private": _("This is no public address: the platform does not send into networks of its own."),
    "webhook_https": _("The address must begin with https://."),
    "channel_owner": _("Choose an organisation or a jurisdiction, one of them."),
    "channel_without_secret": _("Only webhooks have a secret."),
    "channel_off": _("The channel is switched off: it sends nothing."),
    "test_too_soon": _("A test message was sent just now: wait a minute."),
    "delivery_not_failed": _("This message has arrived, or is on its way."),
    "incident_not_proposed": _("Only what the platform proposed can be dismissed."),
    "incident_settled": _("The incident is closed or dismissed: a regulator can open it again."),
    "incident_state": _("The state of the incident does not allow this any more."),
    "disengagement_incomplete": _("A full report answers this."),
    "alert_unknown": _("This vehicle has no such alert."),
    "alert_has_incident": _("There is an incident of this alert already."),
    "revision_in_past": _("It cannot start before now: samples were judged already."),
}


def field_text(problem: FieldProblem) -> str:
    """The wording of one field's problem."""
    text = FIELD_TEXTS.get(problem.code)
    return filled(text, problem.params) if text is not None else str(_("This value does not fit."))


def error_text(error: AppError) -> str:
    """The wording of a service's refusal."""
    params = error.params if isinstance(error, InvalidChange) else {}
    text = ERROR_TEXTS.get(error.code)
    return filled(text, params) if text is not None else str(_("This cannot be done."))


def filled(text: LazyString, params: Mapping[str, Any]) -> str:
    """A wording with what it leaves open."""
    return str(text) % params if "%(" in str(text) else str(text)
