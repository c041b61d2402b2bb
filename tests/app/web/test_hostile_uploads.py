"""Files that are meant to do harm, sent to every route that takes a file."""

from __future__ import annotations

import io
import json
import sqlite3
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from http import HTTPStatus
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from app.database import reading_session
from app.models import Attachment, ImportDraft, Role, User, Vehicle, Zone
from app.web.body_limits import LIMITS
from tests.app.web.cast import csrf_of
from tests.app.web.hostile_city import PDF, Attack, hostile_city
from tests.app.web.hostile_routes import Route, routes

_REFUSED = {HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.BAD_REQUEST}
#: The routes that take a file, and who sends it.
_UPLOADS: Mapping[str, Role] = {
    "vehicle_imports.upload": Role.OPERATOR_MANAGER,
    "api_vehicle_imports.import_vehicles": Role.OPERATOR_MANAGER,
    "zone_imports.upload": Role.REGULATOR,
    "api_zone_imports.publish": Role.REGULATOR,
    "application_steps.save_safety": Role.OPERATOR_MANAGER,
    "api_applications.attach_file": Role.OPERATOR_MANAGER,
}
#: Those that take it as the body itself.
_RAW = {"api_vehicle_imports.import_vehicles": "text/csv", "api_zone_imports.publish": "application/geo+json"}
#: Whose larger bodies are no files.
_NO_FILES = frozenset(
    {
        "api_alerts.acknowledge_many",
        "auth.code",
        "auth.log_in",
        "application_steps.save",
        "api_applications.save",
        "zone_editor.check",
        "zone_editor.create",
        "zone_editor.publish",
        "api_zones.create",
        "api_zone_revisions.publish",
    }
)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, registry: Path) -> Iterator[Attack]:
    with hostile_city(tmp_path_factory.mktemp("uploads"), registry) as attack:
        yield attack


@pytest.fixture(scope="module")
def senders(city: Attack) -> Mapping[Role, tuple[FlaskClient, str]]:
    clients = {role: city.city.logged_in(role) for role in set(_UPLOADS.values())}
    return {role: (client, csrf_of(client)) for role, client in clients.items()}


@pytest.fixture
def _nothing_is_kept(city: Attack) -> Iterator[None]:
    before = _kept(city)
    yield
    assert _kept(city) == before


def _kept(city: Attack) -> list[int]:
    with reading_session(city.city.engine) as session:
        return [
            session.scalars(select(func.count()).select_from(kind)).one()
            for kind in (Attachment, ImportDraft, Vehicle, Zone, User)
        ]


def _route(city: Attack, endpoint: str) -> Route:
    return next(route for route in routes(city) if route.endpoint == endpoint and route.method in {"POST", "PUT"})


def _send(
    city: Attack,
    senders: Mapping[Role, tuple[FlaskClient, str]],
    endpoint: str,
    content: bytes,
    name: str = "file.pdf",
) -> TestResponse:
    client, token = senders[_UPLOADS[endpoint]]
    headers = {"X-CSRF-Token": token, "If-Match": '"1"'}
    if endpoint in _RAW:
        query = {"reason": "x", "jurisdiction": "QH"} if "zone" in endpoint else {}
        url = _route(city, endpoint).url
        return client.post(url, query_string=query, data=content, headers=headers, content_type=_RAW[endpoint])
    data = {"file": FileStorage(io.BytesIO(content), name), "version": "1", "jurisdiction": "QH", "reason": "x"}
    boundary, body = encode_multipart(data)
    kind = f"multipart/form-data; boundary={boundary}"
    return client.post(_route(city, endpoint).url, data=body, headers=headers, content_type=kind)


