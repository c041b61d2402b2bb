"""Old days leave for the archive: nothing is lost, nothing is unseen, whoever is killed when."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from app import retention
from app.audit import Subject, record
from app.cli import main
from app.database import changing, changing_session, reading_session, snapshot_connection
from app.models import AuditEntry, Sample, SampleArchive, SampleSeal, SealCut
from app.retention import DayDamaged, Retention, archive_faults, file_faults, retain
from app.seal_check import Checked, faults
from app.seal_faults import FaultKind
from app.services.seal_anchors import anchor_now
from app.storage import open_store
from telemetry.ports import Flush
from tests.app.batches import flush_of, judged_batch

DAY_MS = 86_400_000
TODAY = 20_000
NOW_MS = TODAY * DAY_MS + 1_000
KEEP_DAYS = 402
#: Five days of samples: the first three are older than what is kept.
DAYS = (TODAY - 500, TODAY - 499, TODAY - 450, TODAY - 402, TODAY - 1)
DUE = DAYS[:3]
ROWS = 40


@dataclass(frozen=True)
class Kept:
    engine: Engine
    rules: Retention

    def retain(self) -> list[str]:
        return retain(self.engine, NOW_MS, self.rules)

    def days(self) -> list[int]:
        with reading_session(self.engine) as session:
            days = session.scalars(select(Sample.timestamp_ms / DAY_MS)).all()
            return sorted({int(day) for day in days})

    def faults(self) -> list[FaultKind]:
        with snapshot_connection(self.engine) as connection:
            return [fault.kind for fault in faults(connection, Checked())]

    def files(self) -> list[Path]:
        return sorted(self.rules.directory.glob("*"))

    def count(self, model: type[SampleSeal | SampleArchive | Sample]) -> int:
        with reading_session(self.engine) as session:
            return session.scalars(select(func.count()).select_from(model)).one()


@pytest.fixture
def kept(engine: Engine, tmp_path: Path) -> Kept:
    """Two workers' samples of five days, anchored."""
    store = open_store(engine)
    for number, day in enumerate(DAYS):
        batch = judged_batch(ROWS, first_seq=1 + number * 10, start_ms=day * DAY_MS + 3_600_000)
        store.commit(replace(flush_of(batch), worker=f"w{number % 2}"))
    with changing_session(engine) as session:
        anchor_now(session, NOW_MS)
    return Kept(engine, Retention(KEEP_DAYS, tmp_path / "archive"))


def test_days_that_were_kept_long_enough_are_in_the_archive_and_nowhere_else(kept: Kept) -> None:
    names = kept.retain()
    assert [path.name for path in kept.files()] == sorted(names)
    assert len(names) == len(DUE)
    assert kept.days() == list(DAYS[3:])
    assert kept.count(SampleSeal) == 2, "chains begin behind what is gone"
    assert kept.faults() == []
    assert list(archive_faults(kept.engine, kept.rules.directory)) == []
    assert kept.retain() == []


def test_a_file_is_a_map_and_holds_the_very_values(kept: Kept) -> None:
    with kept.engine.connect() as connection:
        query = text("SELECT * FROM samples ORDER BY timestamp_ms, vehicle, seq")
        before = [dict(row) for row in connection.execute(query).mappings()][: ROWS * 3]
    kept.retain()
    after = []
    for path in kept.files():
        with closing(sqlite3.connect(path)) as file:
            file.row_factory = sqlite3.Row
            after += [dict(row) for row in file.execute(str(query))]
    assert [{name: row[name] for name in before[0]} for row in after] == before
    drawn = geopandas.read_file(kept.files()[0], layer="samples")
    assert drawn.crs.to_epsg() == 4326
    assert (drawn.geometry.x == drawn.lon).all()


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
    "write_archive",
    "file_faults",
    "move_into_place",
    "record_archive",
    "not_emptied",
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
    assert kept.faults() == [], "what is half done is no damage"
    kept.retain()
    assert kept.days() == list(DAYS[3:])
    assert kept.count(SampleArchive) == len(DUE)
    assert kept.count(SampleSeal) == 2
    assert kept.faults() == []
    assert list(archive_faults(kept.engine, kept.rules.directory)) == []


def test_a_day_that_was_altered_stays_and_is_named(kept: Kept) -> None:
    end_ms = (DUE[0] + 1) * DAY_MS
    with changing(kept.engine).begin() as connection:
        connection.execute(update(Sample).where(Sample.timestamp_ms < end_ms).values(seq=Sample.seq + 5_000))
    with pytest.raises(DayDamaged, match="faults"):
        kept.retain()
    assert kept.days() == [DUE[0], *DAYS[3:]]
    assert FaultKind.SAMPLE_UNKNOWN in kept.faults()


# --- somebody with all rights -----------------------------------------------------------------


def test_files_that_were_altered_or_are_gone_are_named(kept: Kept) -> None:
    kept.retain()
    first, second, third = kept.files()
    with closing(sqlite3.connect(first)) as file, file:
        file.execute("UPDATE samples SET speed_mps = 3 WHERE fid = 7")
    second.unlink()
    third.write_bytes(b"no database")
    found = list(archive_faults(kept.engine, kept.rules.directory))
    assert any(first.name in fault and "was altered (block" in fault for fault in found), found
    assert f"{second.name} is missing or cannot be read" in found
    assert any(third.name in fault and "damaged" in fault for fault in found)
    assert len(file_faults(first)) == 1


def test_a_day_that_is_only_said_to_be_archived_is_missed(kept: Kept) -> None:
    """Deleting samples and writing a row about a file: the audit log does not know of it."""
    day = DAYS[4]
    said = {"day": day, "file_name": "x.gpkg", "sha256": b"h" * 32, "size_bytes": 1, "samples": 1, "blocks": 1}
    with changing(kept.engine).begin() as connection:
        connection.execute(delete(Sample).where(Sample.timestamp_ms >= day * DAY_MS))
        connection.execute(insert(SampleArchive).values(**said, archived_at_ms=1))
    found = kept.faults()
    assert FaultKind.ARCHIVE_UNKNOWN in found
    assert found.count(FaultKind.SAMPLE_MISSING) == ROWS


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
    kept.files()[0].unlink()
    bad = CliRunner().invoke(main, ["verify"])
    assert (bad.exit_code, "--- altered: archive" in bad.output) == (1, True), bad.output


def test_two_processes_at_once_archive_each_day_once(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one is faster by a whole day, just before this one records it."""
    real, first = retention.record_archive, True

    def late(*arguments: object, **named: object) -> object:
        nonlocal first
        if first:
            first = False
            with changing_session(kept.engine) as session:  # what was written is no more what is stored
                record(session, "test.nothing", Subject("test", "1"), actor=None, now_ms=1)
            monkeypatch.setattr(retention, "record_archive", real)
            raise retention.Conflict("somebody else was faster")
        return real(*arguments, **named)  # type: ignore[arg-type]  # handed on as they are

    monkeypatch.setattr(retention, "record_archive", late)
    assert len(kept.retain()) == len(DUE) - 1
    assert len(kept.files()) == len(DUE) - 1, "the file of the one that lost is gone"
    assert len(kept.retain()) == 1
    assert kept.faults() == []


def test_a_flush_is_not_disturbed(kept: Kept) -> None:
    """What arrives meanwhile is stored and sealed as ever."""
    store = open_store(kept.engine)
    kept.retain()
    store.commit(Flush("w9", NOW_MS, judged_batch(ROWS, first_seq=500, start_ms=NOW_MS), (), (), ()))
    assert kept.count(Sample) == ROWS * 3
    assert kept.faults() == []
