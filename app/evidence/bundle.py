"""A bundle as a ZIP archive: its files, the manifest, the sums. The same content gives the same bytes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files as package_files
from typing import Any

from app.evidence.content import Content
from app.evidence.findings import shown_by
from app.evidence.moments import utc_text
from app.evidence.page import offline_page
from app.evidence.track import Row, value_of
from app.evidence.verify import ANCHORS, AUDIT, BLOCKS, FORMAT, MANIFEST, SAMPLES, SUMS, VERSION, packed, sums
from app.evidence.wording import README
from telemetry.findings import Finding
from telemetry.samples import AltitudeDatum, Mode, SafetyOfficer
from telemetry.sealing import COLUMNS

#: What is shown of the vehicles of other operators where they are not named.
NEIGHBOUR_COLUMNS = ("timestamp_ms", "lon", "lat", "altitude_m", "altitude_datum", "heading_deg", "speed_mps")
_ENUMERATIONS = {"mode": Mode, "safety_officer": SafetyOfficer, "altitude_datum": AltitudeDatum}


@dataclass(frozen=True, slots=True)
class Export:
    """Who exported a bundle, when and why; `platform_url` is where the public reaches the installation."""

    bundle_id: str
    at_ms: int
    by: str
    reason: str
    platform_url: str


def bundle_of(content: Content, export: Export) -> bytes:
    """The archive."""
    return packed(sorted(bundle_files(content, export).items()))


def bundle_files(content: Content, export: Export) -> dict[str, bytes]:
    """Every file by name, the manifest and the sums among them."""
    record, rows = content.record, sorted(sealed_rows(content), key=_order)
    files = {
        "README.txt": README.encode(),
        "verify.py": _verifier(),
        "index.html": offline_page(content, asdict(export)).encode(),
        SAMPLES: _table(COLUMNS, rows),
        "data/samples.csv": _spreadsheet(content, rows),
        "data/vehicle.json": _json(record.vehicle),
        "data/permits.json": _json(record.permits),
        "data/zones.geojson": _json({"type": "FeatureCollection", "features": record.zones}),
        "data/findings.json": _json([asdict(shown) for shown in shown_by(content.tracks.own)]),
        "data/alerts.json": _json(record.alerts),
        "data/directives.json": _json(record.directives),
        "data/incidents.json": _json(record.incidents),
        "data/encounters.json": _json(record.encounters),
        "data/emergencies.json": _json(record.emergencies),
        "data/sanctions.json": _json(record.sanctions),
        "data/rejects.json": _json(record.rejects),
        BLOCKS: b"".join(_line(block) for block in content.proof.blocks),
        ANCHORS: _json(content.proof.anchors),
    }
    if content.scope.is_for_city:
        files[AUDIT] = _json(record.audit)
    else:
        files["data/neighbours.json"] = _neighbours(content)
    files[MANIFEST] = _json(_manifest(content, export, files))
    return files | {SUMS: sums(files)}


def sealed_rows(content: Content) -> Iterable[Row]:
    """The samples of all vehicles that the bundle names."""
    yield from content.tracks.own
    for vehicle, rows in content.tracks.neighbours.items():
        if vehicle in content.names:
            yield from rows


def _manifest(content: Content, export: Export, files: dict[str, bytes]) -> dict[str, Any]:
    scope, vehicle = content.scope, content.record.vehicle
    return {
        "format": FORMAT,
        "version": VERSION,
        "bundle_id": export.bundle_id,
        "platform": {"id": content.platform_id, "url": export.platform_url},
        "vehicle": {name: vehicle[name] for name in ("id", "vehicle_id", "kind", "operator")},
        "window": {"moment_ms": scope.moment_ms, "since_ms": scope.since_ms, "until_ms": scope.until_ms},
        "exported": {"at_ms": export.at_ms, "by": export.by, "reason": export.reason},
        "sealed_vehicles": {str(key): name for key, name in content.names.items()},
        "neighbours_named": scope.is_for_city,
        "anchors": [f"{entry['number']}:{entry['hash']}" for entry in content.proof.anchors],
        "files": {
            name: {"bytes": len(body), "sha256": sha256(body).hexdigest()} for name, body in sorted(files.items())
        },
    }


def _order(row: Row) -> tuple[int, int, int]:
    return value_of(row, "timestamp_ms"), value_of(row, "vehicle"), value_of(row, "seq")


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Columns and rows, one row a line; numbers are written so that they read back as the very same."""
    lines = ",\n".join(_compact(row) for row in rows)
    return f'{{"columns": {_compact(columns)},\n"rows": [\n{lines}\n]}}\n'.encode()


def _neighbours(content: Content) -> bytes:
    """Where others were, numbered from 1 in the order of their first sample."""
    first_seen = sorted(content.tracks.neighbours.values(), key=lambda rows: _order(rows[0])[0])
    rows = [
        (number, *(value_of(row, name) for name in NEIGHBOUR_COLUMNS))
        for number, rows in enumerate(first_seen, start=1)
        for row in rows
    ]
    return _table(("neighbour", *NEIGHBOUR_COLUMNS), rows)


def _spreadsheet(content: Content, rows: Iterable[Row]) -> bytes:
    """The samples in words, for people: UTF-8 with the mark that spreadsheets look for."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["time_utc", "vehicle_id", "findings", "undecided_findings", *COLUMNS])
    for row in rows:
        told = [utc_text(value_of(row, "timestamp_ms")), content.names[value_of(row, "vehicle")]]
        told += [_codes(value_of(row, "verdict")), _codes(value_of(row, "undecided"))]
        writer.writerow([*told, *(_worded(name, value) for name, value in zip(COLUMNS, row, strict=True))])
    return text.getvalue().encode("utf-8-sig")


def _worded(name: str, value: Any) -> Any:
    if value is None:
        return ""
    if name in _ENUMERATIONS:
        return _ENUMERATIONS[name](value).name.lower() if value >= 0 else ""
    # What a spreadsheet would run as a formula is text that somebody wrote.
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" else value


def _codes(mask: int) -> str:
    return " ".join(finding.code for finding in Finding if mask & finding)


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _line(content: Any) -> bytes:
    return f"{_compact(content)}\n".encode()


def _compact(content: Any) -> str:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


@cache
def _verifier() -> bytes:
    """The program that checks bundles: the very file that `pilotage verify bundle` runs."""
    return package_files("app.evidence").joinpath("verify.py").read_bytes()
