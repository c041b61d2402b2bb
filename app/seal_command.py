"""What `pilotage verify samples` says, and `pilotage verify` of everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import select

from app.administration import run_audit_check
from app.archive_check import archive_faults
from app.archive_restore import restore_day
from app.database import migrated_engine, opened_engine, snapshot_connection
from app.errors import InvalidChange
from app.evidence import verify
from app.models import Vehicle
from app.retention import Retention, retain
from app.seal_check import faults
from app.seal_faults import described
from app.seal_samples import Checked
from app.settings import Settings
from app.storage.archive import DAY_MS
from telemetry.clock import system_clock

#: A damaged database has faults by the million; this many are shown, all are counted.
REPORTED_FAULTS = 50


def run_seal_check(settings: Settings, since: str | None, until: str | None, *, report: Callable[[str], object]) -> int:
    """Report the faults of stored samples and their seals, or that they are whole; 0 when they are.

    Raises InvalidChange for what is no time.
    """
    since_ms, until_ms = (None if moment is None else _milliseconds(moment) for moment in (since, until))
    count, checked = 0, Checked()
    with opened_engine(settings.database_url) as engine, snapshot_connection(engine) as connection:
        names = {row.id: row.vehicle_id for row in connection.execute(select(Vehicle.id, Vehicle.vehicle_id))}
        for fault in faults(connection, checked, since_ms=since_ms, until_ms=until_ms):
            count += 1
            if count <= REPORTED_FAULTS:
                report(described(fault, names))
    report(f"{checked.samples} samples, {checked.blocks} blocks in {checked.chains} chains, {count} faults")
    report("the samples are not what was sealed" if count else "the samples are whole")
    return 1 if count else 0


def run_archive_check(settings: Settings, *, report: Callable[[str], object]) -> int:
    """Report what is wrong with the archive's files, or that they are whole; 0 when they are."""
    count = 0
    with migrated_engine(settings.database_url) as engine:
        for fault in archive_faults(engine, settings.archive_directory):
            count += 1
            if count <= REPORTED_FAULTS:
                report(fault)
    report(f"the archive is not what was written; faults: {count}" if count else "the archive is whole")
    return 1 if count else 0


def run_retention(settings: Settings, *, report: Callable[[str], object]) -> None:
    """Archive what is due and report each file. Raises DayDamaged for days that stay since they were altered."""
    rules = Retention(settings.keep_samples_days, settings.archive_directory)
    with migrated_engine(settings.database_url) as engine:
        written = retain(engine, system_clock(), rules)
    for day in written:
        report(day)
    report(f"{len(written)} days moved to {rules.directory}")


def run_restore(settings: Settings, day: date, days: int, *, report: Callable[[str], object]) -> None:
    """Bring a day of the archive back into the database for so many days. Raises what `restore_day` does."""
    now_ms = system_clock()
    number = (day - date(1970, 1, 1)).days
    with migrated_engine(settings.database_url) as engine:
        archive = restore_day(
            engine, number, settings.archive_directory, until_ms=now_ms + days * DAY_MS, now_ms=now_ms
        )
    report(f"{archive.samples} samples of {day} (UTC) are in the database again for {days} days")


def run_all_checks(settings: Settings, bundles: Sequence[Path], *, report: Callable[[str], object]) -> int:
    """The audit log, the samples and these bundles, each under its name; 0 when nothing was altered."""
    checks: list[tuple[str, Callable[[], int]]] = [
        ("audit log", partial(run_audit_check, settings, None, report=report)),
        ("samples", partial(run_seal_check, settings, None, None, report=report)),
    ]
    checks.append(("archive", partial(run_archive_check, settings, report=report)))
    checks += [(f"bundle {path.name}", partial(verify.run, str(path), None, None, report=report)) for path in bundles]
    altered = []
    for name, check in checks:
        report(f"--- {name}")
        if check():
            altered.append(name)
    report(f"--- altered: {', '.join(altered)}" if altered else "--- nothing was altered")
    return 1 if altered else 0


def _milliseconds(moment: str) -> int:
    try:
        found = datetime.fromisoformat(moment)
    except ValueError as error:
        raise InvalidChange(f"{moment} is no time such as 2026-11-22T08:00+08:00") from error
    return round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
