"""Samples that are heard of vehicles, with what they say set by the test."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy import Engine

from app.database import reading_session
from app.services.generations import current_generation
from app.storage import open_store
from telemetry.ports import TrackState
from telemetry.samples import VehicleKind
from tests.app.batches import flush_of, judged_batch


@dataclass
class Fleet:
    engine: Engine
    keys: dict[VehicleKind, int]

    def hear(
        self, at_ms: int, seq: int, kind: VehicleKind = VehicleKind.ROAD, *, late: bool = False, **said: Any
    ) -> None:
        """One sample of the vehicle; a late one leaves its track alone."""
        batch = judged_batch(1, vehicles=1, first_seq=seq, start_ms=at_ms, generation=self.generation())
        samples = {name: np.full_like(getattr(batch.samples, name), value) for name, value in said.items()}
        key = self.keys[kind]
        ours = replace(batch.samples, vehicle=np.array([key]), received_ms=np.array([at_ms + 200]), **samples)
        judged = replace(
            batch, samples=ours, late=np.array([late]), permit_revision=np.array([-1]), zone_revision=np.array([-1])
        )
        track = TrackState(key, seq, at_ms, seq, b"")
        open_store(self.engine).commit(replace(flush_of(judged), tracks=() if late else (track,)))

    def generation(self) -> int:
        with reading_session(self.engine) as session:
            return current_generation(session)
