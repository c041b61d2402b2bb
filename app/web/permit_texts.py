"""Permits in words on pages: decisions, stages, terms and comparisons."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from app.documents.wording import DECISIONS, STAGES, condition_terms
from app.models import PermitRevisionRow, Stage, ZoneRevisionRow
from app.services.conditions import Conditions
from app.services.permit_life import Decision
from app.web.language import language
from app.web.naming import named, names_of
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
    session: Session, before: PermitRevisionRow, after: PermitRevisionRow
) -> list[tuple[str, str, str]]:
    """Every term of two revisions of one permit: its name, before and after."""
    pairs = zip(_terms(session, before), _terms(session, after), strict=True)
    return [(term, old, new) for (term, old), (_same, new) in pairs]


def _terms(session: Session, revision: PermitRevisionRow) -> list[tuple[str, str]]:
    conditions = condition_terms(Conditions.from_dict(revision.terms))
    vehicles = [each.vehicle_id for each in revision.vehicles]
    officers = [each.officer_id for each in revision.officers]
    zones = [each.zone_id for each in revision.zones]
    names = names_of(session, revision.permit.holder_id, {"vehicles": vehicles, "officers": officers, "zones": zones})
    return [
        (_("State"), state_label(revision.state)),
        (_("Stage"), stage_label(revision.stage)),
        (_("Valid from"), shanghai(revision.valid_from_ms)),
        (_("Valid until"), shanghai(revision.valid_until_ms)),
        *((name.said(language()), value.said(language())) for name, value in conditions),
        (_("Vehicles"), "\n".join(named(names, "vehicles", vehicles))),
        (_("Zones"), "\n".join(named(names, "zones", zones))),
        (_("People"), "\n".join(named(names, "officers", officers)) or _("Everyone qualified")),
    ]
