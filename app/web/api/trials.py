"""Trials (试点项目) over HTTP."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response
from sqlalchemy.orm import Session

from app.models import Stage, Trial, TrialDomain
from app.schemas.base import Identifier, Line, Schema
from app.schemas.trials import TrialDetails, TrialOut, TrialRegistration
from app.services.trials import (
    TrialFilter,
    TrialState,
    change_trial,
    register_trial,
    trial_by_id,
    trial_page,
    trial_state,
)
from app.web.api.base import PageQuery, Problem, Responses, answer, api_blueprint, require_match
from app.web.gate import identity
from app.web.ownership import actor, require_own
from app.web.runtime import runtime
from app.web.vehicle_credentials import own_organisation

trials_api = api_blueprint("trials", "What operators want to find out, with which vehicles, where and when.")

_REFUSED: Responses = {"409": Problem, "422": Problem}
_CHANGED: Responses = {"409": Problem, "412": Problem, "422": Problem, "428": Problem}


class TrialPath(Schema):
    """Which trial."""

    trial_id: Identifier


class TrialQuery(PageQuery):
    """Which trials; `q` is looked for in codes, names and goals."""

    organisation: Identifier | None = None
    domain: TrialDomain | None = None
    stage: Stage | None = None
    state: TrialState | None = None
    q: Line | None = None


class TrialList(Schema):
    """One page of trials, by code."""

    items: list[TrialOut]
    next_cursor: str | None


@trials_api.get("", responses={"200": TrialList, "422": Problem})
def trials(query: TrialQuery) -> Response:
    """One page of trials. An operator sees its own."""
    wanted = TrialFilter(
        organisation_id=identity().scope,
        organisation=query.organisation,
        domain=query.domain,
        stage=query.stage,
        state=query.state,
        text=query.q,
    )
    with runtime().reading() as database:
        page = trial_page(database, wanted, now_ms=runtime().clock(), limit=query.limit, cursor=query.cursor)
        return answer(TrialList(items=page.map(_out).items, next_cursor=page.next_cursor))


@trials_api.post("", responses={"201": TrialOut, **_REFUSED})
def register(body: TrialRegistration) -> Response:
    """Register a trial of the caller's organisation."""
    with runtime().changing() as database:
        made = register_trial(
            database, body, organisation=own_organisation(database), now_ms=runtime().clock(), actor=actor(database)
        )
        described = _out(made)
    return answer(described, HTTPStatus.CREATED, version=described.version)


@trials_api.get("/<trial_id>", responses={"200": TrialOut, "422": Problem})
def trial(path: TrialPath) -> Response:
    """One trial."""
    with runtime().reading() as database:
        described = _out(_own(database, path))
    return answer(described, version=described.version)


@trials_api.put("/<trial_id>", responses={"200": TrialOut, **_CHANGED})
def change(path: TrialPath, body: TrialDetails) -> Response:
    """Replace the description of a trial."""
    with runtime().changing() as database:
        found = _own(database, path)
        require_match(found.version)
        change_trial(database, found, body, now_ms=runtime().clock(), actor=actor(database))
        described = _out(found)
    return answer(described, version=described.version)


def _own(database: Session, path: TrialPath) -> Trial:
    found = trial_by_id(database, path.trial_id)
    require_own(found.organisation_id)
    return found


def _out(row: Trial) -> TrialOut:
    return TrialOut(
        trial_id=row.trial_id,
        organisation=row.organisation.code,
        name_zh=row.name_zh,
        name_en=row.name_en,
        domain=row.domain,
        stage=row.stage,
        state=trial_state(row, runtime().clock()).value,
        goal=row.goal,
        starts_at_ms=row.starts_at_ms,
        ends_at_ms=row.ends_at_ms,
        vehicles=sorted(vehicle.vehicle_id for vehicle in row.vehicles),
        zones=sorted(zone.zone_id for zone in row.zones),
        version=row.version,
    )
