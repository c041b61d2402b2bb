"""From which generation on which findings are judged: kept, so that a replay of older samples stays exact."""

from __future__ import annotations

from sqlalchemy import Engine

from app.database import downgrade, migrate, reading_session
from app.registry import DatabaseRegistry
from app.registry.judged import judged_at
from app.services.generations import current_generation
from app.storage import open_store
from geofences.datum import VerticalReference
from telemetry.findings import OF_SAMPLES
from tests.app.batches import flush_of, judged_batch

FIRST = (1 << 18) - 1


def test_a_new_database_judges_for_every_finding_from_the_beginning(engine: Engine) -> None:
    with reading_session(engine) as session:
        assert judged_at(session, 0) == OF_SAMPLES
    assert DatabaseRegistry(engine, VerticalReference()).snapshot().findings == OF_SAMPLES


def test_samples_stored_before_an_upgrade_stay_judged_as_they_were(engine: Engine) -> None:
    open_store(engine).commit(flush_of(judged_batch(3)))
    downgrade(engine, "0012")
    migrate(engine)
    with reading_session(engine) as session:
        newest = current_generation(session)
        assert newest > 0
        assert (judged_at(session, 0), judged_at(session, newest)) == (FIRST, OF_SAMPLES)
    assert DatabaseRegistry(engine, VerticalReference()).snapshot(0).findings == FIRST
