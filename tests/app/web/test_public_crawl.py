"""An attacker reads everything that anybody may read and searches it for what nobody may.

A city full of recognisable secrets is asked for every public endpoint, as pages, API, exports, streams
and errors, in both languages; body, headers and cookies are searched for each secret as it is, in any
case, escaped, and encoded as hexadecimal, Base64 and in addresses.
"""

from __future__ import annotations

import base64
import html
import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.models import User, Vehicle
from app.web import access
from tests.app.web.cast import PEOPLE, City, small_city
from tests.app.web.public_secrets import CREDENTIALS, LAT, LON, SECRETS, fill

#: Endpoints that serve shipped files: the same for everybody, whatever is in the database.
FILES = {"static", "assets.asset"}
#: What the addresses of public endpoints take.
ARGUMENTS = {
    "zone_id": "QH-R-01",
    "number": "QH-2026-0007",
    "code": "en",
    "filename": "css/kit.css",
    "package": "leaflet",
    "path": "leaflet.js",
}


@dataclass
class Harvest:
    """One answer, as text."""

    where: str
    text: str


@pytest.fixture(scope="module")
def secretive(tmp_path_factory: pytest.TempPathFactory, registry: Path) -> Iterator[City]:
    home = tmp_path_factory.mktemp("crawl")
    with small_city(home, registry) as city:
        fill(city)
        yield city


@pytest.fixture(scope="module")
def harvest(secretive: City) -> list[Harvest]:
    return list(_crawl(secretive))


def test_every_public_endpoint_was_visited(secretive: City, harvest: list[Harvest]) -> None:
    visited = {found.where.split()[0] for found in harvest}
    known = {rule.endpoint for rule in secretive.app.url_map.iter_rules()}
    assert access.PUBLIC & known <= visited | FILES


def test_the_harvest_is_not_empty(harvest: list[Harvest]) -> None:
    """The search would find what is there: what is public by right."""
    everything = "\n".join(found.text for found in harvest)
    for public in ("QH-2026-0007", "North Mobility", "Night shuttle", "0755-1234567", "outside_area"):
        assert public.casefold() in everything


def test_no_public_answer_holds_a_secret(secretive: City, harvest: list[Harvest]) -> None:
    found = [
        (answer.where, name)
        for name, secret in _secrets(secretive).items()
        for pattern in _disguises(secret)
        for answer in harvest
        if pattern in answer.text
    ]
    assert found == []


def test_no_public_answer_holds_a_place_finer_than_the_view(harvest: list[Harvest]) -> None:
    """No pair of numbers in any answer lies within a metre of where a vehicle is."""
    number = re.compile(r"\d{2,3}\.\d{4,}")
    for answer in harvest:
        values = [float(text) for text in number.findall(answer.text)]
        near = [
            (one, other)
            for one, other in pairwise(values)
            if {round(one - LON, 5), round(other - LAT, 5)} == {0.0}
            or {round(one - LAT, 5), round(other - LON, 5)} == {0.0}
        ]
        assert near == [], answer.where


def test_reading_public_pages_sets_no_cookie(secretive: City) -> None:
    for rule in secretive.app.url_map.iter_rules():
        is_read = "GET" in (rule.methods or ()) and "stream" not in rule.rule
        if is_read and rule.endpoint.split(".")[0] in {"public", "api_public", "api_live"}:
            assert "Set-Cookie" not in secretive.client().get(_url(str(rule))).headers, rule


def _secrets(city: City) -> dict[str, str]:
    """The made-up ones, and what the platform made: ids, e-mail addresses, names, credentials."""
    found = dict(SECRETS)
    found |= {f"vehicle {vehicle_id}": vehicle_id for vehicle_id in city.keys}
    found |= {f"e-mail of {role}": email for role, email in PEOPLE.items()}
    with city.engine.connect() as connection:
        for email, password_hash in connection.execute(select(User.email, User.password_hash)):
            found |= {f"e-mail {email}": email, f"password of {email}": password_hash[-20:]}
        for key, digest in connection.execute(select(Vehicle.vehicle_id, Vehicle.credential_hash)):
            found[f"credential hash of {key}"] = digest.hex()
    return found | {"credential": CREDENTIALS[-1]}


def _disguises(secret: str) -> set[str]:
    """The secret as it may stand in an answer; compared without case."""
    raw = secret.encode()
    # Base64 of something within a longer text: cut what depends on its neighbours.
    encoded = {base64.b64encode(b"\0" * shift + raw).decode()[2 + shift * 2 : -4] for shift in range(3)}
    forms = {secret, html.escape(secret), quote(secret), raw.hex(), json.dumps(secret)[1:-1], *encoded}
    return {form.casefold() for form in forms if len(form) >= 5}


def _crawl(city: City) -> Iterator[Harvest]:
    for rule in city.app.url_map.iter_rules():
        if rule.endpoint not in access.PUBLIC or rule.endpoint in FILES:
            continue
        for url in _variants(_url(str(rule))):
            for method in sorted({"GET", "POST", "OPTIONS"} & (rule.methods or set()) | {"DELETE"}):
                for language in ("en", "zh-CN"):
                    yield _asked(city, rule.endpoint, method, url, language)
    for url in ("/nowhere", "/vehicles/NORTH-R1", "/desk/vehicles", "/api/v1/alerts", "/api/v1/nowhere", "/duty"):
        yield _asked(city, "error", "GET", url, "en")


def _variants(url: str) -> list[str]:
    """The address itself, its exports, and with arguments that do not fit."""
    return [url, f"{url}?export=csv", f"{url}?export=xlsx", f"{url}?q=SECRET", f"{url}?centreline=1&page=0&sort=-x"]


def _url(rule: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: ARGUMENTS.get(found[1], "x"), rule)


def _asked(city: City, endpoint: str, method: str, url: str, language: str) -> Harvest:
    answer = city.client().open(url, method=method, headers={"Accept-Language": language})
    where = f"{endpoint} {method} {url} {answer.status_code}"
    assert answer.status_code != 500, where
    return Harvest(where, f"{answer.headers}\n{_body(answer)}".casefold())


def _body(answer: TestResponse) -> str:
    """The body with escapes undone besides; of an endless stream the beginning."""
    if answer.mimetype == "text/event-stream":
        chunks = []
        for chunk in answer.iter_encoded():
            chunks.append(chunk)
            if len(chunks) > 1:
                break
        answer.close()
        raw = b"".join(chunks)
    else:
        raw = answer.get_data()
    if raw[:2] == b"PK":
        raw = _unzipped(raw)
    text = raw.decode("utf-8", "replace")
    return "\n".join((text, html.unescape(text), unquote(text), re.sub(r"\\u([0-9a-f]{4})", _character, text)))


def _unzipped(raw: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        return b"\n".join(archive.read(name) for name in archive.namelist())


def _character(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))
