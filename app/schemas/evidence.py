"""Evidence bundles as they are asked for, and as they are listed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.evidence.scope import AFTER_S, BEFORE_S, LONGEST_S
from app.schemas.base import Identifier, Milliseconds, Reason, Schema

_Seconds = Annotated[int, Field(ge=0, le=LONGEST_S, description="seconds")]


class EvidenceRequest(Schema):
    """Which vehicle, around which moment, and why."""

    vehicle_id: Identifier
    moment_ms: Milliseconds
    before_s: _Seconds = BEFORE_S
    after_s: _Seconds = AFTER_S
    reason: Reason


class EvidenceOut(Schema):
    """A bundle that was exported. `faults`: what its verification found when it was made."""

    bundle_id: str
    vehicle_id: str
    moment_ms: int
    since_ms: int
    until_ms: int
    samples: int
    size_bytes: int
    sha256: str
    names_neighbours: bool
    faults: list[str]
    reason: str
    exported_by: str
    exported_at_ms: int
