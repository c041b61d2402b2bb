"""The header offers what a role may open, and nothing else."""

from __future__ import annotations

import pytest

from app.models import Role
from app.web import access
from app.web.navigation import Group, Item, entries, navigation_for
from tests.app.web.cast import City


@pytest.mark.parametrize("role", [None, *Role])
def test_every_entry_leads_to_a_page_that_opens(city: City, role: Role | None) -> None:
    client = city.client() if role is None else city.logged_in(role)
    with city.app.test_request_context("/"):
        urls = [item.url for item in navigation_for(role)]
    assert urls
    for url in urls:
        assert client.get(url).status_code == 200, url


@pytest.mark.parametrize("role", [None, *Role])
def test_nothing_is_offered_that_the_table_denies(city: City, role: Role | None) -> None:
    with city.app.test_request_context("/"):
        for item in navigation_for(role):
            action = access.PROTECTED.get(item.endpoint)
            assert item.endpoint in access.PUBLIC or (role and action and access.may(role, action)), item.endpoint


def test_the_public_is_offered_public_pages_only(city: City) -> None:
    with city.app.test_request_context("/"):
        assert all(item.endpoint in access.PUBLIC for item in navigation_for(None))


def test_groups_stand_where_their_first_member_stood() -> None:
    fleet = "Fleet"
    found = entries(
        [Item("a.index", "A"), Item("b.index", "B", fleet), Item("c.index", "C"), Item("d.index", "D", fleet)]
    )
    assert [entry.label for entry in found] == ["A", "Fleet", "C"]
    assert isinstance(found[1], Group)
    assert [item.label for item in found[1].items] == ["B", "D"]


def test_a_group_of_one_is_no_group() -> None:
    assert entries([Item("a.index", "A", "Fleet")]) == [Item("a.index", "A", "Fleet")]


def test_the_page_that_is_open_is_marked(city: City) -> None:
    about = city.client().get("/about").text
    assert about.count('aria-current="page"') == 2  # the row, and the menu of phones
    with city.app.test_request_context("/about"):
        assert [item.endpoint for item in navigation_for(None) if item.is_current] == ["pages.about"]
