"""Each stored sample is sealed exactly once, whatever happens to the flush."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError

from app.database import changing, downgrade, migrate, snapshot_connection
from app.models import RegistryGeneration, SampleSeal
from app.registry import DatabaseRegistry
from app.seal_check import faults
from app.seal_faults import FaultKind
from app.seal_samples import Checked
from app.storage import open_store
from geofences.datum import VerticalReference
from telemetry.errors import StoreUnavailable
from telemetry.messages import Message, telemetry_topic
from telemetry.pipeline import Pipeline, PipelineSettings
from telemetry.ports import Flush, Store
from telemetry.samples import take_judged
from tests.app.batches import flush_of
from tests.app.permit_cast import NOW, register_everything
from tests.app.sealed import (
    FLUSHES,
    ROWS,
    batch_at,
    found,
    key_of,
    six_flushes,
    tamper,
    told,
    where,
)


@pytest.fixture
def store(engine: Engine) -> Store:
    return open_store(engine)


@pytest.fixture
def sealed(engine: Engine) -> Engine:
    return six_flushes(engine)


def test_what_was_stored_is_whole(sealed: Engine) -> None:
    checked = Checked()
    with snapshot_connection(sealed) as connection:
        assert list(faults(connection, checked)) == []
    assert checked == Checked(samples=FLUSHES * ROWS, blocks=checked.blocks, chains=2)
    assert checked.blocks >= FLUSHES


def test_an_empty_database_is_whole(engine: Engine) -> None:
    assert found(engine) == []


def test_values_that_databases_keep_in_their_own_way_are_whole(engine: Engine, store: Store) -> None:
    batch = batch_at(0)
    odd = np.resize([0.0, -0.0, 5e-324, 1e308, -1 / 3, 7.0, np.nan], ROWS)
    names: list[str | None] = ["", "安全员", None, "a" * 5000] * (ROWS // 4)
    samples = replace(batch.samples, altitude_m=odd, speed_mps=odd, officer_id=names)
    store.commit(flush_of(replace(batch, samples=samples)))
    assert found(engine) == []


def test_a_flush_written_again_is_sealed_once(engine: Engine, store: Store) -> None:
    flush = flush_of(batch_at(0))
    store.commit(flush)
    store.commit(flush)
    store.commit(replace(flush, judged=replace(flush.judged, verdict=flush.judged.verdict + 1)))
    checked = Checked()
    with snapshot_connection(engine) as connection:
        assert list(faults(connection, checked)) == []
    assert checked.samples == ROWS


def test_of_a_flush_that_is_known_in_part_the_rest_is_sealed(engine: Engine, store: Store) -> None:
    batch = batch_at(0)
    store.commit(flush_of(take_judged(batch, np.arange(0, ROWS, 3))))
    twice = np.append(np.arange(ROWS), np.arange(ROWS))
    store.commit(replace(flush_of(take_judged(batch, twice)), worker="other"))
    checked = Checked()
    with snapshot_connection(engine) as connection:
        assert list(faults(connection, checked)) == []
    assert (checked.samples, checked.chains) == (ROWS, 2)


def test_workers_of_the_same_and_of_other_names_at_once(engine: Engine) -> None:
    """Six threads store overlapping flushes, three of them under one name."""
    failed: list[BaseException] = []

    def run(worker: int) -> None:
        own = open_store(engine)
        try:
            for number in range(8):
                flush = replace(flush_of(batch_at(number)), worker=f"w{max(worker - 2, 0)}")
                while not _is_stored(own, flush):
                    pass
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=run, args=(worker,)) for worker in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failed
    assert found(engine) == []


def _is_stored(store: Store, flush: Flush) -> bool:
    try:
        store.commit(flush)
    except StoreUnavailable:  # a busy SQLite file, or a deadlock of PostgreSQL: the worker tries again, too
        return False
    return True


def test_what_was_stored_before_the_seals_is_sealed_by_the_upgrade(sealed: Engine) -> None:
    downgrade(sealed, "0003")
    migrate(sealed)
    checked = Checked()
    with snapshot_connection(sealed) as connection:
        assert list(faults(connection, checked)) == []
    assert (checked.samples, checked.chains) == (FLUSHES * ROWS, 1)


def test_seals_of_an_earlier_format_are_checked_by_it(sealed: Engine, store: Store) -> None:
    downgrade(sealed, "0003")
    migrate(sealed)
    with sealed.connect() as connection:
        newest = connection.scalars(select(RegistryGeneration.generation)).one()
    store.commit(flush_of(batch_at(FLUSHES, generation=newest)))
    with sealed.connect() as connection:
        assert set(connection.scalars(select(SampleSeal.format))) == {1, 2}
    assert found(sealed) == []
    tamper(sealed, f"UPDATE samples SET proximity = 1 WHERE {where(key_of(2, 5))}")  # noqa: S608
    assert told(sealed) == {(FaultKind.SAMPLE_ALTERED, key_of(2, 5), "", 0)}


@pytest.mark.parametrize("statement", ["UPDATE sample_seals SET number = 9", "DELETE FROM sample_seals"])
def test_the_database_itself_refuses(sealed: Engine, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), changing(sealed).begin() as connection:
        connection.execute(text(statement))
    assert found(sealed) == []


class Forgetful:
    """A store whose every second answer to a commit gets lost: it has written, and nobody hears of it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._commits = 0
        self.tracks, self.stored, self.pending, self.sent = store.tracks, store.stored, store.pending, store.sent

    def commit(self, flush: Flush) -> None:
        self._store.commit(flush)
        self._commits += 1
        if self._commits % 2:
            raise StoreUnavailable("the answer is lost")


def messages(first: int, count: int) -> list[Message]:
    """Samples of N-1, one a message."""
    location = {"lat": 22.51, "lng": 113.905, "speed": 0.0, "horizontal_accuracy": 0.5}
    return [
        Message(
            telemetry_topic("N-1"),
            json.dumps({"seq": seq, "timestamp": NOW + 1000 * seq, "location": location}).encode(),
            NOW + 1000 * seq,
        )
        for seq in range(first, first + count)
    ]


def pipeline(engine: Engine, store: Store, worker: str = "w1") -> Pipeline:
    registry = DatabaseRegistry(engine, VerticalReference())
    return Pipeline(registry, store, lambda: NOW, PipelineSettings(worker=worker))


def test_a_commit_whose_answer_was_lost_seals_once(engine: Engine, store: Store) -> None:
    register_everything(engine)
    ours = pipeline(engine, Forgetful(store))
    for first in range(1, 41, 10):
        with pytest.raises(StoreUnavailable):
            ours.process(messages(first, 10))
        assert ours.process(messages(first, 10)).duplicates == 10
    checked = Checked()
    with snapshot_connection(engine) as connection:
        assert list(faults(connection, checked)) == []
    assert checked.samples == 40


def test_a_worker_that_another_one_overtook_seals_nothing_again(engine: Engine, store: Store) -> None:
    """It remembers less than is stored: the same messages came to both, as after a hung connection."""
    register_everything(engine)
    slow, fast = pipeline(engine, store), pipeline(engine, store, "w2")
    slow.process(messages(1, 5))
    fast.process(messages(6, 20))
    assert slow.process(messages(6, 30)).stored == 30
    checked = Checked()
    with snapshot_connection(engine) as connection:
        assert list(faults(connection, checked)) == []
    assert (checked.samples, checked.chains) == (35, 2)
