"""The pages as they leave the server."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.models import Role
from app.showcase.seed import DEMO_USERS
from app.web.page_text import script_text
from telemetry.findings import Finding
from tests.app.web.cast import City, small_city

PAGES = ("/", "/login", "/about")
SCRIPTS = Path(__file__).parents[3] / "app" / "web" / "static" / "js"


class Parts(HTMLParser):
    """Links, inline scripts and ids of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.scripts: list[dict[str, str | None]] = []
        self.styled: list[str] = []
        self.ids: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.links += [url for name in ("src", "href", "action") if (url := given.get(name))]
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag == "script":
            self.scripts.append(given)
        if tag == "style" or "style" in given or any(name.startswith("on") for name in given):
            self.styled.append(tag)


def page_data(html: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="page-data"[^>]*>(.*?)</script>', html, re.DOTALL)
    assert found is not None
    data: dict[str, object] = json.loads(found[1])
    return data


@pytest.mark.parametrize("path", PAGES)
def test_a_page_links_to_nobody_else_and_every_link_leads_somewhere(city: City, path: str) -> None:
    client = city.client()
    for url in Parts(client.get(path).text).links:
        parts = urlsplit(url)
        assert not parts.netloc, url
        assert not parts.scheme, url
        if parts.path and parts.path != "/logout":
            with client.get(url, follow_redirects=True) as answer:
                assert answer.status_code == 200, url


@pytest.mark.parametrize("path", PAGES)
def test_a_page_obeys_its_own_content_policy(city: City, path: str) -> None:
    answer = city.client().get(path)
    policy = answer.headers["Content-Security-Policy"]
    found = re.search(r"script-src 'self' 'nonce-([^']+)'", policy)
    assert found is not None
    parts = Parts(answer.text)
    assert parts.styled == []
    assert all(script.get("nonce") == found[1] for script in parts.scripts)
    assert len(parts.ids) == len(set(parts.ids))


def test_the_public_page_follows_the_public_view_only(city: City) -> None:
    answer = city.client().get("/").text
    urls = page_data(answer)["urls"]
    assert isinstance(urls, dict)
    followed = {name: url for name, url in urls.items() if name not in {"login", "city"}}
    assert all(url.startswith("/api/v1/public/") for url in followed.values())
    assert "约 30 秒" in answer


def test_the_staff_page_is_for_those_who_are_logged_in(city: City) -> None:
    answer = city.client().get("/duty")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/login?next=/duty"
    html = city.logged_in(Role.OPERATOR_MANAGER).get("/duty").text
    assert page_data(html)["urls"]["stream"] == "/api/v1/live/stream"  # type: ignore[index]  # read from JSON
    assert "Operator Manager Person" in html


def test_scripts_find_every_text_that_they_ask_for(city: City) -> None:
    data = page_data(city.client().get("/").text)
    texts = data["text"]
    assert isinstance(texts, dict)
    asked = set()
    for script in SCRIPTS.glob("*.js"):
        asked |= set(re.findall(r'text\("(\w+)"', script.read_text("utf-8")))
    assert asked - set(texts) == set()
    with city.app.test_request_context("/"):
        assert set(script_text()) == set(texts)


def test_scripts_know_every_finding(city: City) -> None:
    findings = page_data(city.client().get("/").text)["findings"]
    assert isinstance(findings, dict)
    assert set(findings) == {finding.code for finding in Finding}


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("zh-CN,zh;q=0.9", "zh-CN"), ("zh-TW", "zh-CN"), ("en-US,en;q=0.5", "en"), ("fr", "zh-CN"), ("", "zh-CN")],
)
def test_the_browser_is_answered_in_its_language(city: City, accepted: str, language: str) -> None:
    html = city.client().get("/about", headers={"Accept-Language": accepted}).text
    assert f'<html lang="{language}">' in html


def test_the_visitors_choice_goes_before_the_browsers(city: City) -> None:
    client = city.client()
    answer = client.get("/lang/en", headers={"Referer": "http://localhost/about?a=b"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/about?a=b")
    assert '<html lang="en">' in client.get("/about", headers={"Accept-Language": "zh-CN"}).text


@pytest.mark.parametrize("referrer", ["https://evil.example/", "http://localhost//evil.example", "nonsense", ""])
def test_the_switch_of_language_leads_to_no_other_server(city: City, referrer: str) -> None:
    answer = city.client().get("/lang/zh_CN", headers={"Referer": referrer} if referrer else {})
    assert answer.headers["Location"] == "/"


def test_an_unknown_language_is_not_found(city: City) -> None:
    assert city.client().get("/lang/xx").status_code == 404


def test_demo_logins_are_shown_in_a_demo_only(city: City, tmp_path: Path) -> None:
    assert DEMO_USERS[0].password not in city.client().get("/login").text
    with small_city(tmp_path / "demo", demo=True) as demo:
        html = demo.client().get("/login").text
    assert all(user.email in html and user.password in html for user in DEMO_USERS)


def test_the_approval_number_has_its_place(tmp_path: Path) -> None:
    with small_city(tmp_path, map_approval_number="粤S(2026)001号") as city:
        for path in ("/", "/about"):
            assert "粤S(2026)001号" in city.client().get(path).text


def test_about_explains_every_finding(city: City) -> None:
    html = city.client().get("/about").text
    assert {f'id="{finding.code}"' for finding in Finding if f'id="{finding.code}"' not in html} == set()
