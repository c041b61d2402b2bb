"""Permits in words on pages: decisions, stages, terms and comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask_babel import gettext as _

from app.documents.wording import DECISIONS, STAGES, condition_terms
from app.models import PermitRevisionRow, Stage, ZoneRevisionRow
from app.services.conditions import Conditions
from app.services.permit_life import Decision
from app.web.language import language
from app.web.states import state_label
from app.web.times import shanghai


def stage_label(stage: Stage) -> str:
    """The stage's name in the request's language."""
    return STAGES[stage].said(language())


def decision_label(decision: Decision) -> str:
    """The decision's name in the request's language."""
    return DECISIONS[decision].said(language())


def zone_names(rows: Sequence[ZoneRevisionRow]) -> dict[str, str]:
    """The names of zones by their identifiers, in the request's language."""
    return {row.zone.zone_id: row.name_zh if language() == "zh" else row.name_en for row in rows}


def comparison_rows(
    before: PermitRevisionRow, after: PermitRevisionRow, names: Mapping[str, str]
) -> list[tuple[str, str, str]]:
    """Every term of two revisions: its name, before and after."""
    pairs = zip(_terms(before, names), _terms(after, names), strict=True)
    return [(term, old, new) for (term, old), (_same, new) in pairs]


def _terms(revision: PermitRevisionRow, names: Mapping[str, str]) -> list[tuple[str, str]]:
    conditions = condition_terms(Conditions.from_dict(revision.terms))
    zones = sorted(zone.zone_id for zone in revision.zones)
    return [
        (_("State"), state_label(revision.state)),
        (_("Valid from"), shanghai(revision.valid_from_ms)),
        (_("Valid until"), shanghai(revision.valid_until_ms)),
        *((name.said(language()), value.said(language())) for name, value in conditions),
        (_("Vehicles"), ", ".join(sorted(vehicle.vehicle_id for vehicle in revision.vehicles))),
        (_("Zones"), _(", ").join(_zone(zone_id, names) for zone_id in zones)),
        (
            _("People"),
            ", ".join(sorted(officer.officer_id for officer in revision.officers)) or _("Everyone qualified"),
        ),
    ]


def _zone(zone_id: str, names: Mapping[str, str]) -> str:
    return f"{names[zone_id]} ({zone_id})" if zone_id in names else zone_id
