"""What was done to samples and seals behind the worker's back is found and named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, select, text

from app.chores import CHORES
from app.cli import main
from app.database import changing, changing_session, migrate, open_engine, snapshot_connection
from app.models import AuditEntry, SampleSeal
from app.seal_faults import FaultKind, SealFault, described
from app.services.seal_anchors import ANCHORED, anchor_seals
from app.storage import open_store
from app.storage.sealing import write_seals
from telemetry.ports import Store
from telemetry.samples import take_judged
from telemetry.sealing import COLUMNS, NO_HASH, contents_of
from tests.app.batches import START_MS, flush_of, judged_batch
from tests.app.sealed import (
    ALTERED_AT,
    FLUSHES,
    HOUR_MS,
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


# --- what was altered is named ----------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "lon = lon + 1e-13",
        "altitude_m = coalesce(altitude_m, 0) + 1",
        "heading_deg = CASE WHEN heading_deg IS NULL THEN 0 END",
        "mode = mode + 1",
        "late = 1 - late",
        "passengers = -2",
        "verdict = verdict + 1",
        "generation = generation + 1",
        "received_ms = received_ms - 1",
        "officer_id = 'somebody'",
        "faults = CASE WHEN faults IS NULL THEN '' END",
    ],
)
def test_an_altered_sample_is_named(sealed: Engine, change: str) -> None:
    tamper(sealed, f"UPDATE samples SET {change} WHERE {where(key_of(3, 7))}")  # noqa: S608 -- the examples above
    assert told(sealed) == {(FaultKind.SAMPLE_ALTERED, key_of(3, 7), "", 0)}


def test_a_deleted_sample_is_named(sealed: Engine) -> None:
    tamper(sealed, f"DELETE FROM samples WHERE {where(key_of(2, 0))}")  # noqa: S608
    assert told(sealed) == {(FaultKind.SAMPLE_MISSING, key_of(2, 0), "", 0)}


def test_when_all_samples_are_gone_all_are_named(sealed: Engine) -> None:
    tamper(sealed, "DELETE FROM samples")
    assert told(sealed) == {
        (FaultKind.SAMPLE_MISSING, key_of(number, row), "", 0) for number in range(FLUSHES) for row in range(ROWS)
    }


def test_an_invented_sample_is_named(sealed: Engine) -> None:
    columns = ", ".join(name for name in COLUMNS if name != "seq")
    tamper(
        sealed,
        f"INSERT INTO samples ({columns}, seq) SELECT {columns}, 999 FROM samples WHERE {where(key_of(1, 1))}",  # noqa: S608
    )
    assert told(sealed) == {(FaultKind.SAMPLE_UNKNOWN, (*key_of(1, 1)[:2], 999), "", 0)}


def test_a_sample_moved_in_time_is_missing_there_and_unknown_here(sealed: Engine) -> None:
    time_ms, vehicle, seq = key_of(3, 4)
    tamper(sealed, f"UPDATE samples SET timestamp_ms = timestamp_ms + 1 WHERE {where(key_of(3, 4))}")  # noqa: S608
    assert told(sealed) == {
        (FaultKind.SAMPLE_MISSING, key_of(3, 4), "", 0),
        (FaultKind.SAMPLE_UNKNOWN, (time_ms + 1, vehicle, seq), "", 0),
    }


def test_a_swapped_pair_is_named(sealed: Engine) -> None:
    one, other = key_of(1, 2), key_of(4, 9)
    tamper(
        sealed,
        f"UPDATE samples SET seq = 0 WHERE {where(one)}",  # noqa: S608
        f"UPDATE samples SET timestamp_ms = {one[0]}, vehicle = {one[1]}, seq = {one[2]} WHERE {where(other)}",  # noqa: S608
        f"UPDATE samples SET timestamp_ms = {other[0]}, vehicle = {other[1]}, seq = {other[2]} WHERE seq = 0",  # noqa: S608
    )
    assert told(sealed) == {
        (FaultKind.SAMPLE_ALTERED, one, "", 0),
        (FaultKind.SAMPLE_ALTERED, other, "", 0),
        (FaultKind.SAMPLES_EXCHANGED, one, "", 0),
    }
    (exchanged,) = [fault for fault in found(sealed) if fault.kind is FaultKind.SAMPLES_EXCHANGED]
    assert exchanged.other == other


@pytest.mark.parametrize("column", ["digests", "keys"])
def test_an_altered_block_is_named(sealed: Engine, column: str) -> None:
    with snapshot_connection(sealed) as connection:
        value = connection.scalar(select(SampleSeal.__table__.c[column]).where(SampleSeal.id == 3))
    altered = bytes([value[0] ^ 1]) + value[1:]
    literal = f"x'{altered.hex()}'" if sealed.dialect.name == "sqlite" else f"'\\x{altered.hex()}'::bytea"
    tamper(sealed, f"UPDATE sample_seals SET {column} = {literal} WHERE id = 3".replace(":", "\\:"))  # noqa: S608
    with snapshot_connection(sealed) as connection:
        block = connection.execute(select(SampleSeal.chain, SampleSeal.number).where(SampleSeal.id == 3)).one()
    assert (FaultKind.BLOCK_ALTERED, None, block.chain, block.number) in told(sealed)


@pytest.mark.parametrize("change", ["sealed_at_ms = 1", "format = 1", "first_ms = first_ms - 1", "sample_count = 2"])
def test_a_block_with_another_head_is_named(sealed: Engine, change: str) -> None:
    tamper(sealed, f"UPDATE sample_seals SET {change} WHERE chain = 'w0' AND number = 1")  # noqa: S608
    assert (FaultKind.BLOCK_ALTERED, None, "w0", 1) in told(sealed)


def test_a_block_made_anew_does_not_chain(sealed: Engine) -> None:
    """Sample, digest and the block's own hash fit again: the next block does not."""
    tamper(
        sealed,
        "DELETE FROM sample_seals WHERE chain = 'w0' AND number = 1",
        f"DELETE FROM samples WHERE {where(key_of(0, 0))}",  # noqa: S608
    )
    kept = take_judged(batch_at(0), np.arange(1, ROWS))
    with changing(sealed).begin() as connection:
        write_seals(connection, "forged", contents_of(kept)[:1], sealed_at_ms=START_MS)
        connection.execute(text("UPDATE sample_seals SET chain = 'w0' WHERE chain = 'forged'"))
        connection.execute(text("DELETE FROM seal_heads WHERE chain = 'forged'"))
    assert (FaultKind.BLOCK_UNCHAINED, None, "w0", 2) in told(sealed)


