"""The regulator's side of applications: review, changes asked for, rejection, and the grant of a permit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import InvalidChange, NotFound
from app.models import (
    Application,
    ApplicationEvent,
    ApplicationRevision,
    ApplicationState,
    Officer,
    Permit,
    PermitRevisionRow,
    User,
    Vehicle,
)
from app.schemas.applications import ApplicationContent, ChangeRequest, Difference, Grant
from app.services.application_life import WAITING, add_event, enter, require_version, tell_holder
from app.services.application_terms import conditions_of
from app.services.applications import gates_of
from app.services.completeness import gaps
from app.services.pages import Page, read_page
from app.services.permit_numbers import next_permit_number
from app.services.permits import issue_permit, revise_permit


def take_under_review(
    session: Session, application: Application, *, expected_version: int, actor: User, now_ms: int
) -> None:
    """Begin the review; the holder is told. Raises Conflict and InvalidChange as `reject` does."""
    _require_state(application, expected_version, frozenset({ApplicationState.SUBMITTED}))
    enter(
        session,
        application,
        ApplicationState.UNDER_REVIEW,
        action="application.review_begun",
        comment="",
        actor=actor,
        now_ms=now_ms,
        revision=newest_submitted(application),
    )
    tell_holder(session, application, "application.under_review", now_ms)


def request_changes(
    session: Session,
    application: Application,
    request: ChangeRequest,
    *,
    expected_version: int,
    actor: User,
    now_ms: int,
) -> None:
    """Hand it back to the holder with comments, in general and field by field."""
    _require_state(application, expected_version, WAITING)
    revision = newest_submitted(application)
    enter(
        session,
        application,
        ApplicationState.CHANGES_REQUESTED,
        action="application.changes_requested",
        comment=request.reason,
        actor=actor,
        now_ms=now_ms,
        revision=revision,
    )
    for each in request.comments:
        add_event(
            session,
            application,
            comment=each.comment,
            field=each.field,
            actor=actor,
            now_ms=now_ms,
            revision=revision,
        )
    tell_holder(session, application, "application.changes_requested", now_ms)


def reject(
    session: Session, application: Application, *, reason: str, expected_version: int, actor: User, now_ms: int
) -> None:
    """Reject it for good. Raises Conflict for an older version, InvalidChange when it is not waiting."""
    _require_state(application, expected_version, WAITING)
    enter(
        session,
        application,
        ApplicationState.REJECTED,
        action="application.rejected",
        comment=reason,
        actor=actor,
        now_ms=now_ms,
        revision=newest_submitted(application),
    )
    tell_holder(session, application, "application.rejected", now_ms)


def grant(
    session: Session, application: Application, decision: Grant, *, expected_version: int, actor: User, now_ms: int
) -> PermitRevisionRow:
    """Issue the permit, or the change of the permit, on the terms of the decision.

    What was submitted is held against the registry as it is now: a gap that has opened since then
    forbids it (`application_incomplete`), a failed entry gate needs a reason (`exception_missing`), and
    a change of a permit the revision that it replaces (`permit_revision_missing`; Conflict when a newer
    one was decided meanwhile, a restriction for instance).
    """
    _require_state(application, expected_version, WAITING)
    content = content_of(newest_submitted(application))
    terms = {name: getattr(decision, name) for name in ("valid_from_ms", "valid_until_ms", "hours", "conditions")}
    granted = content.model_copy(update=terms)
    found = gaps(session, application, granted, now_ms)
    if found:
        raise InvalidChange(
            f"it is no longer complete: {found[0].code} ({found[0].field})", code="application_incomplete"
        )
    failed = [gate.code for gate in gates_of(session, application, granted, now_ms) if not gate.passed]
    if failed and not decision.exception_reason:
        raise InvalidChange(
            f"failed entry gates need a reason: {', '.join(failed)}", code="exception_missing", field="exception_reason"
        )
    revision = _issue(session, application, granted, decision, actor=actor, now_ms=now_ms)
    application.permit = revision.permit
    exception = f"\n[{', '.join(failed)}] {decision.exception_reason}" if failed else ""
    enter(
        session,
        application,
        ApplicationState.GRANTED,
        action="application.granted",
        comment=decision.reason + exception,
        actor=actor,
        now_ms=now_ms,
        revision=newest_submitted(application),
    )
    tell_holder(session, application, "application.granted", now_ms)
    return revision


def newest_submitted(application: Application) -> ApplicationRevision:
    """What is being decided on."""
    return application.revisions[-1]


def revision_by_number(application: Application, number: int) -> ApplicationRevision:
    """Raises NotFound."""
    for revision in application.revisions:
        if revision.number == number:
            return revision
    raise NotFound(f"no revision {number} of application {application.number}")


def content_of(revision: ApplicationRevision) -> ApplicationContent:
    """What was submitted."""
    return ApplicationContent.model_validate(revision.content)


def history(session: Session, application: Application) -> Sequence[ApplicationEvent]:
    """Every step and comment, oldest first."""
    query = select(ApplicationEvent).where(ApplicationEvent.application_id == application.id)
    return session.scalars(query.order_by(ApplicationEvent.id)).all()


def revision_page(
    session: Session, application: Application, *, limit: int, cursor: str | None
) -> Page[ApplicationRevision]:
    """One page of what was submitted, oldest first. Raises InvalidChange for a foreign cursor."""
    submitted = select(ApplicationRevision).where(ApplicationRevision.application_id == application.id)
    page = read_page(session, submitted, ApplicationRevision.number, limit=limit, cursor=cursor)
    return page.map(lambda row: row[0])


def event_page(
    session: Session, application: Application, *, limit: int, cursor: str | None
) -> Page[tuple[ApplicationEvent, int | None]]:
    """One page of its steps and comments, oldest first, each with the number of the revision that it is about.

    Raises InvalidChange for a foreign cursor.
    """
    steps = (
        select(ApplicationEvent, ApplicationRevision.number)
        .outerjoin(ApplicationRevision, ApplicationEvent.revision_id == ApplicationRevision.id)
        .where(ApplicationEvent.application_id == application.id)
    )
    page = read_page(session, steps, ApplicationEvent.id, limit=limit, cursor=cursor)
    return page.map(lambda row: (row[0], row[1]))


def open_comments(session: Session, application: Application) -> Mapping[str, Sequence[str]]:
    """The comments by field (empty: on the whole) with which it was handed back; none unless it waits for changes."""
    if application.state is not ApplicationState.CHANGES_REQUESTED:
        return {}
    newest = newest_submitted(application).id
    found: dict[str, list[str]] = {}
    for event in history(session, application):
        if event.revision_id == newest and event.state is ApplicationState.CHANGES_REQUESTED:
            found.setdefault(event.field, []).append(event.comment)
    return found


def differences(before: ApplicationContent, after: ApplicationContent) -> Sequence[Difference]:
    """Both revisions field by field, side by side; lists by their members."""
    earlier, later = _lines(before), _lines(after)
    return [
        Difference(field=field, before=lines, after=later[field], changed=lines != later[field])
        for field, lines in earlier.items()
    ]


def _lines(content: ApplicationContent) -> dict[str, list[str]]:
    plain = content.model_dump(mode="json")
    lines = {
        name: [] if plain[name] in {None, ""} else [str(plain[name])]
        for name in ("trial_id", "stage", "jurisdiction", "valid_from_ms", "valid_until_ms", "safety_case")
    }
    lines |= {name: sorted(plain[name]) for name in ("vehicles", "officers", "zones")}
    lines["hours"] = [f"{' '.join(each['days']) or 'ANY'} {each['start']}-{each['end']}" for each in plain["hours"]]
    for name, value in plain["conditions"].items():
        listed = value if isinstance(value, list) else [] if value is None else [str(value)]
        lines[f"conditions.{name}"] = sorted(listed)
    lines["attachments"] = sorted(f"{each['file_name']} ({each['sha256'][:8]})" for each in plain["attachments"])
    return lines


def _issue(
    session: Session,
    application: Application,
    granted: ApplicationContent,
    decision: Grant,
    *,
    actor: User,
    now_ms: int,
) -> PermitRevisionRow:
    vehicles = list(session.scalars(select(Vehicle).where(Vehicle.vehicle_id.in_(granted.vehicles))))
    officers = list(session.scalars(select(Officer).where(Officer.officer_id.in_(granted.officers))))
    conditions = conditions_of(granted)
    permit: Permit | None = application.permit
    if permit is not None:
        if decision.permit_revision is None:
            raise InvalidChange(
                "a change of a permit names the revision that it replaces",
                code="permit_revision_missing",
                field="permit_revision",
            )
        return revise_permit(
            session,
            permit,
            reason=decision.reason,
            now_ms=now_ms,
            conditions=conditions,
            vehicles=vehicles,
            zone_ids=granted.zones,
            officers=officers,
            valid_from_ms=granted.valid_from_ms,
            valid_until_ms=granted.valid_until_ms,
            expected_revision=decision.permit_revision,
            actor=actor,
        )
    return issue_permit(
        session,
        number=next_permit_number(session, application.jurisdiction, now_ms),
        stage=granted.stage,
        jurisdiction=application.jurisdiction,
        holder=application.holder,
        vehicles=vehicles,
        zone_ids=granted.zones,
        conditions=conditions,
        valid_from_ms=granted.valid_from_ms,
        valid_until_ms=granted.valid_until_ms,
        now_ms=now_ms,
        officers=officers,
        reason=decision.reason,
        actor=actor,
    )


def _require_state(application: Application, expected_version: int, states: frozenset[ApplicationState]) -> None:
    require_version(application, expected_version)
    if application.state not in states:
        raise InvalidChange(
            f"an application that is {application.state} cannot be decided on", code="application_not_waiting"
        )
