"""telemetry.ports.Store on SQLite and PostgreSQL: one flush, one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np
from sqlalchemy import Connection, Engine, select

from app.database import changing, in_parts
from app.models import DirectiveRow, OutboxRow, RegistryGeneration, TrackRow
from app.storage.failures import failures_mapped
from app.storage.postgresql import PostgresqlBulk
from app.storage.records import (
    write_alerts,
    write_answers,
    write_encounters,
    write_obeyed,
    write_outbox,
    write_rejects,
    write_sent,
)
from app.storage.sealing import write_seals
from app.storage.sqlite import SqliteBulk
from telemetry.errors import StaleRegistry, StoreUnavailable
from telemetry.ports import Flush, OutboxMessage, TrackState
from telemetry.samples import JudgedBatch, take_judged
from telemetry.sealing import contents_of

_NEWEST_GENERATION = select(RegistryGeneration.generation)


class Bulk(Protocol):
    """What comes by the thousand, and so differs between the databases: samples and tracks."""

    def stage(self, connection: Connection, batch: JudgedBatch) -> None:
        """Prepare a batch for `insert`, outside the flush's transaction."""

    def insert(self, connection: Connection, batch: JudgedBatch) -> int:
        """Insert the batch staged last on this connection; stored samples stay as they are. How many are new."""

    def stored(self, connection: Connection, keys: Collection[tuple[int, int, int]]) -> set[tuple[int, int, int]]:
        """Those of the keys (vehicle, timestamp_ms, seq) that are stored."""

    def write_tracks(self, connection: Connection, tracks: Sequence[TrackState]) -> None:
        """Replace what is remembered of these vehicles, each named once."""

    def lock_generation(self, connection: Connection) -> None:
        """Keep the registry from changing until the transaction ends."""


class DatabaseStore:
    """See telemetry.ports.Store. Safe to use from several threads: each call has its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._changing = changing(engine)
        is_sqlite = engine.dialect.name == "sqlite"
        self._bulk: Bulk = SqliteBulk() if is_sqlite else PostgresqlBulk()

    def tracks(self, vehicles: Collection[int]) -> Sequence[TrackState]:
        """The remembered states of these vehicles; those never seen are missing."""
        with self._connection(self._engine) as connection:
            rows = (
                row
                for keys in in_parts(vehicles)
                for row in connection.execute(select(TrackRow.__table__).where(TrackRow.vehicle.in_(keys)))
            )
            return [TrackState(**row._mapping) for row in rows]  # noqa: SLF001 -- public, in spite of its name

    def stored(self, keys: Collection[tuple[int, int, int]]) -> set[tuple[int, int, int]]:
        """Those of the keys (vehicle, timestamp_ms, seq) that are stored already."""
        if not keys:
            return set()
        with self._connection(self._engine) as connection:
            return self._bulk.stored(connection, keys)

    def commit(self, flush: Flush) -> None:
        """Write the flush durably in one transaction, or nothing.

        Known samples have no effect, nor has a flush whose commit succeeded without our hearing of it:
        all but the outbox is written under natural keys, and its messages may leave twice anyhow.
        Samples are sealed by the transaction that stores them and by no other.
        """
        with self._connection(self._changing) as connection:
            new = flush.judged
            while not self._is_committed(connection, flush, new):
                new = self._unstored(connection, new)

    def _is_committed(self, connection: Connection, flush: Flush, new: JudgedBatch) -> bool:
        """Write the flush with these samples of it; nothing and False if not all of them were new."""
        self._bulk.stage(connection, new)
        contents = contents_of(new)
        with connection.begin() as transaction:
            self._require_generation(connection, new.generation)
            if self._bulk.insert(connection, new) < len(new.samples):
                transaction.rollback()
                return False
            write_rejects(connection, flush.rejects)
            write_alerts(connection, flush.alerts)
            write_outbox(connection, flush.outbox)
            write_answers(connection, flush.answers)
            write_obeyed(connection, flush.obeyed)
            write_encounters(connection, flush.encounters)
            self._bulk.write_tracks(connection, flush.tracks)
            write_seals(connection, flush.worker, contents, sealed_at_ms=flush.flushed_at_ms)
        return True

    def _unstored(self, connection: Connection, batch: JudgedBatch) -> JudgedBatch:
        """The batch without what is stored, each sample once."""
        samples = batch.samples
        keys = list(zip(samples.vehicle.tolist(), samples.timestamp_ms.tolist(), samples.seq.tolist(), strict=True))
        with connection.begin():
            stored = self._bulk.stored(connection, keys)
        first = {key: row for row, key in reversed(list(enumerate(keys))) if key not in stored}
        return take_judged(batch, np.array(sorted(first.values()), dtype=np.int64))

    def directives(self, directive_ids: Collection[str]) -> Mapping[str, tuple[int, int]]:
        """(directive key, vehicle key) of those of these directives that exist, settled or not."""
        columns = select(DirectiveRow.directive_id, DirectiveRow.id, DirectiveRow.vehicle_key)
        with self._connection(self._engine) as connection:
            return {
                directive_id: (key, vehicle)
                for some in in_parts(directive_ids)
                for directive_id, key, vehicle in connection.execute(columns.where(DirectiveRow.directive_id.in_(some)))
            }

    def pending(self, limit: int, partitions: Collection[int]) -> Sequence[tuple[int, OutboxMessage]]:
        """The oldest unsent outbox messages of these partitions, and of none, with their keys."""
        ours = OutboxRow.partition.is_(None) | OutboxRow.partition.in_(partitions)
        query = select(OutboxRow.__table__).where(ours).order_by(OutboxRow.id).limit(limit)
        with self._connection(self._engine) as connection:
            return [
                (row.id, OutboxMessage(row.topic, row.payload, row.retain, row.partition))
                for row in connection.execute(query)
            ]

    def sent(self, keys: Collection[int], at_ms: int) -> None:
        """These outbox messages have left: they are deleted, and it is noted of the directives in them."""
        with self._connection(self._changing) as connection, connection.begin():
            write_sent(connection, keys, at_ms)

    def _require_generation(self, connection: Connection, judged: int) -> None:
        self._bulk.lock_generation(connection)
        newest = connection.scalar(_NEWEST_GENERATION)
        if newest != judged:
            raise StaleRegistry(f"judged at generation {judged}, the registry is at {newest}")

    @contextmanager
    def _connection(self, engine: Engine) -> Iterator[Connection]:
        with failures_mapped(), engine.connect() as connection:
            try:
                with failures_mapped():
                    yield connection
            except StoreUnavailable:
                connection.invalidate()  # the next attempt begins with a connection that is surely whole
                raise
