"""Old days leave for the archive: nothing is lost, nothing is unseen, whoever is killed when."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import geopandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from app import retention
from app.cli import main
from app.database import changing, reading_session
from app.errors import Conflict, DayDamaged
from app.models import AuditEntry, RejectRow, Sample, SampleArchive, SampleSeal, SealCut
from app.seal_faults import FaultKind
from app.storage import open_store
from app.storage.archive import KINDS, REJECTS, SAMPLES, SEALS, sole_user
from telemetry.ports import Flush
from tests.app.archived import DAY_MS, DAYS, DUE, NOW_MS, ROWS, Kept, five_days, names_of
from tests.app.batches import flush_of, judged_batch


@pytest.fixture
def kept(engine: Engine, tmp_path: Path) -> Kept:
    return five_days(engine, tmp_path / "archive")


def test_days_that_were_kept_long_enough_are_in_the_archive_and_nowhere_else(kept: Kept) -> None:
    assert len(kept.retain()) == len(DUE)
    assert kept.files() == names_of(DUE)
    assert kept.days() == list(DAYS[3:])
    assert kept.count(SampleSeal) == 2, "chains begin behind what is gone"
    assert kept.count(RejectRow) == 1
    assert kept.faults() == []
    assert kept.archive_faults() == []
    assert kept.retain() == []


def test_the_files_are_a_partitioned_geoparquet_with_the_very_values(kept: Kept) -> None:
    query = text("SELECT * FROM samples ORDER BY timestamp_ms, vehicle, seq")
    with kept.engine.connect() as connection:
        before = [dict(row) for row in connection.execute(query).mappings()][: ROWS * 3]
    kept.retain()
    after = [row for day in DUE for row in pq.read_table(kept.path(SAMPLES, day), partitioning=None).to_pylist()]
    assert [{name: row[name] for name in before[0]} for row in after] == before
    schema = pq.read_schema(kept.path(SAMPLES, DUE[0]))
    assert json.loads(schema.metadata[b"geo"])["version"] == "1.1.0"
    assert (schema.field("late").type, schema.field("seq").type) == (pa.int16(), pa.int64())
    drawn = geopandas.read_parquet(kept.path(SAMPLES, DUE[0]))
    assert drawn.crs == "OGC:CRS84"
    assert (drawn.geometry.x == drawn.lon).all()
    whole = pq.read_table(kept.rules.directory / "samples")
    assert (whole.num_rows, len(set(whole.column("day").to_pylist()))) == (ROWS * 3, 3)
    [told] = pq.read_table(kept.path(REJECTS, DUE[0]), partitioning=None).to_pylist()
    assert (told["payload"], told["reason"], told["arrivals"]) == (b"\x00\xff no JSON", "malformed_json", 2)


def test_the_chains_continue_behind_the_cut(kept: Kept) -> None:
    kept.retain()
    store = open_store(kept.engine)
    for worker in ("w0", "w1"):
        batch = judged_batch(ROWS, first_seq=900, start_ms=NOW_MS, vehicles=7 if worker == "w0" else 3)
        store.commit(replace(flush_of(batch), worker=worker))
    assert kept.faults() == []


def test_a_chain_that_left_as_a_whole_is_whole(kept: Kept) -> None:
    old = judged_batch(ROWS, first_seq=700, start_ms=DUE[0] * DAY_MS + 7_200_000)
    open_store(kept.engine).commit(replace(flush_of(old), worker="retired"))
    kept.retain()
    with reading_session(kept.engine) as session:
        assert session.scalar(select(SampleSeal.id).where(SampleSeal.chain == "retired")) is None
    assert kept.faults() == []


def test_evidence_of_an_open_incident_stays(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    middle_ms = DUE[1] * DAY_MS + DAY_MS // 2
    windows = [(1, middle_ms - 90_000, middle_ms + 30_000)]
    monkeypatch.setattr("app.services.retention.open_incident_windows", lambda _session: windows)
    kept.retain()
    assert kept.days() == [DUE[1], *DAYS[3:]]
    assert kept.faults() == []
    windows.clear()
    assert len(kept.retain()) == 1
    assert kept.days() == list(DAYS[3:])
    assert kept.faults() == []


class Killed(BaseException):
    """Nothing catches it: as if the process were gone."""


_STEPS = (
    "write_day",
    "content_faults",
    "described_files",
    "move_into_place",
    "record_archive",
    "leaving",
    "record_emptied",
    "cut_chains",
    "cut_blocks",
)


@pytest.mark.parametrize("step", _STEPS)
@pytest.mark.parametrize("is_done", [True, False])
def test_killed_at_any_step_the_next_one_finishes(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, step: str, *, is_done: bool
) -> None:
    real = getattr(retention, step)

    def killed(*arguments: object, **named: object) -> object:
        if is_done:
            real(*arguments, **named)
        raise Killed

    times = 0

    def killed_the_second_time(*arguments: object, **named: object) -> object:
        nonlocal times
        times += 1
        return killed(*arguments, **named) if times == 2 else real(*arguments, **named)

    monkeypatch.setattr(retention, step, killed_the_second_time)
    with pytest.raises(Killed):
        kept.retain()
    assert (kept.faults(), kept.archive_faults()) == ([], []), "what is half done is no damage"
    kept.retain()
    assert kept.days() == list(DAYS[3:])
    assert kept.count(SampleArchive) == len(DUE)
    assert kept.count(SampleSeal) == 2
    assert kept.count(RejectRow) == 1
    assert kept.faults() == []
    assert kept.archive_faults() == []
    assert {path.name for path in kept.rules.directory.iterdir()} == {".lock", "samples", "seals", "rejects"}


def test_a_day_that_was_altered_stays_and_is_named(kept: Kept) -> None:
    end_ms = (DUE[0] + 1) * DAY_MS
    with changing(kept.engine).begin() as connection:
        connection.execute(update(Sample).where(Sample.timestamp_ms < end_ms).values(seq=Sample.seq + 5_000))
    with pytest.raises(DayDamaged, match="faults"):
        kept.retain()
    assert kept.days() == [DUE[0], *DAYS[3:]]
    assert FaultKind.SAMPLE_UNKNOWN in kept.faults()


# --- somebody with all rights -----------------------------------------------------------------


Change = Callable[[pa.Table], pa.Table]


def rewritten(path: Path, change: Change) -> None:
    """The file as somebody writes it anew, with the metadata that it had."""
    table = pq.read_table(path, partitioning=None)
    pq.write_table(change(table).replace_schema_metadata(table.schema.metadata), path, compression="zstd")


def exchanged(table: pa.Table) -> pa.Table:
    """The third and the fifth sample with each other's values, each under its own key."""
    rows = table.to_pylist()
    keys = [{name: row[name] for name in ("timestamp_ms", "vehicle", "seq")} for row in rows]
    rows[2], rows[4] = rows[4] | keys[2], rows[2] | keys[4]
    return pa.Table.from_pylist(rows, schema=table.schema)


