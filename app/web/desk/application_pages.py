"""What the pages of one application share: whose it is, its map, and its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from flask import render_template
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.documents.wording import condition_terms
from app.models import Application, ApplicationEvent, Officer, Stage, Trial, Vehicle, ZoneRevisionRow
from app.schemas.applications import ApplicationContent, ApplicationDraft, CommentedField, EntryGate
from app.services.application_life import EDITABLE, WAITING
from app.services.application_terms import conditions_of
from app.services.applications import draft_of, gates_of
from app.services.completeness import Gap, gaps
from app.services.review import content_of, differences, history, newest_submitted, open_comments
from app.services.zone_offers import every_zone
from app.web import access
from app.web.access import Action
from app.web.application_texts import (
    STEPS,
    application_title,
    event_title,
    field_label,
    gap_text,
    gate_measured,
    gate_required,
    gate_source,
    gate_title,
    step_states,
)
from app.web.desk.zone_maps import drawn_map, drawn_revision, map_data
from app.web.forms import Form, blank
from app.web.gate import identity
from app.web.language import language
from app.web.naming import Names, named, names_of
from app.web.organisation_names import organisation_name
from app.web.ownership import own_application
from app.web.permit_texts import stage_label
from app.web.runtime import runtime
from app.web.times import shanghai

#: What a regulator can comment on; the jurisdiction is its own.
COMMENTED = [field for field in get_args(CommentedField) if field != "jurisdiction"]

_TIMES = frozenset({"valid_from_ms", "valid_until_ms"})


@dataclass(frozen=True, slots=True)
class ShownApplication:
    """An application as its page shows it: what was submitted last, or, while its operator works on it, the draft."""

    application: Application
    shown: ApplicationDraft
    gaps: Sequence[Gap]
    gates: Sequence[EntryGate]
    may_edit: bool
    may_submit: bool
    may_decide: bool


def application_page(number: str, *, attempted: str = "", form: Form | None = None) -> str:
    """The page; `form` is that of the step `attempted` which was not taken, with what is wrong."""
    with runtime().reading() as session:
        application = own_application(session, number)
        found = _shown(session, application)
        zones = chosen_zones(session, application, found.shown)
        return render_template(
            "applications/show.html",
            found=found,
            application=application,
            title=application_title(application),
            holder=organisation_name(application.holder),
            jurisdiction=name_of(application.jurisdiction),
            facts=facts_of(session, found.shown),
            names={row.zone.zone_id: name_of(row) for row in zones},
            vehicles=_vehicles(session, found.shown, application.holder_id),
            officers=_officers(session, found.shown, application.holder_id),
            gates=[gate_row(gate) for gate in found.gates],
            gaps=[(gap.step, field_label(gap.field), gap_text(gap)) for gap in found.gaps],
            steps=step_entries(step_states(found.gaps)),
            timeline=timeline(application, history(session, application)),
            comments=open_comments(session, application),
            labels={field: field_label(field) for field in COMMENTED},
            attempted=attempted,
            empty=blank(),
            form=form or blank(),
            map=drawn_map(),
            data=map_data(shapes=[drawn_revision(row, "new") for row in zones]),
        )


def chosen_zones(session: Session, application: Application, draft: ApplicationDraft) -> list[ZoneRevisionRow]:
    """The newest revision of each zone that the draft names."""
    known = every_zone(session, application.jurisdiction, draft.stage)
    return [known[zone_id].row for zone_id in draft.zones if zone_id in known]


def facts_of(session: Session, draft: ApplicationDraft) -> list[tuple[str, str]]:
    """Stage, trial and conditions, in words. The period is shown by the page itself."""
    trial = session.scalar(select(Trial).where(Trial.trial_id == draft.trial_id)) if draft.trial_id else None
    facts = [
        (field_label("trial_id"), f"{name_of(trial)} ({trial.trial_id})" if trial is not None else ""),
        (field_label("stage"), stage_name(draft.stage)),
    ]
    return facts + terms_in_words(draft)


def stage_name(stage: Stage | None) -> str:
    """The stage in the request's language; empty where it is not chosen."""
    return "" if stage is None else stage_label(stage)


def compared(
    session: Session, application: Application, before: ApplicationContent, after: ApplicationContent
) -> list[tuple[str, str, str]]:
    """Both revisions field by field, in words; what differs comes first, terms as the permit would state them."""
    names = _names(session, application, before, after)
    rows = [
        (field_label(each.field), _plain(each.field, each.before, names), _plain(each.field, each.after, names))
        for each in differences(before, after)
        if each.field != "hours" and not each.field.startswith("conditions.")
    ]
    terms = zip(terms_in_words(before), terms_in_words(after), strict=True)
    rows += [(name, earlier, later) for (name, earlier), (_same, later) in terms]
    return sorted(rows, key=lambda row: row[1] == row[2])


