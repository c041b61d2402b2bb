"""The texts of the duty screen's scripts, translated on the server and sent along with the page."""

from __future__ import annotations

from flask_babel import gettext as _

from app.web.error_text import ERROR_TEXTS
from app.web.page_text import script_text

#: What the API may refuse on this screen, by its code.
_REFUSALS = (
    "already_registered",
    "alert_escalated",
    "alert_in_hand",
    "alert_resolved",
    "conflict",
    "denied",
    "not_found",
    "precondition_failed",
    "too_many_filters",
    "unknown_assignee",
)


def duty_text() -> dict[str, str]:
    """Every text that the scripts of the screen may show, by key, in the request's language."""
    refusals = {f"refused_{code}": str(ERROR_TEXTS[code]) for code in _REFUSALS}
    return script_text() | refusals | _board() | _handling() | _fleet()


def _board() -> dict[str, str]:
    return {
        "alerts_shown": _("{shown} of {all} alerts"),
        "no_matches": _("No alert fits the filter."),
        "all_calm": _("No open alerts. Everything runs as permitted."),
        "group_vehicle": _("{count} alerts of {vehicle}"),
        "group_place": _("{count} alerts, {place}"),
        "group_finding": _("{count} alerts of {vehicles} vehicles"),
        "alerts_beyond": _("{count} more ended before anybody had seen them"),
        "no_place": _("no named place"),
        "state_new": _("New"),
        "state_acknowledged": _("Seen"),
        "state_resolved": _("Closed"),
        "state_escalated": _("Escalated"),
        "state_ended": _("Over"),
        "assigned_to": _("With {name}"),
        "comment_count": _("{count} comments"),
        "announced": _("{finding}, {vehicle}, {severity}"),
        "sound_on": _("Sound on"),
        "sound_off": _("Sound off"),
        "filter_saved": _("The filter was saved."),
        "filter_deleted": _("The filter was deleted."),
        "save_filter": _("Save this filter"),
        "filter_name": _("Name of the filter"),
        "save": _("Save"),
        "no_filter": _("Saved filters"),
        "any": _("All"),
    }


def _handling() -> dict[str, str]:
    return {
        "acknowledge": _("Acknowledge"),
        "acknowledge_all": _("Acknowledge all {count}"),
        "take": _("Take it on"),
        "assign": _("Assign to"),
        "nobody": _("Nobody"),
        "comment": _("Comment"),
        "comment_hint": _("The operator and the city's regulators both read this."),
        "comment_label": _("Comment"),
        "escalate": _("Escalate"),
        "escalate_hint": _("The operator and the regulators in charge are told at once, with your reason."),
        "close_alert": _("Close"),
        "close_hint": _("The alert stays in the record with your reason. It stays here while the vehicle goes on."),
        "reason": _("Reason"),
        "cancel": _("Cancel"),
        "choose_one": _("Choose a single alert first."),
        "encounter": _("Too close to"),
        "encounter_seen": _("Last seen"),
        "encounter_nearest": _("Predicted"),
        "encounter_apart": _("{across} m apart, {height} m in height"),
        "encounter_without_height": _("{across} m apart, height unknown"),
        "encounter_across": _("apart, m"),
        "encounter_height": _("in height, m"),
        "encounter_minima": _("minima: {across} m, {height} m, and more by what is uncertain of both positions"),
        "encounter_plot": _("How far apart the two aircraft are, across and in height, beside the minima"),
        "another": _("another aircraft"),
        "opened": _("Began"),
        "goes_on": _("going on"),
        "ended": _("Ended"),
        "place": _("Place"),
        "vehicle": _("Vehicle"),
        "acknowledged_by": _("Seen by"),
        "assignee": _("In charge"),
        "escalated": _("Escalated"),
        "by_platform": _("the platform, when nobody had seen it in time"),
        "resolved": _("Closed"),
        "comments": _("Comments"),
        "no_comments": _("No comments yet."),
        "show_vehicle": _("Show the vehicle"),
        "vehicle_page": _("Vehicle's page"),
        "done": _("Done."),
        "failed": _("The platform could not be reached. Nothing was done."),
        "refused": _("The platform refused it. Nothing was done."),
        "changed_meanwhile": _("Somebody else was faster. Look at it again."),
    }


def _fleet() -> dict[str, str]:
    return {
        "no_data": _("No data for {seconds} s"),
        "no_data_minutes": _("No data for {minutes} min"),
        "battery_low": _("Battery {percent} %"),
        "nothing_lost": _("Every vehicle sends."),
        "nothing_low": _("No battery is low."),
        "no_officers": _("No remote officer is on duty."),
        "officer_vehicles": _("{count} of {limit} vehicles"),
        "officer_unlimited": _("{count} vehicles, no limit"),
        "over_limit": _("more than permitted"),
        "trail_title": _("{vehicle}: the last ten minutes"),
        "trail_empty": _("There are no samples of the last ten minutes."),
        "trail_failed": _("The trail could not be loaded."),
        "plot_speed": _("Speed, km/h"),
        "plot_altitude": _("Altitude, m"),
        "plot_battery": _("Battery, %"),
        "plot_mode": _("Mode"),
        "plot_none": _("not stated"),
        "vehicles_many": _("{count} more"),
    }