def faster(table: pa.Table) -> pa.Table:
    rows = table.to_pylist()
    rows[6]["speed_mps"] = 3.0
    return pa.Table.from_pylist(rows, schema=table.schema)


def test_samples_altered_deleted_exchanged_or_moved_in_a_file_are_named(kept: Kept) -> None:
    kept.retain()
    path = kept.path(SAMPLES, DUE[0])
    original = path.read_bytes()
    for change, words in (
        (faster, "seq 1 was altered (block 1 of chain w0)"),
        (lambda table: table.slice(1), "is missing (block 1 of chain w0)"),
        (exchanged, "were exchanged"),
        (lambda table: pa.concat_tables([table, table.slice(5, 1)]), "was never sealed"),
        (lambda table: table.drop_columns(["speed_mps"]), "its columns are not those of samples"),
    ):
        path.write_bytes(original)
        rewritten(path, change)
        found = kept.archive_faults()
        assert f"{SAMPLES.file_name(DUE[0])} was altered" in found
        assert any(words in fault for fault in found), (words, found)


def test_files_that_are_gone_cut_off_damaged_or_put_there_are_named(kept: Kept) -> None:
    kept.retain()
    first, second, third = (kept.path(SAMPLES, day) for day in DUE)
    first.write_bytes(first.read_bytes()[:-100])
    second.unlink()
    damaged = bytearray(third.read_bytes())
    damaged[300] ^= 1  # in the first page
    third.write_bytes(damaged)
    kept.path(SEALS, DUE[1]).write_bytes(b"no Parquet")
    shutil.copy(first, first.with_name("part-1.parquet"))
    found = kept.archive_faults()
    for words in (
        f"{SAMPLES.file_name(DUE[0])}: it is damaged: it cannot be opened",
        f"{SAMPLES.file_name(DUE[1])} is missing or cannot be read",
        f"{SEALS.file_name(DUE[1])}: it is damaged: it cannot be opened",
        f"{SAMPLES.file_name(DUE[2])}: part 1 of 1 is damaged",
        "part-1.parquet belongs to no day that is in the archive",
    ):
        assert any(words in fault for fault in found), (words, found)
    assert sum("is missing (block" in fault for fault in found) == ROWS, "all samples of the damaged part"


