"""What a form that tightens a permit's terms offers: what they are now, and what can be taken out of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.documents.wording import MODES, OFFICERS, condition_terms
from app.models import Officer, PermitRevisionRow
from app.services.conditions import Conditions
from app.services.zones import zones_in_force
from app.stages import up_to
from app.web.language import language
from app.web.permit_texts import stage_label, zone_names
from app.web.schedule_text import day_names

#: Pairs of a value and its label.
_Options = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class RestrictionChoices:
    """`present` has the terms of `newest` in words by their English names; `stages` are the earlier ones."""

    newest: PermitRevisionRow
    present: dict[str, str]
    carries_passengers: bool
    vehicles: _Options
    zones: _Options
    officers: _Options
    modes: _Options
    places: _Options
    days: _Options
    stages: _Options


def restriction_choices(session: Session, newest: PermitRevisionRow, now_ms: int) -> RestrictionChoices:
    """In the request's language."""
    names = zone_names(zones_in_force(session, now_ms))
    conditions = Conditions.from_dict(newest.terms)
    return RestrictionChoices(
        newest=newest,
        present={name.en: value.said(language()) for name, value in condition_terms(conditions)},
        carries_passengers=conditions.passengers_allowed,
        vehicles=sorted((each.vehicle_id, f"{each.vehicle_id} {each.plate or ''}") for each in newest.vehicles),
        zones=sorted((each.zone_id, f"{each.zone_id} {names.get(each.zone_id, '')}") for each in newest.zones),
        officers=_officers(session, newest),
        modes=[
            (mode.name.lower(), words.said(language())) for mode, words in MODES.items() if mode in conditions.modes
        ],
        places=[
            (place.name.lower(), words.said(language()))
            for place, words in OFFICERS.items()
            if place in conditions.safety_officers
        ],
        days=list(day_names().items()),
        stages=[(stage.value, stage_label(stage)) for stage in up_to(newest.stage)[:-1]],
    )


def chosen(newest: PermitRevisionRow, prefix: str = "") -> dict[str, Any]:
    """The lists as they are, by the names of a form's fields: what is taken out of them is the restriction."""
    conditions = Conditions.from_dict(newest.terms)
    lists = {
        "vehicles": [vehicle.vehicle_id for vehicle in newest.vehicles],
        "zones": [zone.zone_id for zone in newest.zones],
        "officers": [officer.officer_id for officer in newest.officers],
        "modes": [mode.name.lower() for mode in conditions.modes],
        "safety_officers": [place.name.lower() for place in conditions.safety_officers],
    }
    return {prefix + name: values for name, values in lists.items()}


def _officers(session: Session, newest: PermitRevisionRow) -> _Options:
    """Those that the permit names; where it names nobody, everyone of the holder."""
    own = select(Officer).where(Officer.organisation_id == newest.permit.holder_id).order_by(Officer.officer_id)
    return [(each.officer_id, f"{each.officer_id} {each.name}") for each in newest.officers or session.scalars(own)]
