from __future__ import annotations

import pytest

from app.models import Role
from app.storage import open_store
from telemetry.ports import Flush
from tests.app.evidence.scene import unpacked
from tests.app.web.cast import NOON_MS, City
from tests.app.web.evidence_scene import beside_each_other
from tests.app.web.register_cast import Person

FORM = {"vehicle_id": "NORTH-R1", "moment_ms": "2026-03-01T12:00:00", "before_s": "90", "after_s": "30"}


@pytest.fixture
def driven(city: City) -> City:
    """Samples of both cars, side by side around noon."""
    store = open_store(city.engine)
    store.commit(Flush("w1", NOON_MS, beside_each_other(city), rejects=(), alerts=(), tracks=()))
    city.time.pass_ms(60_000)
    return city


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_evidence_is_exported_from_a_vehicles_page(driven: City, language: str) -> None:
    person = Person(driven, Role.OPERATOR_MANAGER, language)
    assert "/desk/evidence/new?vehicle_id=NORTH-R1" in person.page("/desk/vehicles/NORTH-R1")
    asked = person.page(f"/desk/evidence/new?vehicle_id=NORTH-R1&moment_ms={NOON_MS}")
    assert 'value="2026-03-01T12:00:00"' in asked
    answer = person.send("/desk/evidence/new", FORM | {"reason": "a collision"})
    assert answer.status_code == 303, answer.text
    page = person.page(answer.location)
    assert "verify.py" in page
    assert answer.location.rpartition("/")[2] in person.page("/desk/evidence")
    file = person.client.get(f"{answer.location}/file")
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert "index.html" in unpacked(file.data)


def test_a_bad_form_is_shown_again_with_what_was_typed(driven: City) -> None:
    person = Person(driven, Role.REGULATOR)
    for changes, problem in (
        ({"reason": ""}, "This field is needed."),
        ({"reason": "typed", "after_s": "3600"}, "at most 60 minutes"),
        ({"reason": "typed", "moment_ms": "2026-03-02T12:00:00"}, "It has not happened yet."),
        ({"reason": "typed", "vehicle_id": "NOBODY"}, ""),
    ):
        answer = person.send("/desk/evidence/new", FORM | changes)
        assert answer.status_code in {404, 422}, changes
        assert problem in answer.text


def test_who_only_administrates_does_not_export(driven: City) -> None:
    person = Person(driven, Role.ADMINISTRATOR)
    assert "/desk/evidence/new" not in person.page("/desk/vehicles/NORTH-R1")
    assert person.client.get("/desk/evidence/new").status_code == 403
    assert person.page("/desk/evidence")