def test_a_day_that_is_only_said_to_be_archived_is_missed(kept: Kept) -> None:
    """Deleting samples and writing a row about a file: the audit log does not know of it."""
    day = DAYS[4]
    said = {"day": day, "files": {}, "samples": 1, "blocks": 1, "rejects": 0}
    with changing(kept.engine).begin() as connection:
        connection.execute(delete(Sample).where(Sample.timestamp_ms >= day * DAY_MS))
        connection.execute(insert(SampleArchive).values(**said, archived_at_ms=1))
    found = kept.faults()
    assert FaultKind.ARCHIVE_UNKNOWN in found
    assert found.count(FaultKind.SAMPLE_MISSING) == ROWS


def test_an_archived_day_that_is_no_longer_listed_is_missed(kept: Kept) -> None:
    kept.retain()
    with changing(kept.engine).begin() as connection:
        connection.execute(delete(SampleArchive).where(SampleArchive.day == DUE[1]))
    assert kept.faults() == [FaultKind.ARCHIVE_MISSING]
    assert len(kept.archive_faults()) == len(KINDS), "its files belong to no day"


def test_a_cut_that_the_audit_log_does_not_know_is_told(kept: Kept) -> None:
    with changing(kept.engine).begin() as connection:
        connection.execute(
            text("INSERT INTO seal_cuts (chain, number, hash, cut_at_ms) VALUES ('w0', 1, :hash, 1)"),
            {"hash": b"h" * 32},
        )
        connection.execute(text("DELETE FROM sample_seals WHERE chain = 'w0' AND number = 1"))
    found = kept.faults()
    assert FaultKind.CUT_UNKNOWN in found
    assert FaultKind.BLOCK_MISSING in found


def test_only_blocks_behind_a_cut_can_be_deleted(kept: Kept) -> None:
    kept.retain()
    with pytest.raises(DBAPIError, match="append-only"), changing(kept.engine).begin() as connection:
        connection.execute(text("DELETE FROM sample_seals WHERE chain = 'w0'"))
    assert kept.faults() == []


def test_the_audit_log_tells_of_every_step(kept: Kept) -> None:
    kept.retain()
    with reading_session(kept.engine) as session:
        actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.number)).all()
        cuts = {cut.chain for cut in session.scalars(select(SealCut))}
    assert actions.count("archive.written") == actions.count("archive.emptied") == len(DUE)
    assert "seal.cut" in actions
    assert cuts == {"w0", "w1"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, kept: Kept) -> None:
    monkeypatch.setenv("PILOTAGE_SECRET_KEY", "0123456789abcdef0123456789abcdef")
    monkeypatch.setenv("PILOTAGE_DATABASE_URL", kept.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("PILOTAGE_HOME", str(kept.rules.directory.parent))


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_commands_retain_and_verify_everything(kept: Kept) -> None:
    done = CliRunner().invoke(main, ["retain"])
    assert (done.exit_code, "days moved" in done.output) == (0, True), done.output
    good = CliRunner().invoke(main, ["verify"])
    assert (good.exit_code, "--- nothing was altered" in good.output) == (0, True), good.output
    kept.path(SAMPLES, DUE[0]).unlink()
    bad = CliRunner().invoke(main, ["verify"])
    assert (bad.exit_code, "--- altered: archive" in bad.output) == (1, True), bad.output


def test_only_one_process_moves_days_at_a_time(kept: Kept) -> None:
    with sole_user(kept.rules.directory), pytest.raises(Conflict):
        kept.retain()
    assert len(kept.retain()) == len(DUE)


def test_a_day_that_changes_just_before_it_is_recorded_stays(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample more, or an incident: the files that nobody recorded go."""
    real, first = retention.record_archive, True

    def late(*arguments: object, **named: object) -> object:
        nonlocal first
        if first:
            first = False
            raise Conflict("the day has changed while it was written")
        return real(*arguments, **named)  # type: ignore[arg-type]  # handed on as they are

    monkeypatch.setattr(retention, "record_archive", late)
    assert len(kept.retain()) == len(DUE) - 1
    assert kept.files() == names_of(DUE[1:])
    assert len(kept.retain()) == 1
    assert kept.faults() == []


def test_a_flush_is_not_disturbed(kept: Kept) -> None:
    """What arrives meanwhile is stored and sealed as ever."""
    store = open_store(kept.engine)
    kept.retain()
    store.commit(Flush("w9", NOW_MS, judged_batch(ROWS, first_seq=500, start_ms=NOW_MS), (), (), ()))
    assert kept.count(Sample) == ROWS * 3
    assert kept.faults() == []
