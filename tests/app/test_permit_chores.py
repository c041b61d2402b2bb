from __future__ import annotations

import logging
import threading
from datetime import date

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from app.audit import PLATFORM, Subject, record
from app.chores import CHORES, Chore, ChoreBook, ChoreThread
from app.database import changing_session, open_engine, reading_session
from app.models import AuditEntry, ImportDraft, Notice
from app.services.notices import mark_all_read, mark_read, notices_for, notify, unread_count
from app.services.officers import record_licence
from app.services.organisations import organisation_by_code
from app.services.permit_life import Decision
from app.services.permits import permit_by_number, revise_permit
from app.services.reminders import reminders_due
from app.services.vehicles import vehicle_by_id
from telemetry.ports import PermitState
from tests.app.permit_cast import (
    DAY_MS,
    MANAGER,
    NOW,
    NUMBER,
    REGULATOR,
    decided,
    issue,
    newest,
    person,
    register_everything,
)

BY_NAME = {chore.name: chore for chore in CHORES}


@pytest.fixture
def register(engine: Engine) -> Engine:
    register_everything(engine)
    with changing_session(engine) as session:
        issue(session)
    return engine


def done(engine: Engine, name: str, now_ms: int) -> None:
    BY_NAME[name].run(engine, now_ms)


def told(session: Session) -> set[tuple[str, str, str]]:
    return {(row.kind, row.subject_id, row.occasion.partition(":")[0]) for row in session.scalars(select(Notice))}


# --- expiry -----------------------------------------------------------------------------------


@pytest.mark.parametrize("decision", [None, Decision.SUSPENDED])
def test_a_permit_expires_once_by_the_platform(register: Engine, decision: Decision | None) -> None:
    if decision is not None:
        with changing_session(register) as session:
            decided(session, decision, seen=1)
    with reading_session(register) as session:
        alive = newest(session).number
    done(register, "expire_permits", NOW + 100 * DAY_MS - 1)
    for _twice in range(2):
        done(register, "expire_permits", NOW + 100 * DAY_MS)
    with reading_session(register) as session:
        last = newest(session)
        assert (last.state, last.number, last.actor_id) == (PermitState.EXPIRED, alive + 1, None)
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.number.desc()).limit(1)).one()
        assert (entry.action, entry.actor) == ("permit.expired", PLATFORM)
        assert ("permit.expired", NUMBER, str(last.number)) in told(session)


@pytest.mark.parametrize("decision", [Decision.REVOKED, Decision.SURRENDERED])
def test_what_ended_otherwise_does_not_expire(register: Engine, decision: Decision) -> None:
    with changing_session(register) as session:
        decided(session, decision, seen=1)
    done(register, "expire_permits", NOW + 200 * DAY_MS)
    with reading_session(register) as session:
        assert newest(session).state.value == decision.value


def test_an_extended_permit_lives_on(register: Engine) -> None:
    with changing_session(register) as session:
        permit = permit_by_number(session, NUMBER)
        revise_permit(session, permit, reason="longer", now_ms=NOW + 1, valid_until_ms=NOW + 200 * DAY_MS)
    done(register, "expire_permits", NOW + 150 * DAY_MS)
    with reading_session(register) as session:
        assert newest(session).state is PermitState.ISSUED


