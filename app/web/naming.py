"""Identifiers with what people know them by: "Hanghai Road (road-hanghai)"."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Officer, Trial, Vehicle, Zone, ZoneRevisionRow
from app.web.language import language

#: Identifiers by the field that holds them, and there what to show instead.
Names = Mapping[str, Mapping[str, str]]


def names_of(session: Session, holder_id: int, identifiers: Mapping[str, Collection[str]]) -> Names:
    """What to show for each identifier, in the request's language; of what is not the holder's, nothing is told."""
    return {
        "trial_id": _trials(session, holder_id, identifiers.get("trial_id", ())),
        "vehicles": _vehicles(session, holder_id, identifiers.get("vehicles", ())),
        "officers": _officers(session, holder_id, identifiers.get("officers", ())),
        "zones": _zones(session, identifiers.get("zones", ())),
    }


def named(names: Names, field: str, identifiers: Iterable[str]) -> list[str]:
    """The identifiers with their names, in the order of the identifiers."""
    return [names[field].get(identifier, identifier) for identifier in sorted(identifiers)]


def _trials(session: Session, holder_id: int, trial_ids: Collection[str]) -> dict[str, str]:
    query = select(Trial).where(Trial.organisation_id == holder_id, Trial.trial_id.in_(trial_ids))
    return {each.trial_id: _with(_name(each), each.trial_id) for each in session.scalars(query)}


def _vehicles(session: Session, holder_id: int, vehicle_ids: Collection[str]) -> dict[str, str]:
    query = select(Vehicle).where(Vehicle.organisation_id == holder_id, Vehicle.vehicle_id.in_(vehicle_ids))
    return {
        each.vehicle_id: _with(each.plate or each.registration_mark or "", each.vehicle_id)
        for each in session.scalars(query)
    }


def _officers(session: Session, holder_id: int, officer_ids: Collection[str]) -> dict[str, str]:
    query = select(Officer).where(Officer.organisation_id == holder_id, Officer.officer_id.in_(officer_ids))
    return {each.officer_id: _with(each.name, each.officer_id) for each in session.scalars(query)}


def _zones(session: Session, zone_ids: Collection[str]) -> dict[str, str]:
    """By the newest revision, for a zone that has ended has a name as well."""
    query = select(ZoneRevisionRow).join(Zone).where(Zone.zone_id.in_(zone_ids)).order_by(ZoneRevisionRow.generation)
    return {row.zone.zone_id: _with(_name(row), row.zone.zone_id) for row in session.scalars(query)}


def _name(thing: Trial | ZoneRevisionRow) -> str:
    return thing.name_zh if language() == "zh" else thing.name_en


def _with(name: str, identifier: str) -> str:
    return f"{name} ({identifier})" if name else identifier
