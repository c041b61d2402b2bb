"""What the scripts of the replay say, in the request's language."""

from __future__ import annotations

from flask_babel import gettext as _


def replay_text(*, hours: int) -> dict[str, str]:
    """Texts by key; {names} are filled in by the scripts."""
    return {
        "play": _("Play"),
        "pause": _("Pause"),
        "loading": _("Loading…"),
        "empty": _("No vehicle was on the road or in the air then: nothing is stored of this period."),
        "failed": _("The samples could not be loaded. Try again."),
        "ended": _("The end of the period."),
        "copied": _("The link to this instant is copied."),
        "copy_by_hand": _("Copy the address of this page: it leads to this instant."),
        "no_alerts": _("No alert was open in this period."),
        "many_alerts": _("Only the newest {count} alerts are listed."),
        "jump_to": _("Jump to {time}"),
        "not_seen": _("Nothing is known of {vehicle} at this instant."),
        "late": _("Arrived late: stored and judged, never on the live map."),
        "period_limit": _("At most {hours} hours.").replace("{hours}", str(hours)),
        "heading": _("Heading"),
        "findings": _("Findings"),
        "no_findings": _("none"),
        "zones_missing": _("The zones of this instant could not be loaded."),
    }
