"""Permits over HTTP: lists, terms, revisions, decisions, zones and notices."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Response
from pydantic import Field
from sqlalchemy.orm import Session

from app.documents.permit_content import permit_notice
from app.models import PermitRevisionRow, Stage
from app.schemas.base import Identifier, Line, Schema
from app.schemas.permits import (
    ConditionsOut,
    PermitList,
    PermitListed,
    PermitOut,
    PermitRevisionList,
    PlainDecision,
    Restriction,
    RevisionOut,
    Standing,
    Surrender,
)
from app.schemas.zone_features import ZoneCollection
from app.services.decisions import decide as take_decision
from app.services.decisions import restrict_permit
from app.services.permit_life import Decision
from app.services.permit_register import (
    PermitFilter,
    StandingPermit,
    TakenDecision,
    decision_page,
    decisions_on,
    permit_page,
    standing_permit,
)
from app.web.api.base import PageQuery, Problem, Responses, answer, api_blueprint, media, require_match
from app.web.gate import identity
from app.web.ownership import actor, require_decider, require_own
from app.web.public_address import verification_url
from app.web.runtime import runtime

permits_api = api_blueprint("permits", "What may drive and fly where, and every decision on it.")

_GEOJSON = "application/geo+json"
_PDF = "application/pdf"
_DECIDED: Responses = {"200": PermitOut, "409": Problem, "412": Problem, "422": Problem, "428": Problem}
_ONE: Responses = {"200": PermitOut, "422": Problem}


class PermitQuery(PageQuery):
    """Which permits; `q` is looked for in numbers."""

    standing: Standing | None = None
    stage: Stage | None = None
    holder: Annotated[Identifier | None, Field(description="an organisation's code")] = None
    jurisdiction: Annotated[Identifier | None, Field(description="the issuing jurisdiction's code")] = None
    q: Line | None = None


class PermitPath(Schema):
    """Which permit."""

    number: Annotated[str, Field(max_length=64)]


@permits_api.get("", responses={"200": PermitList, "422": Problem})
def permits(query: PermitQuery) -> Response:
    """One page by number. An operator sees its own."""
    wanted = PermitFilter(
        organisation_id=identity().scope,
        standing=query.standing,
        stage=query.stage,
        holder=query.holder,
        jurisdiction=query.jurisdiction,
        text=query.q,
    )
    with runtime().reading() as session:
        page = permit_page(session, wanted, now_ms=runtime().clock(), limit=query.limit, cursor=query.cursor)
        items = [PermitListed(**_listed(each)) for each in page.items]
    return answer(PermitList(items=items, next_cursor=page.next_cursor))


@permits_api.get("/<number>", responses=_ONE)
def permit(path: PermitPath) -> Response:
    """One permit with the terms in force. Its ETag is the number of its newest revision."""
    with runtime().reading() as session:
        return _shown(session, path.number)


@permits_api.get("/<number>/revisions", responses={"200": PermitRevisionList, "422": Problem})
def revisions(path: PermitPath, query: PageQuery) -> Response:
    """One page of its revisions, newest first."""
    with runtime().reading() as session:
        permit_ = _own(session, path.number).permit
        page = decision_page(session, permit_, limit=query.limit, cursor=query.cursor)
        return answer(PermitRevisionList(items=page.map(_revision).items, next_cursor=page.next_cursor))


@permits_api.post("/<number>/decisions", responses=_DECIDED)
def decide(path: PermitPath, body: PlainDecision) -> Response:
    """Suspend, reinstate or revoke it: from the next sample on."""
    with runtime().changing() as session:
        found = _own(session, path.number)
        require_decider(found.permit.jurisdiction)
        return _plain(session, found, body.decision, body.reason)


@permits_api.post("/<number>/surrender", responses=_DECIDED)
def surrender(path: PermitPath, body: Surrender) -> Response:
    """The holder gives it back."""
    with runtime().changing() as session:
        return _plain(session, _own(session, path.number), Decision.SURRENDERED, body.reason)


@permits_api.post("/<number>/restriction", responses=_DECIDED)
def restrict(path: PermitPath, body: Restriction) -> Response:
    """Tighten its terms; every term that would become wider is named in `errors`."""
    with runtime().changing() as session:
        found = _own(session, path.number)
        require_decider(found.permit.jurisdiction)
        require_match(found.newest.number)
        restrict_permit(
            session,
            found.permit,
            body,
            reason=body.reason,
            expected_revision=found.newest.number,
            actor=actor(session),
            now_ms=runtime().clock(),
        )
        return _shown(session, path.number)


@permits_api.get("/<number>/zones", responses={"200": media(ZoneCollection, _GEOJSON), "422": Problem})
def zones(path: PermitPath) -> Response:
    """Its zones that are in force now, as GeoJSON areas."""
    with runtime().reading() as session:
        granted = {zone.zone_id for zone in _own(session, path.number).current.zones}
        drawn = runtime().atlas.collection(session, runtime().clock(), granted)
    return Response(drawn, mimetype=_GEOJSON)


@permits_api.get(
    "/<number>/notice",
    responses={
        "200": {"content": {_PDF: {"schema": {"type": "string", "format": "binary"}}}},
        "422": Problem,
        "503": Problem,
    },
)
def notice(path: PermitPath) -> Response:
    """The notice to print, in both languages."""
    now_ms = runtime().clock()
    with runtime().reading() as session:
        found = _own(session, path.number)
        content = permit_notice(session, found, url=verification_url(found.permit.number), now_ms=now_ms)
    return Response(runtime().press.sheet(content), mimetype=_PDF)


def _own(session: Session, number: str) -> StandingPermit:
    found = standing_permit(session, number, now_ms=runtime().clock())
    require_own(found.permit.holder_id)
    return found


def _plain(session: Session, found: StandingPermit, decision: Decision, reason: str) -> Response:
    require_match(found.newest.number)
    take_decision(
        session,
        found.permit,
        decision,
        reason=reason,
        expected_revision=found.newest.number,
        actor=actor(session),
        now_ms=runtime().clock(),
    )
    return _shown(session, found.permit.number)


def _shown(session: Session, number: str) -> Response:
    found = _own(session, number)
    taken = next(each for each in decisions_on(session, found.permit) if each.revision.id == found.current.id)
    return answer(PermitOut(**_listed(found), terms=_revision(taken)), version=found.newest.number)


def _listed(found: StandingPermit) -> dict[str, Any]:
    return {
        "number": found.permit.number,
        "standing": found.standing,
        "stage": found.current.stage,
        "holder": found.permit.holder.code,
        "jurisdiction": found.permit.jurisdiction.code,
        "valid_from_ms": found.current.valid_from_ms,
        "valid_until_ms": found.current.valid_until_ms,
        "vehicle_count": found.vehicle_count,
        "revision": found.newest.number,
    }


def _revision(taken: TakenDecision) -> RevisionOut:
    row: PermitRevisionRow = taken.revision
    return RevisionOut(
        number=row.number,
        decision=taken.decision,
        state=row.state,
        stage=row.stage,
        starts_at_ms=row.starts_at_ms,
        valid_from_ms=row.valid_from_ms,
        valid_until_ms=row.valid_until_ms,
        conditions=ConditionsOut.model_validate(row.terms),
        vehicles=sorted(vehicle.vehicle_id for vehicle in row.vehicles),
        zones=sorted(zone.zone_id for zone in row.zones),
        officers=sorted(officer.officer_id for officer in row.officers),
        reason=row.reason,
        decided_by=taken.decided_by,
        recorded_at_ms=row.recorded_at_ms,
    )