def test_a_deleted_block_is_named_and_its_samples_are_unknown(sealed: Engine) -> None:
    tamper(sealed, "DELETE FROM sample_seals WHERE chain = 'w1' AND number = 2")
    kinds = told(sealed)
    assert (FaultKind.BLOCK_MISSING, None, "w1", 2) in kinds
    assert {kind for kind, *_ in kinds} == {FaultKind.BLOCK_MISSING, FaultKind.SAMPLE_UNKNOWN}


def test_a_cut_tail_is_seen_by_the_head(sealed: Engine) -> None:
    tamper(
        sealed,
        "DELETE FROM sample_seals WHERE chain = 'w1' AND number >= 2",
        f"DELETE FROM samples WHERE timestamp_ms >= {START_MS + 10_000}",  # noqa: S608
    )
    (cut,) = [fault for fault in found(sealed) if fault.chain == "w1" and fault.sample is None]
    assert (cut.kind, cut.number) == (FaultKind.CHAIN_CUT, 1)
    assert cut.last > 1


def test_a_whole_chain_that_is_gone_is_seen_by_its_head(sealed: Engine) -> None:
    tamper(sealed, "DELETE FROM sample_seals WHERE chain = 'w1'")
    assert (FaultKind.CHAIN_CUT, None, "w1", 0) in told(sealed)


def test_a_head_that_is_gone_is_told(sealed: Engine) -> None:
    tamper(sealed, "DELETE FROM seal_heads WHERE chain = 'w0'")
    assert {kind for kind, *_ in told(sealed)} == {FaultKind.HEAD_MISSING}


def test_a_cut_tail_with_a_mended_head_is_seen_by_the_audit_log(sealed: Engine) -> None:
    with changing_session(sealed) as session:
        anchor_seals(session, START_MS)
    assert found(sealed) == []
    tamper(
        sealed,
        "DELETE FROM sample_seals WHERE number > 1",
        "UPDATE seal_heads SET number = 1, hash = (SELECT s.hash FROM sample_seals s WHERE s.chain = seal_heads.chain)",
        "DELETE FROM samples",
    )
    broken = {fault.chain for fault in found(sealed) if fault.kind is FaultKind.ANCHOR_BROKEN}
    assert broken == {"w0", "w1"}


def test_a_sample_sealed_twice_is_named(sealed: Engine) -> None:
    with changing(sealed).begin() as connection:
        one = take_judged(batch_at(2), np.array([5]))
        write_seals(connection, "w9", contents_of(one), sealed_at_ms=START_MS)
    assert told(sealed) == {(FaultKind.SAMPLE_SEALED_TWICE, key_of(2, 5), "", 0)}


def test_only_the_period_is_looked_at(sealed: Engine) -> None:
    tamper(sealed, "UPDATE samples SET mode = mode + 1")
    since_ms, until_ms = START_MS + 25_000, START_MS + 28_000
    keys = {fault.sample for fault in found(sealed, since_ms, until_ms) if fault.kind is FaultKind.SAMPLE_ALTERED}
    expected = {key_of(number, row) for number in range(FLUSHES) for row in range(ROWS)}
    assert keys == {key for key in expected if since_ms <= key[0] < until_ms}
    assert keys


