"""Lists for everybody: permits in force, trials, operators."""

from __future__ import annotations

from flask import Response, url_for
from flask_babel import gettext as _

from app.models import Stage, TrialDomain
from app.public.operators import operators as list_operators
from app.public.operators import trials as list_trials
from app.public.registry import permits_in_force
from app.schemas.public import PublicOperator, PublicPermit, PublicTrial
from app.web.navigation import url_if
from app.web.public.blueprint import name_in, place_list, public_pages, registry_now
from app.web.public.wording import group_text
from app.web.runtime import runtime
from app.web.schedule_text import schedule_text
from app.web.stage_text import domain_names, stage_names
from app.web.states import state_label
from app.web.tables import Column, Filter, Kind, Table, table_answer


@public_pages.get("/permits")
def permits() -> Response | str:
    """Permits in force."""
    state = runtime()
    with state.reading() as session:
        found = permits_in_force(session, registry_now(), state.clock())
    return table_answer(_permit_table(found), "public/permits.html")


@public_pages.get("/trials")
def trials() -> Response | str:
    """Trials that are coming, running or over."""
    state = runtime()
    with state.reading() as session:
        found = list_trials(session, state.clock())
    return table_answer(_trial_table(found), "public/trials.html")


@public_pages.get("/operators")
def operators() -> Response | str:
    """Companies that hold permits in force."""
    state = runtime()
    with state.reading() as session:
        found = list_operators(session, registry_now(), state.clock())
    return table_answer(_operator_table(found), "public/operators.html")


def _permit_table(rows: list[PublicPermit]) -> Table[PublicPermit]:
    stages = stage_names()
    return Table(
        name="permits",
        caption=_("Permits in force"),
        columns=[
            Column("number", _("Number"), lambda row: row.number, kind=Kind.CODE, link=_verification),
            Column("holder", _("Holder"), lambda row: name_in(row.holder), note=lambda row: name_in(row.jurisdiction)),
            Column("stage", _("Stage"), lambda row: stages[row.stage]),
            Column("places", _("Where"), lambda row: place_list(row.places), sort=False),
            Column("hours", _("Hours"), lambda row: schedule_text(row.hours), sort=False),
            Column("vehicles", _("Vehicles"), lambda row: group_text(row.vehicles), sort=False),
            Column("until", _("Valid until"), lambda row: row.valid_until_ms, kind=Kind.WHEN),
        ],
        rows=rows,
        filters=[_stage_filter([row.stage for row in rows])],
        order="number",
        empty_text=_("No permit is in force."),
    )


def _trial_table(rows: list[PublicTrial]) -> Table[PublicTrial]:
    stages, domains = stage_names(), domain_names()
    states = [(state, state_label(state)) for state in ("running", "upcoming", "ended")]
    return Table(
        name="trials",
        caption=_("Trials"),
        columns=[
            Column("name", _("Trial"), lambda row: name_in(row.names), note=lambda row: row.goal),
            Column("operator", _("Operator"), lambda row: name_in(row.operator)),
            Column("state", _("State"), lambda row: row.state, kind=Kind.BADGE),
            Column("domain", _("Domain"), lambda row: domains[row.domain]),
            Column("stage", _("Stage"), lambda row: stages[row.stage]),
            Column("places", _("Where"), lambda row: place_list(row.places), sort=False),
            Column("from", _("From"), lambda row: row.starts_at_ms, kind=Kind.DAY),
            Column("until", _("Until"), lambda row: row.ends_at_ms, kind=Kind.DAY),
        ],
        rows=rows,
        filters=[
            Filter("state", _("State"), states),
            Filter(
                "domain",
                _("Domain"),
                [(domain.value, domains[domain]) for domain in TrialDomain],
                matches=lambda row, wanted: row.domain.value == wanted,
            ),
        ],
        order="-from",
        empty_text=_("No trial has been registered yet."),
    )


def _operator_table(rows: list[PublicOperator]) -> Table[PublicOperator]:
    stages = stage_names()
    return Table(
        name="operators",
        caption=_("Operators"),
        columns=[
            Column("name", _("Operator"), lambda row: name_in(row.names), note=lambda row: row.website),
            Column("permits", _("Permits in force"), lambda row: row.permits, kind=Kind.NUMBER),
            Column("stages", _("Stages"), lambda row: _(", ").join(stages[stage] for stage in row.stages), sort=False),
            Column("vehicles", _("Vehicles"), lambda row: group_text(row.vehicles), sort=False),
            Column("phone", _("Emergency line"), lambda row: row.emergency_phone, sort=False),
        ],
        rows=rows,
        order="name",
        empty_text=_("Nobody holds a permit in force."),
    )


def _stage_filter(present: list[Stage]) -> Filter[PublicPermit]:
    names = stage_names()
    return Filter(
        "stage",
        _("Stage"),
        [(stage.value, names[stage]) for stage in Stage if stage in present],
        matches=lambda row, wanted: row.stage.value == wanted,
    )


def _verification(row: PublicPermit) -> str | None:
    """The page that verifies one permit, where this app has it."""
    return url_if("verification.show", number=row.number) or None


def place_url(place_id: str) -> str:
    """The page of one place."""
    return url_for("public.street_place", zone_id=place_id)
