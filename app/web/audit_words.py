"""What the audit log's actions and subjects are called: `vehicle.registered` is "Vehicle: registered"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _

from app.audit import PLATFORM

NOUNS: Mapping[str, Any] = {
    "alert": _("Alert"),
    "application": _("Application"),
    "archive": _("Archive of samples"),
    "attachment": _("Attachment"),
    "emergency": _("Emergency"),
    "evidence": _("Evidence"),
    "channel": _("Channel of notification"),
    "import": _("Import"),
    "directive": _("Directive"),
    "incident": _("Incident"),
    "jurisdiction": _("Jurisdiction"),
    "licence": _("Licence"),
    "officer": _("Safety officer or pilot"),
    "organisation": _("Organisation"),
    "permit": _("Permit"),
    "recognition": _("Recognition"),
    "recovery_code": _("Recovery code"),
    "recovery_codes": _("Recovery codes"),
    "sanction": _("Sanction"),
    "seal": _("Seal of samples"),
    "second_factor": _("Second factor"),
    "token": _("Token"),
    "trial": _("Trial"),
    "user": _("User"),
    "vehicle": _("Vehicle"),
    "zone": _("Zone"),
}
VERBS: Mapping[str, Any] = {
    "written": _("written"),
    "final": _("became final"),
    "overturned": _("overturned"),
    "upheld": _("upheld"),
    "appealed": _("appealed"),
    "dismissed": _("dismissed"),
    "noticed": _("notice served"),
    "added": _("added"),
    "account_changed": _("account changed"),
    "acknowledged": _("acknowledged"),
    "alert_added": _("alert added"),
    "amended": _("amended"),
    "anchored": _("anchored"),
    "assigned": _("assigned"),
    "changed": _("changed"),
    "changes_requested": _("changes requested"),
    "commented": _("commented"),
    "complied": _("complied with"),
    "closed": _("closed"),
    "created": _("created"),
    "cut": _("cut behind the archive"),
    "credential_renewed": _("credentials renewed"),
    "credential_revoked": _("credentials revoked"),
    "decided": _("decided"),
    "declared": _("declared"),
    "deleted": _("deleted"),
    "disabled": _("disabled"),
    "draft_saved": _("draft saved"),
    "enabled": _("enabled"),
    "ended": _("ended"),
    "enrolled": _("enrolled"),
    "escalated": _("escalated"),
    "emptied": _("emptied"),
    "expired": _("expired"),
    "exported": _("exported"),
    "extended": _("extended"),
    "file_attached": _("file attached"),
    "file_removed": _("file removed"),
    "fault_decided": _("fault decided"),
    "granted": _("granted"),
    "issued": _("issued"),
    "leaving": _("about to leave the database again"),
    "linked": _("linked with the provider"),
    "ordered_again": _("vehicle ordered again"),
    "overdue": _("overdue"),
    "password_changed": _("password changed"),
    "password_reset": _("password reset"),
    "paused": _("paused"),
    "proposed": _("proposed"),
    "recorded": _("recorded"),
    "refused": _("refused"),
    "registered": _("registered"),
    "reinstated": _("reinstated"),
    "rejected": _("rejected"),
    "removed": _("removed"),
    "renewed": _("renewed"),
    "replaced": _("replaced"),
    "reopened": _("opened again"),
    "reported": _("reported"),
    "resolved": _("closed with a reason"),
    "restored": _("in the database again"),
    "restoring": _("being brought back"),
    "restricted": _("restricted"),
    "resumed": _("resumed"),
    "review_begun": _("review begun"),
    "revision_published": _("revision published"),
    "revoked": _("revoked"),
    "secret_renewed": _("secret renewed"),
    "sent_again": _("message sent again"),
    "status_changed": _("status changed"),
    "stored": _("stored"),
    "submitted": _("submitted"),
    "surrendered": _("surrendered"),
    "suspended": _("suspended"),
    "unanswered": _("not answered"),
    "tested": _("tested"),
    "used": _("used"),
    "vehicles_told": _("vehicles told"),
    "withdrawn": _("withdrawn"),
}


def subject_name(subject_type: str) -> str:
    """What kind of thing was changed, in the request's language."""
    return str(NOUNS.get(subject_type, subject_type.replace("_", " ")))


def actor_name(actor: str) -> str:
    """Who did it: a user's e-mail address, or the platform itself."""
    return str(_("The platform")) if actor == PLATFORM else actor


def action_name(action: str) -> str:
    """What was done to it, in the request's language; of an unknown action its code, readably."""
    noun, _dot, verb = action.partition(".")
    return f"{subject_name(noun)}{_(': ')}{VERBS.get(verb, verb.replace('_', ' '))}"
