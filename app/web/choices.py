"""What a form lets people choose from: a short list as boxes, a long one by a search (app.web.desk.choices)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Capacity, Jurisdiction, Officer, Stage, Vehicle
from app.services.officers import OfficerFilter, OfficerRow, officer_page
from app.services.vehicle_lists import VehicleFilter, read_vehicle_row, vehicle_rows
from app.services.zone_offers import Offer, zone_offers
from app.services.zones import ZoneTitle, zone_titles
from app.stages import AIR_STAGES
from app.web.language import language
from app.web.page_text import zone_kind_names
from app.web.register_words import CAPACITIES, LICENCE_STATES
from app.web.runtime import runtime
from app.web.states import state_label
from telemetry.samples import VehicleKind

#: A list of up to this many is shown whole, with a box that filters it.
MOST_BOXES = 60
#: How many a search shows; more are found by more letters.
MOST_FOUND = 20

#: The value that is sent, and what people read.
Option = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Choices:
    """All that there is, or with a `search_url` those that are chosen already, and where the others are found."""

    options: Sequence[Option]
    search_url: str = ""


def choices(
    find: Callable[[int], Sequence[Option]],
    chosen: Collection[str],
    labels: Callable[[Collection[str]], Mapping[str, str]],
    search_url: str,
) -> Choices:
    """`find` gives the first so many of all; what is chosen is among the options even where it is not found."""
    found = find(MOST_BOXES + 1)
    is_short = len(found) <= MOST_BOXES
    offered = {value for value, _text in found} if is_short else set()
    others = [value for value in dict.fromkeys(chosen) if value not in offered]
    known = labels(others) if others else {}
    kept = [(value, known.get(value, value)) for value in others]
    return Choices([*found, *kept]) if is_short else Choices(kept, search_url)


def find_vehicles(
    session: Session, text: str, limit: int, *, organisation_id: int | None, kind: VehicleKind | None = None
) -> list[Option]:
    """Vehicles by id, with plate, make, model, and status where it is not in service."""
    wanted = VehicleFilter(organisation_id=organisation_id, kind=kind, text=text or None)
    statement = vehicle_rows(runtime().clock(), wanted).order_by(Vehicle.vehicle_id).limit(limit)
    rows = (read_vehicle_row(row) for row in session.execute(statement))
    return [(row.vehicle.vehicle_id, vehicle_label(row.vehicle, row.status.value)) for row in rows]


def vehicle_labels(session: Session, ids: Collection[str], *, organisation_id: int | None) -> dict[str, str]:
    """What people read of these vehicles; of another's nothing."""
    wanted = VehicleFilter(organisation_id=organisation_id)
    statement = vehicle_rows(runtime().clock(), wanted).where(Vehicle.vehicle_id.in_(ids))
    rows = (read_vehicle_row(row) for row in session.execute(statement))
    return {row.vehicle.vehicle_id: vehicle_label(row.vehicle, row.status.value) for row in rows}


def vehicle_label(vehicle: Vehicle, state: str) -> str:
    """A vehicle in one line."""
    known = (vehicle.plate or vehicle.registration_mark, vehicle.make, vehicle.model)
    parts = [vehicle.vehicle_id, *(part for part in known if part)]
    return " · ".join(parts if state == "in_service" else [*parts, state_label(state)])


def find_officers(
    session: Session, text: str, limit: int, *, organisation_id: int | None, stage: Stage | None
) -> list[Option]:
    """People who steer what the stage is about, by id, with what their licence is worth."""
    wanted = OfficerFilter(organisation_id=organisation_id, capacities=_capacities(stage), text=text or None)
    now_ms = runtime().clock()
    page = officer_page(session, wanted, now_ms=now_ms, limit=limit, cursor=None)
    return [(row.officer.officer_id, _officer_label(row, now_ms)) for row in page.items]


def officer_labels(session: Session, ids: Collection[str], *, organisation_id: int | None) -> dict[str, str]:
    """What people read of these people; of another's nothing."""
    named = select(Officer).where(Officer.officer_id.in_(ids))
    if organisation_id is not None:
        named = named.where(Officer.organisation_id == organisation_id)
    return {
        officer.officer_id: " · ".join((officer.name or officer.officer_id, str(CAPACITIES[officer.capacity])))
        for officer in session.scalars(named)
    }


def find_zones(session: Session, text: str, limit: int) -> list[Option]:
    """Zones in force by id, with their names and kinds."""
    titles = zone_titles(session, runtime().clock())
    return _found(((title.zone_id, title_label(title), title.names) for title in titles), text, limit)


def title_label(title: ZoneTitle) -> str:
    """A zone in one line."""
    name = title.name_zh if language() == "zh" else title.name_en
    return f"{name} · {zone_kind_names()[title.kind]} ({title.zone_id})"


def find_offers(
    session: Session, jurisdiction: Jurisdiction, stage: Stage | None, text: str, limit: int
) -> list[Option]:
    """Zones that an application in the jurisdiction may ask for."""
    offers = zone_offers(session, jurisdiction, stage, runtime().clock())
    return _found(((each.zone_id, offer_label(each), _names(each)) for each in offers), text, limit)


def offer_label(offer: Offer) -> str:
    """A zone that can be asked for, in one line."""
    name = offer.row.name_zh if language() == "zh" else offer.row.name_en
    label = f"{name} · {zone_kind_names()[offer.row.zone.kind]} ({offer.zone_id})"
    # In an f-string Babel would find the text on some versions of Python only.
    abroad = _("recognised by %(name)s", name=offer.jurisdiction)
    return f"{label} · {abroad}" if offer.is_abroad else label


def _names(offer: Offer) -> str:
    return f"{offer.row.name_zh}\n{offer.row.name_en}"


def _found(candidates: Iterable[tuple[str, str, str]], text: str, limit: int) -> list[Option]:
    wanted = text.casefold()
    return [(value, label) for value, label, names in candidates if wanted in f"{names}\n{label}".casefold()][:limit]


def _capacities(stage: Stage | None) -> frozenset[Capacity]:
    if stage is None:
        return frozenset(Capacity)
    return frozenset(each for each in Capacity if each.value.endswith("pilot") == (stage in AIR_STAGES))


def _officer_label(row: OfficerRow, now_ms: int) -> str:
    officer = row.officer
    name, capacity = officer.name or officer.officer_id, str(CAPACITIES[officer.capacity])
    return " · ".join((name, capacity, str(LICENCE_STATES[row.state(now_ms)])))
