"""What if, over HTTP: asked about one's own fleet and permits only, refused at the field that is wrong."""

from __future__ import annotations

from typing import Any

import shapely
from sqlalchemy import select, update

from app.models import RegistryGeneration, Role, Sample
from app.schemas.what_if import WhatIfOut
from tests.app.web.cast import NOON_MS, SOUTH_MANAGER, City
from tests.app.web.permit_scene import issue

_URL = "/api/v1/what-if"
_AROUND = shapely.to_geojson(shapely.box(113.89, 22.51, 113.91, 22.54))
_CLOSED = {"zone_id": "closed", "kind": "restricted", "geometry": _AROUND}
_PERIOD = {"since_ms": NOON_MS - 60_000, "until_ms": NOON_MS + 60_000}


def _ask(city: City, who: Role | str, query: dict[str, Any]) -> Any:
    return city.client().post(_URL, headers=city.bearer(who), json=_PERIOD | query)


def test_everybody_asks_about_what_is_theirs(city: City) -> None:
    city.store_position("NORTH-R1")
    city.store_position("SOUTH-R1")
    with city.engine.begin() as connection:  # judged under what is known now
        connection.execute(update(Sample).values(generation=select(RegistryGeneration.generation).scalar_subquery()))
    for who, vehicles in ((Role.REGULATOR, 2), (Role.AUDITOR, 2), (Role.OPERATOR_STAFF, 1), (SOUTH_MANAGER, 1)):
        answer = _ask(city, who, {"zone": _CLOSED})
        assert answer.status_code == 200, answer.text
        found = WhatIfOut.model_validate_json(answer.data)
        assert (found.samples, found.vehicles) == (vehicles, vehicles)


def test_a_permit_of_another_operator_is_not_there(city: City) -> None:
    issue(city, "QH-2026-0001")
    query = {"permit": "QH-2026-0001", "terms": {"speed_cap_kmh": 10}}
    assert _ask(city, Role.OPERATOR_MANAGER, query).status_code == 200
    assert _ask(city, SOUTH_MANAGER, query).status_code == 404


def test_a_bad_question_is_told_at_its_field(city: City) -> None:
    issue(city, "QH-2026-0001")
    for query, path in (
        ({}, ""),
        ({"zone": _CLOSED, "permit": "P", "terms": {}}, ""),
        ({"permit": "P"}, ""),
        ({"zone": _CLOSED | {"geometry": "nothing"}}, "zone.geometry"),
        ({"zone": _CLOSED | {"speed_limit_mps": 3}}, "zone.speed_limit_mps"),
        ({"permit": "QH-2026-0001", "terms": {"stage": "flight_test"}}, "terms.stage"),
        ({"zone": _CLOSED, "vehicles": ["NOBODY"]}, "vehicles"),
        ({"zone": _CLOSED, "since_ms": 5, "until_ms": 4}, "until_ms"),
    ):
        answer = _ask(city, Role.REGULATOR, query)
        assert answer.status_code == 422, query
        assert [error["path"] for error in answer.get_json()["errors"]] == [path], query