def submitted_lines(session: Session, application: Application, content: ApplicationContent) -> dict[str, str]:
    """What was submitted in each field that can be commented on, in words."""
    names = _names(session, application, content)
    (_name, hours), *conditions = terms_in_words(content)
    plain = {each.field: _plain(each.field, each.after, names) for each in differences(content, content)}
    return plain | {"hours": hours, "conditions": "\n".join(f"{name}{_(': ')}{value}" for name, value in conditions)}


def _names(session: Session, application: Application, *contents: ApplicationContent) -> Names:
    return names_of(
        session,
        application.holder_id,
        {
            "trial_id": [content.trial_id for content in contents if content.trial_id],
            "vehicles": [each for content in contents for each in content.vehicles],
            "officers": [each for content in contents for each in content.officers],
            "zones": [each for content in contents for each in content.zones],
        },
    )


def _plain(field: str, lines: Sequence[str], names: Names) -> str:
    """The lines of a field, as comparisons have them, for people."""
    if field in _TIMES:
        return _(", ").join(shanghai(int(line)) for line in lines)
    if field == "stage":
        return _(", ").join(stage_label(Stage(line)) for line in lines)
    if field in names:
        return "\n".join(named(names, field, lines))
    return "\n".join(lines)


def terms_in_words(draft: ApplicationDraft) -> list[tuple[str, str]]:
    """Hours and conditions with their names, in the language of the request; hours that nobody decided are a dash."""
    shown = language()
    hours, *others = [(name.said(shown), value.said(shown)) for name, value in condition_terms(conditions_of(draft))]
    return [(hours[0], "—") if draft.lacks_hours else hours, *others]


def name_of(thing: Any) -> str:
    """The name of whatever has one in each language."""
    return str(thing.name_zh if language() == "zh" else thing.name_en)


def gate_row(gate: EntryGate) -> Mapping[str, Any]:
    """A gate in words."""
    return {
        "title": gate_title(gate),
        "required": gate_required(gate),
        "measured": gate_measured(gate),
        "source": gate_source(gate),
        "passed": gate.passed,
    }


def step_entries(states: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """The steps for the head of the form."""
    return [{"key": key, "label": label, "state": states[key]} for key, label in STEPS.items()]


def timeline(application: Application, events: Sequence[ApplicationEvent]) -> list[dict[str, Any]]:
    """What happened, newest first."""
    numbers = {revision.id: revision.number for revision in application.revisions}
    return [
        {
            "at_ms": event.recorded_at_ms,
            "title": event_title(event.state, event.field),
            "who": event.actor.display_name if event.actor is not None else "",
            "text": event.comment,
            "state": event.state.value if not event.field else "",
            "revision": numbers.get(event.revision_id or 0),
        }
        for event in reversed(events)
    ]


def _shown(session: Session, application: Application) -> ShownApplication:
    caller, now_ms = identity(), runtime().clock()
    is_editable = application.state in EDITABLE
    is_own = caller.scope == application.holder_id
    shown = draft_of(application)
    if application.revisions and not (is_editable and is_own):
        shown = content_of(newest_submitted(application))
    decided = application.state not in EDITABLE | WAITING
    return ShownApplication(
        application=application,
        shown=shown,
        gaps=() if decided else gaps(session, application, shown, now_ms),
        gates=_gates(session, application, shown, now_ms, decided=decided),
        may_edit=is_editable and is_own and access.may(caller.role, Action.WRITE_APPLICATIONS),
        may_submit=is_own and access.may(caller.role, Action.SUBMIT_APPLICATIONS),
        may_decide=application.state in WAITING
        and access.may(caller.role, Action.REVIEW_APPLICATIONS)
        and caller.decides_in(application.jurisdiction_id),
    )


def _gates(
    session: Session, application: Application, shown: ApplicationDraft, now_ms: int, *, decided: bool
) -> Sequence[EntryGate]:
    """As they are now; of a decided application as they were when it was submitted."""
    if decided and application.revisions:
        return [EntryGate.model_validate(gate) for gate in newest_submitted(application).gates]
    return gates_of(session, application, shown, now_ms)


def _vehicles(session: Session, draft: ApplicationDraft, holder_id: int) -> list[Vehicle]:
    """The holder's own: a draft may name anybody's."""
    query = select(Vehicle).where(Vehicle.vehicle_id.in_(draft.vehicles), Vehicle.organisation_id == holder_id)
    return list(session.scalars(query.order_by(Vehicle.vehicle_id)))


def _officers(session: Session, draft: ApplicationDraft, holder_id: int) -> list[Officer]:
    """The holder's own: a draft may name anybody's."""
    query = select(Officer).where(Officer.officer_id.in_(draft.officers), Officer.organisation_id == holder_id)
    return list(session.scalars(query.order_by(Officer.officer_id)))
