"""A day that left for the archive is asked for again: it is there, proven, for a time, and leaves once more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, select, text, update

from app import archive_restore
from app.archive_restore import restore_day
from app.calendar import utc_date
from app.cli import main
from app.database import changing, changing_session, reading_session, snapshot_connection
from app.errors import Conflict, DayDamaged, InvalidChange, NotFound
from app.evidence.content import read_content
from app.evidence.verify import faults_in
from app.models import AuditEntry, RejectRow, Sample, SampleArchive, SampleSeal
from app.retention import Retention, retain
from app.seal_faults import FaultKind
from app.services.fleet_trails import fleet_section
from app.services.liability import liability_view
from app.services.seal_anchors import anchor_now
from app.services.trails import trail
from app.services.vehicles import vehicle_by_id
from app.storage.archive import SAMPLES, SEALS
from tests.app.archived import DAY_MS, DAYS, DUE, NOW_MS, ROWS, Kept, five_days
from tests.app.evidence import scene

MONTH_MS = 30 * DAY_MS


@pytest.fixture
def kept(engine: Engine, tmp_path: Path) -> Kept:
    """Three of five days are in the archive."""
    made = five_days(engine, tmp_path / "archive")
    made.retain()
    return made


def restore(kept: Kept, day: int, *, until_ms: int = NOW_MS + MONTH_MS, now_ms: int = NOW_MS) -> SampleArchive:
    return restore_day(kept.engine, day, kept.rules.directory, until_ms=until_ms, now_ms=now_ms)


def rows(engine: Engine, day: int) -> list[tuple[object, ...]]:
    query = select(Sample.__table__).where(*SAMPLES.of_day(day)).order_by(*SAMPLES.order)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_a_restored_day_is_what_it_was_and_leaves_again(engine: Engine, tmp_path: Path) -> None:
    kept = five_days(engine, tmp_path / "archive")
    before = rows(engine, DUE[0])
    kept.retain()
    restore(kept, DUE[0])
    assert rows(engine, DUE[0]) == before
    assert (kept.faults(), kept.archive_faults(), kept.retain()) == ([], [], [])
    assert kept.days() == [DUE[0], *DAYS[3:]]
    assert kept.count(RejectRow) == 2
    kept.retain(NOW_MS + MONTH_MS)
    assert DUE[0] not in kept.days()
    assert kept.count(RejectRow) == 1
    assert kept.count(SampleSeal) <= 2
    assert (kept.faults(), kept.archive_faults()) == ([], [])
    with reading_session(engine) as session:
        wanted = select(AuditEntry.action).where(AuditEntry.subject_id == utc_date(DUE[0])).order_by(AuditEntry.number)
        told = [action.partition(".")[2] for action in session.scalars(wanted)]
    assert told == ["written", "emptied", "restoring", "restored", "leaving", "emptied"]


def test_the_blocks_up_to_the_next_anchor_come_with_it(kept: Kept) -> None:
    """Chain w0 has a block on the first, the third and the last day, and one anchor after all of them."""
    restore(kept, DUE[0])
    with reading_session(kept.engine) as session:
        numbers = session.scalars(select(SampleSeal.number).where(SampleSeal.chain == "w0")).all()
    assert sorted(numbers) == [1, 2, 3]


def test_asked_for_again_it_stays_longer_and_evidence_of_an_open_incident_stays_at_all(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    restore(kept, DUE[0])
    restore(kept, DUE[0], until_ms=NOW_MS + 2 * MONTH_MS)
    kept.retain(NOW_MS + MONTH_MS)
    assert DUE[0] in kept.days()
    windows = [(1, DUE[0] * DAY_MS, DUE[0] * DAY_MS + 1)]
    monkeypatch.setattr("app.services.retention.open_incident_windows", lambda _session: windows)
    kept.retain(NOW_MS + 3 * MONTH_MS)
    assert DUE[0] in kept.days()


class Killed(BaseException):
    """Nothing catches it: as if the process were gone."""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("step", ["record_restoring", "_insert", "_missing_links", "record_restored"])
@pytest.mark.parametrize("is_done", [True, False])
def test_killed_at_any_step_the_next_one_finishes(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, step: str, *, is_done: bool
) -> None:
    real: Callable[..., object] = getattr(archive_restore, step)

    def killed(*arguments: object, **named: object) -> object:
        if is_done:
            real(*arguments, **named)
        raise Killed

    monkeypatch.setattr(archive_restore, step, killed)
    with pytest.raises(Killed):
        restore(kept, DUE[0])
    assert (kept.faults(), kept.archive_faults()) == ([], []), "what is half done is no damage"
    monkeypatch.setattr(archive_restore, step, real)
    restore(kept, DUE[0])
    assert len(rows(kept.engine, DUE[0])) == ROWS
    assert (kept.faults(), kept.archive_faults()) == ([], [])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_cannot_be_restored_is_refused(kept: Kept) -> None:
    with pytest.raises(NotFound):
        restore(kept, DAYS[4])
    path = kept.path(SEALS, DUE[1])
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(DayDamaged, match="was altered"):
        restore(kept, DUE[1])
    with changing(kept.engine).begin() as connection:
        connection.execute(update(SampleArchive).where(SampleArchive.day == DUE[0]).values(emptied_at_ms=None))
    with pytest.raises(Conflict):
        restore(kept, DUE[0])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_done_to_a_restored_day_is_found(kept: Kept) -> None:
    restore(kept, DUE[0])
    with changing(kept.engine).begin() as connection:
        connection.execute(text("DELETE FROM samples WHERE timestamp_ms = (SELECT min(timestamp_ms) FROM samples)"))
    assert kept.faults() == [FaultKind.SAMPLE_MISSING]
    with changing(kept.engine).begin() as connection:
        connection.execute(text("DROP TRIGGER sample_seals_no_update"))
        connection.execute(text("UPDATE sample_seals SET hash = zeroblob(32) WHERE chain = 'w0' AND number = 1"))
    assert "block 1 of chain w0 was altered" in kept.archive_faults()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_trails_replays_liability_and_bundles_say_that_the_day_is_archived_until_it_is_restored(
    engine: Engine, tmp_path: Path
) -> None:
    scene.street(engine)
    with changing_session(engine) as session:
        anchor_now(session, scene.MOMENT_MS + 60_000)
    day, later_ms = scene.MOMENT_MS // DAY_MS, scene.MOMENT_MS + 500 * DAY_MS
    assert retain(engine, later_ms, Retention(402, tmp_path)) == [utc_date(day)]
    since_ms, until_ms = scene.MOMENT_MS - 60_000, scene.MOMENT_MS

    def points() -> int:
        with reading_session(engine) as session:
            [found] = trail(session, vehicle_by_id(session, scene.CAR), since_ms=since_ms, until_ms=until_ms).trails
            return found.total

    def replayed() -> int:
        with reading_session(engine) as session:
            return len(fleet_section(session, since_ms=since_ms, until_ms=until_ms, step_ms=1_000).vehicles)

    def spans() -> int:
        with reading_session(engine) as session:
            vehicle = vehicle_by_id(session, scene.CAR)
            return len(liability_view(session, vehicle, scene.MOMENT_MS, now_ms=later_ms).samples)

    def bundled() -> int:
        with snapshot_connection(engine) as connection:
            return len(read_content(connection, scene.scope(engine), is_last_try=True).tracks.own)

    for look in (points, replayed, spans, bundled):
        with pytest.raises(InvalidChange, match=f"pilotage archive restore {utc_date(day)}") as refused:
            look()
        assert refused.value.code == "day_archived"
    restore_day(engine, day, tmp_path, until_ms=later_ms + MONTH_MS, now_ms=later_ms)
    assert all(look() for look in (points, replayed, spans, bundled))
    assert faults_in(scene.bundle(engine)) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_command_restores(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PILOTAGE_SECRET_KEY", "0123456789abcdef0123456789abcdef")
    monkeypatch.setenv("PILOTAGE_DATABASE_URL", kept.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("PILOTAGE_HOME", str(kept.rules.directory.parent))
    done = CliRunner().invoke(main, ["archive", "restore", utc_date(DUE[0]), "--days", "3"])
    assert (done.exit_code, f"{ROWS} samples" in done.output) == (0, True), done.output
    never = (date(1970, 1, 1) + timedelta(days=5)).isoformat()
    gone = CliRunner().invoke(main, ["archive", "restore", never])
    assert (gone.exit_code, "is not in the archive" in gone.output) == (1, True), gone.output