def test_rubbish_is_told_and_not_tripped_over(tmp_path: Path) -> None:
    """SQLite keeps any type in any column; PostgreSQL does not."""
    engine = open_engine(f"sqlite:///{tmp_path / 'test.sqlite3'}")
    migrate(engine)
    open_store(engine).commit(flush_of(judged_batch(6, vehicles=6)))
    tamper(
        engine,
        "UPDATE samples SET lon = 'east' WHERE vehicle = 1",
        "UPDATE samples SET mode = 1.5 WHERE vehicle = 2",
        "UPDATE samples SET officer_id = x'ff' WHERE vehicle = 3",
        "UPDATE samples SET faults = CAST(x'fe' AS TEXT) WHERE vehicle = 4",
        "UPDATE samples SET seq = 'many' WHERE vehicle = 5",
    )
    altered = {fault.sample[1] for fault in found(engine) if fault.kind is FaultKind.SAMPLE_ALTERED and fault.sample}
    assert altered == {1, 2, 3, 4}
    assert {fault.kind for fault in found(engine)} == {
        FaultKind.SAMPLE_ALTERED,
        FaultKind.SAMPLE_UNKNOWN,
        FaultKind.SAMPLE_MISSING,
    }
    with changing(engine).begin() as connection:
        connection.execute(text("UPDATE sample_seals SET first_ms = 'x', keys = 'y', hash = 1, number = 'z'"))
        connection.execute(text("UPDATE seal_heads SET hash = 'x'"))
    assert FaultKind.BLOCK_ALTERED in {fault.kind for fault in found(engine)}
    assert all(described(fault, {}) for fault in found(engine))
    engine.dispose()


# --- anchors in the audit log -----------------------------------------------------------------


def entries(engine: Engine) -> list[AuditEntry]:
    with changing_session(engine) as session:
        return list(session.scalars(select(AuditEntry).where(AuditEntry.action == ANCHORED)))


def test_anchors_are_written_once_an_hour_and_only_of_what_is_new(engine: Engine, store: Store) -> None:
    (chore,) = [each for each in CHORES if each.name == "anchor_seals"]
    chore.run(engine, START_MS)
    assert entries(engine) == []
    store.commit(flush_of(judged_batch(3)))
    for at_ms in (START_MS, START_MS + 1, START_MS + HOUR_MS):
        chore.run(engine, at_ms)
    assert len(entries(engine)) == 1
    store.commit(flush_of(judged_batch(3, first_seq=50)))
    chore.run(engine, START_MS + 2 * HOUR_MS)
    first, second = entries(engine)
    assert first.after is not None
    assert second.after is not None
    assert [entry["heads"]["worker"][0] for entry in (first.after, second.after)] == [1, 2]
    assert found(engine) == []


def test_an_unreadable_anchor_is_told(sealed: Engine) -> None:
    with changing_session(sealed) as session:
        anchor_seals(session, START_MS)
    drop = (
        "DROP TRIGGER audit_entries_no_update"
        if sealed.dialect.name == "sqlite"
        else "DROP TRIGGER audit_entries_append_only ON audit_entries"
    )
    tamper(sealed, drop, "UPDATE audit_entries SET after = '{\"heads\"\\: 7}'")
    assert {fault.kind for fault in found(sealed)} == {FaultKind.ANCHOR_UNREADABLE}


# --- the command ------------------------------------------------------------------------------


def run(home: Path, *arguments: str) -> tuple[int, list[str]]:
    result = CliRunner().invoke(main, ["verify", "samples", *arguments], env={"PILOTAGE_HOME": str(home)})
    return result.exit_code, result.output.splitlines()


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'pilotage.sqlite3'}")
    migrate(engine)
    open_store(engine).commit(flush_of(judged_batch(70)))
    assert run(tmp_path) == (0, ["70 samples, 1 blocks in 1 chains, 0 faults", "the samples are whole"])
    tamper(engine, "UPDATE samples SET lat = lat + 0.001 WHERE vehicle = 3 AND seq = 2")
    assert run(tmp_path) == (
        1,
        [
            f"the sample of the unregistered vehicle 3 at {ALTERED_AT}, seq 2 was altered (block 1 of chain worker)",
            "70 samples, 1 blocks in 1 chains, 1 faults",
            "the samples are not what was sealed",
        ],
    )
    assert run(tmp_path, "--since", "2024-11-21T19:53:22+08:00")[0] == 0
    assert run(tmp_path, "--until", "2024-11-21T11:53:22")[0] == 1
    assert run(tmp_path, "--since", "yesterday")[0] == 1
    with changing(engine).begin() as connection:
        connection.execute(text("DELETE FROM samples"))
    status, lines = run(tmp_path)
    assert (status, len(lines), lines[-2]) == (1, 52, "0 samples, 1 blocks in 1 chains, 70 faults")
    engine.dispose()


@pytest.mark.parametrize("kind", list(FaultKind))
def test_every_fault_has_a_sentence(kind: FaultKind) -> None:
    fault = SealFault(kind, (START_MS, 1, 2), (START_MS, 2, 3), "w", 4, 6)
    sentence = described(fault, {1: "QH-001"})
    assert sentence
    assert "{" not in sentence
    assert ("QH-001" in sentence) == kind.value.startswith("sample")


def test_a_seal_begins_with_no_hash(sealed: Engine) -> None:
    with snapshot_connection(sealed) as connection:
        firsts = connection.scalars(select(SampleSeal.previous_hash).where(SampleSeal.number == 1)).all()
    assert set(firsts) == {NO_HASH}