def _zip(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(name, content)
    return file.getvalue()


def _geopackage(statement: str) -> bytes:
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("PRAGMA application_id = 1196444487")
        database.execute("CREATE TABLE gpkg_contents (table_name TEXT, data_type TEXT)")
        database.execute("INSERT INTO gpkg_contents VALUES ('t', 'features')")
        database.execute(statement)
        database.commit()
        return database.serialize()


def _geojson(**feature: object) -> bytes:
    whole = {"type": "Feature", "properties": {}, "geometry": None} | feature
    return json.dumps({"type": "FeatureCollection", "features": [whole]}).encode()


_LAUGHS = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>'
HARMFUL: Mapping[str, bytes] = {
    "program": b"MZ\x90\x00" + b"\x00" * 200,
    "page": b"<!doctype html><script>alert(1)</script>",
    "drawing": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "page_that_begins_as_a_picture": b"GIF89a/*<script>alert(1)</script>*/",
    "program_of_a_shell": b"#!/bin/sh\nrm -rf /\n",
    "zeros": b"\x00" * 5000,
    "only_a_mark_of_order": b"\xef\xbb\xbf",
    "bomb_as_a_workbook": _zip("xl/worksheets/sheet1.xml", b"\x00" * 80_000_000),
    "bomb_as_a_document": _zip("word/document.xml", b"\x00" * 80_000_000),
    "path_out_of_an_archive": _zip("../../../../etc/cron.d/x", b"* * * * * root true"),
    "entities": _zip("xl/workbook.xml", _LAUGHS),
    "virtual_layer": b'<OGRVRTDataSource><OGRVRTLayer name="t"><SrcDataSource>/etc/passwd</SrcDataSource>',
    "geopackage_of_a_view": _geopackage(
        "CREATE VIEW t AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT x FROM c"
    ),
    "geopackage_without_columns": _geopackage("CREATE TABLE t (a TEXT)"),
    "torn_geopackage": _geopackage("CREATE TABLE t (a TEXT)")[:700],
    "deep_json": b'{"type":"FeatureCollection","features":' + b"[" * 100_000,
    "endless_number": b'{"type":"FeatureCollection","features":[' + b"9" * 10_000 + b"]}",
    "number_beyond_all": _geojson(properties={"zone_id": "Z", "kind": "speed_limit", "speed_limit_kmh": 10**400}),
    "no_numbers": _geojson(
        properties={"half_width_m": float("nan")},
        geometry={"type": "Point", "coordinates": [float("nan"), float("inf")]},
    ),
    "wrong_shapes": _geojson(geometry={"type": "Polygon", "coordinates": [[[0, 0], "x", {}]]}, properties=[]),
    "odd_names": _geojson(properties={"names": {"zh": {"x": []}}, "zone_id": [1], "band_lower": "x", "schedule": 7}),
    "reference_system_of_a_file": json.dumps(
        {"type": "FeatureCollection", "crs": {"properties": {"name": "+init=/etc/passwd:1"}}, "features": [{}]}
    ).encode(),
    "reference_system_of_heights": json.dumps(
        {
            "type": "FeatureCollection",
            "crs": {"properties": {"name": "EPSG:5773"}},
            "features": [{"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [1, 2]}}],
        }
    ).encode(),
    "table_of_nothing": b"a,b,c\n\x00,\x00,\x00\n",
    "open_quotation": b'kind,vehicle_id\nroad,"' + b"x" * 5000,
}


def test_every_route_that_takes_more_is_known(city: Attack) -> None:
    """A new upload belongs into these tests."""
    assert set(LIMITS) - _NO_FILES <= set(_UPLOADS)
    assert set(_UPLOADS) <= set(LIMITS)
    assert set(_UPLOADS) <= set(city.app.view_functions)


@pytest.mark.usefixtures("_nothing_is_kept")
@pytest.mark.parametrize("endpoint", _UPLOADS)
def test_what_is_too_large_is_not_read(
    city: Attack, senders: Mapping[Role, tuple[FlaskClient, str]], endpoint: str
) -> None:
    answer = _send(city, senders, endpoint, PDF + b"0" * LIMITS[endpoint])
    assert answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    is_api = _route(city, endpoint).url.startswith("/api/")
    assert answer.mimetype == ("application/problem+json" if is_api else "text/html")


@pytest.mark.usefixtures("_nothing_is_kept")
@pytest.mark.parametrize("endpoint", sorted(_UPLOADS.keys() - _RAW))
def test_ten_thousand_parts_are_not_read(
    city: Attack, senders: Mapping[Role, tuple[FlaskClient, str]], endpoint: str
) -> None:
    client, token = senders[_UPLOADS[endpoint]]
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
    body = part * 10_000 + b"--x--\r\n"
    answer = client.post(
        _route(city, endpoint).url,
        data=body,
        content_type="multipart/form-data; boundary=x",
        headers={"X-CSRF-Token": token, "If-Match": '"1"'},
    )
    assert answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


@pytest.mark.usefixtures("_nothing_is_kept")
@pytest.mark.parametrize("endpoint", _UPLOADS)
def test_an_empty_file_is_refused(city: Attack, senders: Mapping[Role, tuple[FlaskClient, str]], endpoint: str) -> None:
    assert _send(city, senders, endpoint, b"").status_code in _REFUSED


@pytest.mark.parametrize("endpoint", _UPLOADS)
def test_harmful_files_are_refused(
    city: Attack, senders: Mapping[Role, tuple[FlaskClient, str]], endpoint: str
) -> None:
    taken = {}
    for name, content in HARMFUL.items():
        answer = _send(city, senders, endpoint, content, f"../../../etc/{name}.pdf")
        if answer.status_code not in _REFUSED and not _is_preview(answer, endpoint):
            taken[name] = answer.status_code
    assert not taken


def _is_preview(answer: TestResponse, endpoint: str) -> bool:
    """Zones are read feature by feature: what is wrong is shown, and nothing can be published."""
    return endpoint == "zone_imports.upload" and answer.status_code == HTTPStatus.SEE_OTHER


def test_a_file_keeps_neither_path_nor_line_breaks(
    city: Attack, senders: Mapping[Role, tuple[FlaskClient, str]]
) -> None:
    client, _token = senders[Role.OPERATOR_MANAGER]
    number = city.objects["application"]
    version = client.get(f"/api/v1/applications/{number}").headers["ETag"]
    token = csrf_of(client)
    answer = client.post(
        f"/api/v1/applications/{number}/files",
        data={"file": (io.BytesIO(PDF), "../../..\\x;Set-Cookie: a=b\u202efdp.exe';.html")},
        headers={"X-CSRF-Token": token, "If-Match": version},
    )
    assert answer.status_code in {HTTPStatus.OK, HTTPStatus.CREATED}, answer.text
    with reading_session(city.city.engine) as session:
        stored = session.scalars(select(Attachment).order_by(Attachment.id.desc())).first()
        assert stored is not None
        name, public_id = stored.file_name, stored.public_id
    assert name.endswith(".pdf")
    assert not set(name) & set('/\\\r\n\u202e"<>')
    download = client.get(f"/desk/attachments/{public_id}")
    assert download.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in download.headers["Content-Security-Policy"]
    assert "a=b" not in str(download.headers.getlist("Set-Cookie"))
