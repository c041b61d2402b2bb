"""The file in which a demo keeps its vehicles' credentials, so that a restart drives the same fleet."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from app.showcase.seed import VehicleCredential

FLEET_FILE = "fleet.json"


def write_credentials(path: Path, credentials: Sequence[VehicleCredential]) -> None:
    """Replace the file at once, readable by its owner only; on disk when this returns."""
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(credentials), indent=1))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def read_credentials(path: Path) -> tuple[VehicleCredential, ...]:
    """The credentials in the file. Raises FileNotFoundError, or msgspec.DecodeError for another content."""
    return msgspec.json.decode(path.read_bytes(), type=tuple[VehicleCredential, ...])
