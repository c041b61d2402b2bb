"""A stand-in for the web edge: the pages with made-up zones, vehicles and alerts, without database or broker."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, redirect
from shapely.geometry import mapping, shape

from app.settings import Settings
from app.web.assets import assets
from app.web.basemap import shipped_city
from app.web.headers import install as install_headers
from app.web.headers import nonce
from app.web.language import install as install_languages
from app.web.pages import DemoLogin, PageSources, Viewer, create_pages

ZONES = Path(__file__).parents[2] / "app/showcase/data/zones.geojson"
METRES_PER_DEGREE = 111_320.0


@dataclass
class Scene:
    zones: dict[str, Any]
    vehicles: int = 50
    breach_after_s: float = 6.0
    started: float = field(default_factory=time.monotonic)

    def feature(self, number: int) -> dict[str, Any]:
        lines = [z for z in self.zones["features"] if "centreline" in z["properties"]]
        air = number % 5 == 4
        lines = [z for z in lines if (z["properties"]["kind"] == "air_corridor") == air]
        line = shape(lines[number % len(lines)]["properties"]["centreline"])
        speed_degrees = (9 + number % 5) * (3 if air else 1) / METRES_PER_DEGREE
        along = (self.age() * speed_degrees + number * 0.37 * line.length) % (2 * line.length)
        back = along > line.length
        at = 2 * line.length - along if back else along
        here, ahead = line.interpolate(at), line.interpolate(min(at + 1e-5, line.length))
        heading = math.degrees(math.atan2(ahead.x - here.x, ahead.y - here.y)) + (180 if back else 0)
        name = f"{'QH-E' if air else 'QH-R'}-{number:03d}"
        return {
            "type": "Feature", "id": name,
            "geometry": {"type": "Point", "coordinates": [here.x, here.y]},
            "properties": {
                "vehicle_id": name, "kind": "air" if air else "road", "operator": "鹏湾智行",
                "timestamp_ms": time.time_ns() // 1_000_000, "heading_deg": heading % 360,
                "speed_mps": 9.0 + number % 5, "altitude_m": 96.0 + number if air else 4.0, "altitude_datum": "AMSL",
                "mode": "autonomous", "safety_officer": "remote" if air else "onboard", "battery_percent": 81.0,
                "findings": ["outside_area"] if self.alerted(number) else [], "undecided": [],
                "alert": ("critical" if number == 3 else "warning") if self.alerted(number) else None, "stale": number == 11,
            },
        }

    def age(self) -> float:
        return time.monotonic() - self.started

    def alerted(self, number: int) -> bool:
        return number in {3, 9, 14} and self.age() > self.breach_after_s

    def features(self) -> list[dict[str, Any]]:
        return [self.feature(number) for number in range(self.vehicles)]

    def alerts(self) -> list[dict[str, Any]]:
        found = []
        for number, finding in ((3, "outside_area"), (9, "overspeed"), (14, "below_floor")):
            if self.alerted(number):
                feature = self.feature(number)
                found.append({
                    "id": f"a{number}", "vehicle_id": feature["id"], "kind": feature["properties"]["kind"],
                    "finding": finding, "severity": feature["properties"]["alert"],
                    "opened_at_ms": 1_763_000_000_000 + number * 1000, "closed": False, "closed_at_ms": None,
                    "place": {"zh": "梦海大道", "en": "Menghai Avenue"}, "geometry": feature["geometry"],
                })
        return found


def standin_zones() -> dict[str, Any]:
    document = json.loads(ZONES.read_text("utf-8"))
    features = []
    for feature in document["features"]:
        given = feature["properties"]
        geometry = shape(feature["geometry"])
        properties = {
            "id": given["zone_id"], "kind": given["kind"], "names": {"zh": given["name_zh"], "en": given["name_en"]},
            "band": given.get("band"), "speed_limit_mps": given.get("speed_limit_mps"),
        }
        if "half_width_m" in given:
            properties["centreline"] = mapping(geometry)
            geometry = geometry.buffer(given["half_width_m"] / METRES_PER_DEGREE)
        features.append({"type": "Feature", "properties": properties, "geometry": mapping(geometry)})
    return json.loads(json.dumps({"type": "FeatureCollection", "features": features}))  # type: ignore[no-any-return]


def create_standin(settings: Settings, scene: Scene, *, viewer: Viewer | None = None) -> Flask:
    app = Flask("app.web")
    install_languages(app, settings.locale)
    install_headers(app, settings)
    app.register_blueprint(assets)
    sources = PageSources(
        zones=lambda: scene.zones, city=shipped_city, viewer=lambda: viewer, illustrative=lambda: True,
        csrf_token=lambda: "token", nonce=nonce,
        demo_logins=(DemoLogin("regulator@example.com", "demo-regulator", "regulator"),),
    )
    app.register_blueprint(create_pages(settings, sources))
    auth = Blueprint("auth", __name__)
    auth.add_url_rule("/login", "log_in", lambda: redirect("/staff"), methods=["POST"])
    auth.add_url_rule("/logout", "log_out", lambda: redirect("/"), methods=["POST"])
    app.register_blueprint(auth)

    @app.get("/api/v1/live/stream", defaults={"public": False})
    @app.get("/api/v1/public/live/stream", defaults={"public": True})
    def stream(*, public: bool) -> Response:
        return Response(_events(scene), content_type="text/event-stream")

    return app


def _events(scene: Scene) -> Iterator[str]:
    told = len(scene.alerts())
    yield _event("snapshot", {"type": "FeatureCollection", "features": scene.features(), "alerts": scene.alerts()})
    while True:
        time.sleep(1.0)
        yield _event("positions", {"features": scene.features()})
        alerts = scene.alerts()
        for alert in alerts[told:]:
            yield _event("alert", alert)
        told = len(alerts)


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


if __name__ == "__main__":
    import sys

    settings = Settings.from_environment({"PILOTAGE_SECRET_KEY": "x" * 40})
    create_standin(settings, Scene(standin_zones(), vehicles=int(sys.argv[2])), viewer=Viewer("张监管", "regulator") if len(sys.argv) > 3 else None).run(port=int(sys.argv[1]), threaded=True)
