"""A street with three cars: one that the evidence is about, one beside it, one far away. All samples are sealed."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import replace
from typing import Any

import numpy as np
from sqlalchemy import Engine, select

from app.database import changing_session, reading_session, snapshot_connection
from app.evidence.bundle import Export, bundle_of
from app.evidence.content import Content, read_content
from app.evidence.scope import Scope, scope_of
from app.evidence.verify import SUMS, packed, sums
from app.models import Alert, RegistryGeneration, Vehicle
from app.services.organisations import register_organisation
from app.services.seal_anchors import anchor_now
from app.services.vehicles import register_vehicle
from app.storage import open_store
from telemetry.findings import Finding, Severity
from telemetry.ports import Flush
from telemetry.samples import JudgedBatch, VehicleKind
from tests.app.batches import judged_batch
from tests.app.permit_cast import NOW, issue, register_everything

#: The moment, and its car's, the neighbour's and the distant car's names.
MOMENT_MS = NOW + 100_000
CAR, BESIDE, FAR = "N-1", "S-1", "N-2"
EXPORT = Export("EV-TEST", MOMENT_MS + 60_000, "regulator@city.example", "a collision", "https://pilots.example")


def cars(engine: Engine) -> dict[str, int]:
    """Integer keys by name."""
    with engine.connect() as connection:
        return {row.vehicle_id: row.id for row in connection.execute(select(Vehicle.vehicle_id, Vehicle.id))}


def street(engine: Engine) -> dict[str, int]:
    """Register everybody, store two minutes of samples from two workers, one flush of both every ten seconds."""
    register_everything(engine)
    with changing_session(engine) as session:
        issue(session)
        south = register_organisation(session, code="SOUTH", name_zh="南方", name_en="South", now_ms=NOW)
        register_vehicle(session, vehicle_id=BESIDE, kind=VehicleKind.ROAD, organisation=south, now_ms=NOW)
    keys = cars(engine)
    store = open_store(engine)
    with reading_session(engine) as session:
        generation = session.get_one(RegistryGeneration, 1).generation
    for number in range(14):
        batch = _seconds(keys, MOMENT_MS - 100_000 + number * 10_000, first_seq=1 + number * 10, generation=generation)
        store.commit(Flush(f"w{number % 2}", MOMENT_MS + number, batch, rejects=(), alerts=(), tracks=()))
    with changing_session(engine) as session:
        session.add(_alert(keys[CAR]))
    return keys


def scope(engine: Engine, *, is_for_city: bool = True) -> Scope:
    """90 s before to 30 s after."""
    now_ms = MOMENT_MS + 60_000
    return scope_of(cars(engine)[CAR], MOMENT_MS, before_s=90, after_s=30, is_for_city=is_for_city, now_ms=now_ms)


def content(engine: Engine, *, is_for_city: bool = True) -> Content:
    """What a bundle holds, anchored."""
    with changing_session(engine) as session:
        anchor_now(session, MOMENT_MS + 60_000)
    with snapshot_connection(engine) as connection:
        return read_content(connection, scope(engine, is_for_city=is_for_city), is_last_try=False)


def bundle(engine: Engine, *, is_for_city: bool = True) -> bytes:
    """A bundle of it."""
    return bundle_of(content(engine, is_for_city=is_for_city), EXPORT)


def unpacked(made: bytes) -> dict[str, bytes]:
    """The files of a bundle."""
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def forged(files: dict[str, bytes], replaced: dict[str, bytes | None]) -> dict[str, bytes]:
    """The files with others in their place (None: gone), and a manifest and sums that fit them."""
    changed: dict[str, bytes | None] = {**files, **replaced}
    files = {name: body for name, body in changed.items() if body is not None and name != SUMS}
    manifest = json.loads(files["manifest.json"])
    listed = {name: body for name, body in files.items() if name != "manifest.json"}
    manifest["files"] = {name: _described(body) for name, body in listed.items()}
    files["manifest.json"] = json.dumps(manifest).encode()
    return files | {SUMS: sums(files)}


def archive(files: dict[str, bytes]) -> bytes:
    """The files as a ZIP."""
    return packed(sorted(files.items()))


def _described(body: bytes) -> dict[str, Any]:
    return {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}


def _seconds(keys: dict[str, int], start_ms: int, first_seq: int, generation: int) -> JudgedBatch:
    """Ten seconds of the three cars, driving north side by side and 5 km away."""
    count, names = 30, (CAR, BESIDE, FAR)
    batch = judged_batch(count, vehicles=3, first_seq=first_seq, start_ms=start_ms, generation=generation)
    row = np.arange(count)
    lon = np.array([113.9, 113.9008, 113.95])[row % 3]
    lat = 22.52 + (batch.samples.timestamp_ms - (MOMENT_MS - 100_000)) / 1000 * 5e-5
    samples = replace(batch.samples, vehicle=np.array([keys[names[place]] for place in row % 3]), lon=lon, lat=lat)
    verdict = np.where((row % 3 == 0) & (row > 20), int(Finding.OVERSPEED), 0)
    return replace(
        batch,
        samples=samples,
        verdict=verdict,
        undecided=np.zeros(count, dtype=np.int64),
        late=np.zeros(count, dtype=np.bool_),
        zone_revision=np.full(count, -1),
        permit_revision=np.full(count, -1),
    )


def _alert(vehicle: int) -> Alert:
    return Alert(
        vehicle_key=vehicle,
        finding=int(Finding.OVERSPEED),
        severity=Severity.WARNING,
        opened_at_ms=MOMENT_MS,
        opened_seq=1,
        first_seen_ms=MOMENT_MS - 2_000,
        last_seen_ms=MOMENT_MS,
        closed_at_ms=None,
        zone_revision_id=None,
        permit_revision_id=None,
        lon=113.9,
        lat=22.52,
    )
