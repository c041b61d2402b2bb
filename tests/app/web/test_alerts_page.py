"""The list of all alerts at the desk: what the duty screen has no room for is found there."""

from __future__ import annotations

import pytest

from app.models import Role
from telemetry.findings import Finding
from tests.app.web.cast import City


@pytest.fixture
def page(city: City) -> str:
    """The address of those that ended unseen; there is one of each operator, and one that goes on."""
    city.store_alert("NORTH-R1", closed_at_ms=city.time())
    city.store_alert("SOUTH-R1", Finding.OVERSPEED, closed_at_ms=city.time(), zone_revision_id=None)
    city.store_alert("NORTH-E1", Finding.ABOVE_CEILING)
    city.feed().step()
    return "/desk/alerts?state=closed&handling=new"


@pytest.mark.parametrize(
    ("role", "seen"), [(Role.REGULATOR, ["NORTH-R1", "SOUTH-R1"]), (Role.OPERATOR_STAFF, ["NORTH-R1"])]
)
def test_what_ended_unseen_is_listed_by_place_and_leads_to_the_board(
    city: City, page: str, role: Role, seen: list[str]
) -> None:
    text = city.logged_in(role).get(page).text
    assert [name for name in city.keys if f">{name}<" in text] == seen
    assert "梦海大道" in text
    assert f"/duty?alert={city.keys['NORTH-R1']}-outside_area-" in text


def test_it_is_exported_searched_and_filtered(city: City, page: str) -> None:
    client = city.logged_in(Role.AUDITOR)
    assert client.get(f"{page}&export=csv").text.count("\r\n") == 3
    for query, found in (("q=SOUTH", "SOUTH-R1"), ("finding=above_ceiling", "NORTH-E1"), ("state=open", "NORTH-E1")):
        text = client.get(f"/desk/alerts?{query}").text
        assert [name for name in city.keys if f">{name}<" in text] == [found], query