def test_several_processes_let_a_permit_expire_once(register: Engine, database_url: str) -> None:
    barrier = threading.Barrier(3)
    failures: list[str] = []

    def process() -> None:
        own, book = open_engine(database_url), ChoreBook()
        chores = ChoreThread([BY_NAME["expire_permits"]], own, lambda: NOW + 100 * DAY_MS, book)
        barrier.wait(10)
        chores.step()
        failures.extend(name for name, record in book.records().items() if record.failing)
        own.dispose()

    threads = [threading.Thread(target=process) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    with reading_session(register) as session:
        assert newest(session).number == 2


# --- reminders --------------------------------------------------------------------------------


def test_the_holder_and_the_regulators_are_reminded_of_the_end_of_a_permit(register: Engine) -> None:
    end_ms = NOW + 100 * DAY_MS
    expected: set[tuple[str, str, str]] = set()
    with reading_session(register) as session:
        before = told(session)
    for days_left, occasion in ((31, None), (30, "30d"), (8, None), (7, "7d"), (7, None), (1, "1d"), (0, None)):
        done(register, "remind", end_ms - days_left * DAY_MS)
        expected |= {("permit.ending", NUMBER, occasion)} if occasion else set()
        with reading_session(register) as session:
            assert told(session) - before == expected
    with reading_session(register) as session:
        reminders = session.scalars(select(Notice).where(Notice.kind == "permit.ending")).all()
        assert all(row.organisation_id and row.jurisdiction_id for row in reminders)


def test_a_late_start_sends_only_the_newest_reminder(register: Engine) -> None:
    done(register, "remind", NOW + 95 * DAY_MS)
    with reading_session(register) as session:
        assert {occasion for kind, _, occasion in told(session) if kind == "permit.ending"} == {"7d"}


def test_a_permit_that_has_ended_is_not_reminded_of(register: Engine) -> None:
    with changing_session(register) as session:
        decided(session, Decision.REVOKED, seen=1)
    done(register, "remind", NOW + 99 * DAY_MS)
    with reading_session(register) as session:
        assert "permit.ending" not in {kind for kind, _, _ in told(session)}


def test_what_was_told_is_not_due_again(register: Engine) -> None:
    at_ms = NOW + 95 * DAY_MS
    with reading_session(register) as session:
        assert "permit.ending" in {each.ending.kind for each in reminders_due(session, at_ms)}
    done(register, "remind", at_ms)
    with reading_session(register) as session:
        assert reminders_due(session, at_ms) == []


def test_licences_and_insurance_are_reminded_of_and_again_after_a_renewal(register: Engine) -> None:
    with changing_session(register) as session:
        holder = organisation_by_code(session, "NORTH")
        insured = vehicle_by_id(session, "N-1")
        insured.insured_until = date(2024, 11, 28)
        record(session, "vehicle.changed", Subject("vehicle", "N-1"), actor=None, now_ms=NOW)
        for days in (5, 400):
            record_licence(
                session,
                officer_id=f"SO-{1 if days == 5 else 2}",
                organisation=holder,
                expires_at_ms=NOW + days * DAY_MS,
                now_ms=NOW,
            )
    done(register, "remind", NOW)
    with changing_session(register) as session:
        reminded = {entry for entry in told(session) if entry[0].endswith(".ending")}
        assert reminded == {("licence.ending", "SO-1", "7d"), ("insurance.ending", "N-1", "30d")}
        record_licence(
            session,
            officer_id="SO-1",
            organisation=organisation_by_code(session, "NORTH"),
            expires_at_ms=NOW + 6 * DAY_MS,
            now_ms=NOW + 1,
        )
    done(register, "remind", NOW + 2)
    with reading_session(register) as session:
        told_of = select(func.count()).select_from(Notice).where(Notice.subject_id == "SO-1")
        assert session.scalars(told_of).one() == 2


# --- drafts, the thread -----------------------------------------------------------------------


def test_previews_that_nobody_confirmed_are_cleared(register: Engine) -> None:
    with changing_session(register) as session:
        author = person(session, MANAGER)
        for name, age_days in (("old", 2), ("new", 0)):
            draft = ImportDraft(
                public_id=name,
                kind="vehicles",
                content={},
                created_by_id=author.id,
                created_at_ms=NOW - age_days * DAY_MS,
            )
            session.add(draft)
    done(register, "clear_imports", NOW)
    with reading_session(register) as session:
        assert session.scalars(select(ImportDraft.public_id)).all() == ["new"]


def test_a_chore_that_fails_is_logged_counted_and_tried_again(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    now_ms, calls = NOW, 0

    def fails_at_first(_engine: Engine, _now_ms: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("no luck")

    book = ChoreBook()
    chores = ChoreThread([Chore("luck", 3_600.0, fails_at_first)], engine, lambda: now_ms, book)
    with caplog.at_level(logging.ERROR):
        chores.step()
    assert "luck" in caplog.text
    assert (book.records()["luck"].failures, book.records()["luck"].failing) == (1, True)
    chores.step()
    assert calls == 1, "it waits before it tries again"
    now_ms += 120_000
    chores.step()
    found = book.records()["luck"]
    assert (calls, found.failing, found.last_success_ms) == (2, False, now_ms)
    now_ms += 3_000_000
    chores.step()
    assert calls == 2, "a success counts for the whole interval"


def test_the_thread_works_and_stops(engine: Engine) -> None:
    ran = threading.Event()
    chores = ChoreThread([Chore("once", 60.0, lambda _engine, _now: ran.set())], engine, lambda: NOW, ChoreBook())
    chores.start()
    assert ran.wait(30)
    chores.stop()


# --- notices ----------------------------------------------------------------------------------


def _tell(session: Session, occasion: str, now_ms: int = NOW) -> None:
    notify(
        session,
        kind="permit.issued",
        subject=Subject("permit", "X-1"),
        occasion=occasion,
        params={"number": "X-1"},
        now_ms=now_ms,
        organisation=organisation_by_code(session, "NORTH"),
    )


def test_a_notice_is_told_once_for_each_occasion(register: Engine) -> None:
    for _twice in range(2):
        with changing_session(register) as session:
            _tell(session, "1")
            _tell(session, "2")
    with reading_session(register) as session:
        assert session.scalars(select(func.count()).where(Notice.subject_id == "X-1")).one() == 2


def test_each_reads_for_themselves_and_only_what_is_theirs(register: Engine) -> None:
    with changing_session(register) as session:
        decided(session, Decision.SURRENDERED, seen=1, by=MANAGER)
        manager, regulator = person(session, MANAGER), person(session, REGULATOR)
        kinds = {
            reader.email: [row.kind for row, _ in notices_for(session, reader).items] for reader in (manager, regulator)
        }
        assert kinds == {MANAGER: ["permit.surrendered", "permit.issued"], REGULATOR: ["permit.surrendered"]}
        shared = notices_for(session, manager).items[0][0]
        assert mark_read(session, manager, shared.id, now_ms=NOW + 5) == (shared, NOW + 5)
        assert mark_read(session, manager, shared.id, now_ms=NOW + 9) == (shared, NOW + 5), "the first time counts"
        assert (unread_count(session, manager), unread_count(session, regulator)) == (1, 1)
        foreign = notices_for(session, manager).items[1][0]
        with pytest.raises(Exception, match="no such notice"):
            mark_read(session, regulator, foreign.id, now_ms=NOW)


def test_what_came_after_the_page_was_shown_stays_unread(register: Engine) -> None:
    with changing_session(register) as session:
        manager = person(session, MANAGER)
        shown = notices_for(session, manager).items[0][0].id
        _tell(session, "later")
        mark_all_read(session, manager, now_ms=NOW + 1, up_to=shown)
        assert unread_count(session, manager) == 1


def test_what_was_told_before_an_account_existed_waits_for_nobody(register: Engine) -> None:
    with changing_session(register) as session:
        _tell(session, "old", now_ms=NOW - 1)
        manager = person(session, MANAGER)
        assert unread_count(session, manager) == 1  # the permit's issue
        assert len(notices_for(session, manager).items) == 2


def test_notices_come_page_by_page(register: Engine) -> None:
    with changing_session(register) as session:
        for occasion in "abcde":
            _tell(session, occasion)
        manager = person(session, MANAGER)
        first = notices_for(session, manager, limit=4)
        rest = notices_for(session, manager, limit=4, cursor=first.next_cursor)
        assert (len(first.items), len(rest.items), rest.next_cursor) == (4, 2, None)
        assert not {row.id for row, _ in first.items} & {row.id for row, _ in rest.items}
