"""The liability view over HTTP."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from pydantic import Field

from app.schemas.base import Identifier, Milliseconds, Schema
from app.schemas.liability import AlertSpanOut, LiabilityOut, PersonOut, QuestionOut, SpanOut, TermOut
from app.services.alert_ids import public_id_of
from app.services.liability import LiabilityView, Span, liability_view
from app.services.liability_questions import open_questions
from app.services.vehicles import vehicle_by_id
from app.web.api.base import Problem, answer, api_blueprint
from app.web.ownership import require_own
from app.web.runtime import runtime
from telemetry.findings import RULES, Finding

liability_api = api_blueprint("liability", "Who or what was in control of a vehicle around an instant.")


class LiabilityPath(Schema):
    """Which vehicle."""

    vehicle_id: Identifier


class LiabilityQuery(Schema):
    """Around which instant."""

    at_ms: Annotated[Milliseconds | None, Field(description="now, unless it is said")] = None


@liability_api.get("/<vehicle_id>", responses={"200": LiabilityOut, "422": Problem})
def liability(path: LiabilityPath, query: LiabilityQuery) -> Response:
    """The record from 90 s before to 30 s after. It decides nothing."""
    now_ms = runtime().clock()
    with runtime().reading() as session:
        vehicle = vehicle_by_id(session, path.vehicle_id)
        require_own(vehicle.organisation_id)
        at_ms = now_ms if query.at_ms is None else query.at_ms
        return answer(_out(liability_view(session, vehicle, at_ms, now_ms=now_ms)))


def _out(view: LiabilityView) -> LiabilityOut:
    return LiabilityOut(
        vehicle_id=view.vehicle.vehicle_id,
        at_ms=view.at_ms,
        from_ms=view.from_ms,
        until_ms=view.until_ms,
        samples=len(view.samples),
        spans=[_span_out(view, span) for span in view.spans],
        terms=[
            TermOut(
                finding=each.finding.code,
                reads=RULES[each.finding].reads,
                broken_ms=each.broken_ms,
                undecided_ms=each.undecided_ms,
                kept_ms=each.kept_ms,
            )
            for each in view.terms
        ],
        alerts=[
            AlertSpanOut(
                alert_id=public_id_of(alert),
                finding=Finding(alert.finding).code,
                severity=alert.severity,
                opened_at_ms=alert.opened_at_ms,
                closed_at_ms=alert.closed_at_ms,
            )
            for alert in view.alerts
        ],
        incidents=[incident.incident_id for incident in view.incidents],
        open_questions=[
            QuestionOut(rule=each.rule, from_ms=each.from_ms, until_ms=each.until_ms, detail=each.detail)
            for each in open_questions(view)
        ],
    )


def _span_out(view: LiabilityView, span: Span) -> SpanOut:
    permit = None if span.permit_revision is None else view.permits.get(span.permit_revision)
    person = span.person
    return SpanOut(
        from_ms=span.from_ms,
        until_ms=span.until_ms,
        samples=span.samples,
        mode=None if span.mode is None else span.mode.name.lower(),
        safety_officer=None if span.officer is None else span.officer.name.lower(),
        person=None
        if person is None
        else PersonOut(
            officer_id=person.officer_id, name=person.name, organisation=person.organisation, licence=person.licence
        ),
        passengers=span.passengers,
        permit=None if permit is None else permit.permit.number,
        permit_revision=None if permit is None else permit.number,
        permit_state=None if permit is None else permit.state.value,
        broken=[finding.code for finding in span.broken],
        undecided=[finding.code for finding in span.undecided],
        directives=list(span.directives),
        slowest_mps=span.slowest_mps,
        fastest_mps=span.fastest_mps,
    )
