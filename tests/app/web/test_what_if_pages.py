"""What if, at the desk: forms that are filled in, answered, or shown again with what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
import shapely
from sqlalchemy import select, update

from app.models import RegistryGeneration, Role, Sample
from tests.app.web.cast import NOON_MS, SOUTH_MANAGER, City, csrf_of
from tests.app.web.permit_scene import NUMBER, issue

_PERIOD = {"since_ms": str(NOON_MS - 60_000), "until_ms": str(NOON_MS + 60_000)}
_ENGLISH = {"Accept-Language": "en"}
_AROUND = str(shapely.to_geojson(shapely.box(113.89, 22.51, 113.91, 22.54)))
_CLOSED = _PERIOD | {"zone_id": "closed", "kind": "restricted", "geometry": _AROUND, "band.unit": "m"}


@pytest.fixture
def seen(city: City) -> City:
    """The city with a permit and a stored sample of North's car, judged under what is known now."""
    issue(city)
    city.store_position("NORTH-R1")
    with city.engine.begin() as connection:
        generation = select(RegistryGeneration.generation).scalar_subquery()
        connection.execute(update(Sample).values(generation=generation, horizontal_accuracy_m=0.5))
    return city


def _post(city: City, who: Role | str, path: str, form: dict[str, Any]) -> Any:
    client = city.logged_in(who)
    return client.post(f"/replay/what-if{path}", data=form | {"csrf_token": csrf_of(client)}, headers=_ENGLISH)


def test_a_draft_zone_is_answered(seen: City) -> None:
    answer = _post(seen, Role.REGULATOR, "/zone", _CLOSED)
    assert answer.status_code == 200
    assert "1 samples of 1 vehicles" in answer.text
    assert "In a restricted area" in answer.text
    assert f"at_ms={NOON_MS}&amp;vehicle=NORTH-R1" in answer.text


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"geometry": ""}, "This field is needed"),
        ({"until_ms": str(NOON_MS + 10**8)}, "6 hours at most"),
        ({"vehicles": "NOBODY"}, "NOBODY"),
        ({"zone_id": "QH-R-01"}, "keeps its kind"),
    ],
)
def test_a_bad_draft_is_shown_again(seen: City, change: dict[str, str], expected: str) -> None:
    answer = _post(seen, Role.OPERATOR_MANAGER, "/zone", _CLOSED | change)
    assert answer.status_code == 422
    assert expected in answer.text
    assert 'id="outcome"' not in answer.text


def test_the_forms_are_filled_in_with_what_was(seen: City) -> None:
    client = seen.logged_in(Role.OPERATOR_STAFF)
    assert "QH-R-01" in client.get("/replay/what-if").text
    zone = client.get(f"/replay/what-if/zone?zone_id=QH-R-01&since_ms={NOON_MS}").text
    assert "113.9" in zone
    assert 'value="test_road"' in zone
    assert client.get("/replay/what-if/zone?zone_id=nowhere").status_code == 404
    assert 'value="54"' in client.get(f"/replay/what-if/permit/{NUMBER}").text
    assert seen.logged_in(SOUTH_MANAGER).get(f"/replay/what-if/permit/{NUMBER}").status_code == 404


def test_other_terms_are_answered(seen: City) -> None:
    form = _PERIOD | {
        "vehicles": "NORTH-R1",
        "zones": "QH-R-01",
        "modes": "autonomous",
        "safety_officers": "remote",
        "speed_cap_kmh": "10",
        "passengers_allowed": "1",
    }
    answer = _post(seen, Role.REGULATOR, f"/permit/{NUMBER}", form)
    assert answer.status_code == 200, answer.text
    assert "1 samples of 1 vehicles" in answer.text
    assert answer.text.count("would be found") == 2  # the mode, and 8 m/s
    refused = _post(seen, Role.REGULATOR, f"/permit/{NUMBER}", form | {"speed_cap_kmh": "0"})
    assert refused.status_code == 422
    assert _post(seen, SOUTH_MANAGER, f"/permit/{NUMBER}", form).status_code == 404


def test_the_check_says_what_is_wrong(seen: City) -> None:
    good = _post(seen, Role.AUDITOR, "/zone/check", _CLOSED).get_json()
    assert (good["problems"], good["general"]) == ({}, "")
    assert good["outline"]["properties"] == {}
    bad = _post(seen, Role.AUDITOR, "/zone/check", _CLOSED | {"kind": "speed_limit"}).get_json()
    assert set(bad["problems"]) == {"speed_limit_kmh"}
