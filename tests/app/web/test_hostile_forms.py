"""Every form of every page, sent back with an attack in each field: refused or stored, never markup, never a fault."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http import HTTPStatus
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app.models import Role
from tests.app.web.hostile_city import HOSTILE, Attack, hostile_city
from tests.app.web.hostile_html import problems_of
from tests.app.web.hostile_routes import routes

#: Sent back as the page gave it: without these the form is no form of ours.
_KEPT = frozenset({"csrf_token", "version", "seen"})
#: These end the session of the test itself.
_LEFT_OUT = ("/logout", "/sessions/end", "/lang/")


@dataclass
class SentForm:
    """A form of a page: where it goes, how, and its fields."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.found: list[SentForm] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(SentForm(given.get("action") or self.url, given.get("method", "get").lower()))
        elif tag in {"input", "textarea", "select", "button"} and self.found and given.get("name"):
            name = given["name"]
            self.found[-1].fields[name] = given.get("value", "") if name in _KEPT else HOSTILE


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory, registry: Path) -> Iterator[Attack]:
    with hostile_city(tmp_path_factory.mktemp("forms"), registry) as attack:
        yield attack


def _forms_of(attack: Attack, client: FlaskClient, role: Role) -> dict[tuple[str, str], SentForm]:
    found: dict[tuple[str, str], SentForm] = {}
    for route in routes(attack):
        if route.method != "GET" or not route.is_table or role not in route.roles():
            continue
        reader = _Forms(route.url)
        reader.feed(client.get(route.url, buffered=True).text)
        for each in reader.found:
            if not each.action.startswith(_LEFT_OUT) and _LEFT_OUT[1] not in each.action:
                found.setdefault((each.method, each.action.partition("?")[0]), each)
    return found


@pytest.mark.parametrize("role", [Role.OPERATOR_MANAGER, Role.REGULATOR, Role.ADMINISTRATOR])
def test_no_form_shows_an_attack_as_markup(fresh: Attack, role: Role) -> None:
    client = fresh.city.logged_in(role)
    forms, wrong = _forms_of(fresh, client, role), {}
    assert len(forms) > 10
    for (method, action), form in forms.items():
        if method == "post":
            answer = client.post(action, data=form.fields, headers={"Origin": "http://localhost"})
        else:
            answer = client.get(action, query_string=form.fields)
        problems = [answer.status] if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR else []
        if answer.mimetype == "text/html":
            problems += problems_of(answer.text)
        if problems:
            wrong[f"{method} {action}"] = problems
    assert not wrong, "\n".join(f"{form}: {problems}" for form, problems in wrong.items())
