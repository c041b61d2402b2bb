"""The registry of a database, read as far as it has changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.database import reading_session
from app.registry.history import NOTHING, History
from app.registry.judged import judged_at
from app.registry.rows import Decision, changes, demands
from app.services.generations import current_generation
from app.settings import Settings
from app.storage.failures import failures_mapped
from geofences.datum import VerticalReference
from telemetry.ports import PermitTerms, RegistrySnapshot


class DatabaseRegistry:
    """See telemetry.ports.Registry. Raises StoreUnavailable when the database is not.

    Revisions are immutable and generations are committed in their order, so what was read once is
    remembered, and a later snapshot reads what has a later generation.
    """

    def __init__(self, engine: Engine, vertical: VerticalReference) -> None:
        self._engine = engine
        self._vertical = vertical
        self._history = NOTHING

    def generation(self) -> int:
        """The number of the newest change."""
        with failures_mapped(), reading_session(self._engine) as session:
            return current_generation(session)

    def snapshot(self, generation: int | None = None) -> RegistrySnapshot:
        """The registry as it was known at `generation` (None: now).

        The generation is read first: a change that lands while the rest is read has a larger one and
        is left out.
        """
        with failures_mapped(), reading_session(self._engine) as session:
            known = current_generation(session) if generation is None else generation
            history = self._known_at(session, known)
            standing = demands(session, up_to=known)
            findings = judged_at(session, known)
        return history.snapshot(self._vertical, standing, findings)

    def granted_if(self, generation: int, permit: int, alter: Callable[[Decision], Decision]) -> Sequence[PermitTerms]:
        """What a permit would have granted as known at `generation`, had each of its decisions been another one."""
        with failures_mapped(), reading_session(self._engine) as session:
            return self._known_at(session, generation).granted_if(permit, alter)

    def _known_at(self, session: Session, generation: int) -> History:
        before = self._history if self._history.generation <= generation else NOTHING
        if before.generation < generation:
            before = before.advanced(changes(session, after=before.generation, up_to=generation))
        self._history = before
        return before


def open_registry(engine: Engine, settings: Settings) -> DatabaseRegistry:
    """The registry of this installation, with its vertical reference from the settings."""
    return DatabaseRegistry(engine, settings.vertical)
