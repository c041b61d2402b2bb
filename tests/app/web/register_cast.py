"""What tests of the register send: good inputs, and clients that send them."""

from __future__ import annotations

import re
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.models import Role
from tests.app.web.cast import City

CAR = {
    "kind": "road",
    "vehicle_id": "N-100",
    "make": "北汽",
    "model": "αT",
    "vin": "1M8GDM9AXKP042788",
    "plate": "粤B·100",
    "automation_level": 4,
    "insured_sum_cny": 5_000_000,
    "insured_until": "2026-12-31",
}
CRAFT = {
    "kind": "air",
    "vehicle_id": "N-E100",
    "registration_mark": "B-0001X",
    "serial_number": "EH216-0042",
    "aircraft_type": "EH216-S",
    "max_takeoff_mass_kg": 620,
}
OFFICER = {
    "officer_id": "SO-1",
    "name": "陈晓明",
    "capacity": "onboard_safety_officer",
    "licence_class": "C1",
    "licence_number": "4403",
    "expires_on": "2026-12-31",
}
TRIAL = {
    "trial_id": "T-1",
    "name_zh": "接驳示范",
    "name_en": "Shuttle",
    "domain": "road",
    "stage": "road_test",
    "goal": "Find out.",
    "starts_on": "2026-03-01",
    "ends_on": "2026-12-31",
    "vehicles": ["NORTH-R1"],
    "zones": ["QH-R-01"],
}


class Program:
    """A program with the bearer token of a person."""

    def __init__(self, city: City, person: Role | str) -> None:
        self._client, self._headers = city.client(), city.bearer(person)

    def get(self, path: str) -> TestResponse:
        return self._client.get(f"/api/v1{path}", headers=self._headers)

    def send(self, method: str, path: str, body: Any = None, match: str | None = None) -> TestResponse:
        headers = self._headers | ({"If-Match": match} if match else {})
        return self._client.open(f"/api/v1{path}", method=method, json=body, headers=headers)

    def change(self, method: str, path: str, body: Any = None, seen: str | None = None) -> TestResponse:
        """With the ETag of what is at `seen` (default: at the path itself) now."""
        return self.send(method, path, body, self.get(seen or path).headers["ETag"])

    def upload(self, path: str, content: bytes, content_type: str) -> TestResponse:
        return self._client.post(f"/api/v1{path}", data=content, headers=self._headers | {"Content-Type": content_type})


class Person:
    """Somebody at a browser: sends forms with the token of the session."""

    def __init__(self, city: City, person: Role | str, language: str = "en") -> None:
        self.client: FlaskClient = city.logged_in(person)
        self.client.get(f"/lang/{language}")

    def page(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    def send(self, path: str, fields: dict[str, Any], form_at: str | None = None, **changes: Any) -> TestResponse:
        """Submit the form at `form_at` (default: at the path) with these fields and what it hides."""
        text = self.page(form_at or path)
        hidden = {
            name: found[1]
            for name in ("csrf_token", "version")
            if (found := re.search(rf'name="{name}" value="([^"]+)"', text)) is not None
        }
        return self.client.post(path, data={**hidden, **fields, **changes})

    def upload(self, path: str, content: bytes, name: str = "vehicles.csv") -> TestResponse:
        """Send a file with the form at the path."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.page(path))
        assert token is not None
        body, content_type = multipart(token[1], content, name)
        return self.client.post(path, data=body, content_type=content_type)


def multipart(token: str, content: bytes, name: str) -> tuple[bytes, str]:
    """The body of a form with a file; werkzeug's own maker leaves a temporary file open for large ones."""
    part = '--pilotage\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n'
    head = part.format("csrf_token", "") + token + "\r\n" + part.format("file", f'; filename="{name}"')
    return head.encode() + content + b"\r\n--pilotage--\r\n", "multipart/form-data; boundary=pilotage"
