"""The audit log cannot be altered unseen, on either database."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection, Engine, Executable, delete, insert, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.audit import SUBJECTS, Subject, entry_hash, record
from app.audit_check import Anchor, faults, newest_anchor
from app.cli import main
from app.database import changing, changing_session, migrate, open_engine, reading_session
from app.errors import AlreadyRegistered, InvalidChange, UnauditedChange
from app.models import AuditEntry, Base, Organisation, Role, ServiceStatus, User, VehicleStatusRevision
from app.services.organisations import register_organisation
from app.services.users import create_user, disable_user
from app.services.vehicles import register_vehicle
from telemetry.samples import VehicleKind

NOW_MS = 1_772_337_600_000


@pytest.fixture
def log(engine: Engine) -> Engine:
    """Six entries."""
    for number in range(1, 7):
        with changing_session(engine) as session:
            register_organisation(
                session, code=f"o{number}", name_zh=f"机构{number}", name_en=f"Org {number}", now_ms=NOW_MS + number
            )
    return engine


def found(engine: Engine, expected: Anchor | None = None) -> list[str]:
    with reading_session(engine) as session:
        return list(faults(session, expected))


def anchor(engine: Engine) -> Anchor:
    with reading_session(engine) as session:
        head = newest_anchor(session)
    assert head is not None
    return head


def unlock(connection: Connection) -> None:
    """What somebody with all rights on the database does first."""
    if connection.dialect.name == "sqlite":
        for change in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER audit_entries_no_{change}"))
    else:
        connection.execute(text("DROP TRIGGER audit_entries_append_only ON audit_entries"))


def tamper(engine: Engine, *statements: str) -> None:
    with changing(engine).begin() as connection:
        unlock(connection)
        for statement in statements:
            connection.execute(text(statement))


def make_anew(engine: Engine, from_number: int, *, mend_head: bool = True) -> None:
    """Chain every entry from this one on again, as its author would have."""
    with Session(changing(engine)) as session, session.begin():
        entries = session.query(AuditEntry).order_by(AuditEntry.number).all()
        previous = bytes(32)
        for entry in entries:
            if entry.number >= from_number:
                entry.previous_hash = previous
                entry.hash = entry_hash(entry)
            previous = entry.hash
        if mend_head:
            session.execute(
                text("UPDATE audit_head SET number = :number, hash = :hash"),
                {"number": entries[-1].number, "hash": previous},
            )


def test_an_untouched_log_is_whole(log: Engine) -> None:
    assert found(log) == []
    assert found(log, anchor(log)) == []


def test_an_empty_log_is_whole(engine: Engine) -> None:
    assert found(engine) == []
    assert found(engine, anchor(engine)) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET reason = 'x'",
        "DELETE FROM audit_entries",
        "DELETE FROM audit_entries WHERE number = 2",
    ],
)
def test_the_database_itself_refuses(log: Engine, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), changing(log).begin() as connection:
        connection.execute(text(statement))
    assert found(log) == []


@pytest.mark.parametrize(
    "change",
    [
        "reason = 'another'",
        "actor = 'somebody@else.example'",
        "actor_id = 7",
        "action = 'organisation.removed'",
        "subject_id = 'o9'",
        "recorded_at_ms = recorded_at_ms - 1",
        "before = '{}'",
        "after = NULL",
    ],
)
def test_a_changed_entry_is_named(log: Engine, change: str) -> None:
    tamper(log, f"UPDATE audit_entries SET {change} WHERE number = 3")  # noqa: S608 -- the examples above
    assert found(log) == ["entry 3 was altered"]


def test_a_changed_entry_with_a_new_hash_breaks_the_chain(log: Engine) -> None:
    tamper(log, "UPDATE audit_entries SET reason = 'another' WHERE number = 3")
    with Session(changing(log)) as session, session.begin():
        entry = session.get_one(AuditEntry, 3)
        entry.hash = entry_hash(entry)
    assert found(log) == ["entry 4 does not follow the entry before it"]


def test_a_deleted_entry_is_missed(log: Engine) -> None:
    tamper(log, "DELETE FROM audit_entries WHERE number = 4")
    assert found(log) == ["entry 4 is missing"]


def test_several_deleted_entries_are_missed(log: Engine) -> None:
    tamper(log, "DELETE FROM audit_entries WHERE number IN (2, 3)")
    assert found(log) == ["entries 2 to 3 are missing"]


def test_a_swapped_pair_is_seen(log: Engine) -> None:
    tamper(
        log,
        "UPDATE audit_entries SET number = 99 WHERE number = 2",
        "UPDATE audit_entries SET number = 2 WHERE number = 3",
        "UPDATE audit_entries SET number = 3 WHERE number = 99",
    )
    told = found(log)
    assert "entry 2 was altered" in told
    assert "entry 3 was altered" in told


def test_an_invented_entry_is_seen(log: Engine) -> None:
    tamper(log, "UPDATE audit_entries SET number = 0 WHERE number = 1")
    told = found(log)
    assert told[0] == "entry 0 does not belong to the log"


def test_a_cut_tail_is_seen_by_the_head(log: Engine) -> None:
    tamper(log, "DELETE FROM audit_entries WHERE number > 4")
    assert found(log) == ["the log ends with entry 4, but its head names entry 6"]


def test_a_cut_tail_with_a_mended_head_is_seen_by_what_was_written_down(log: Engine) -> None:
    written_down = anchor(log)
    tamper(log, "DELETE FROM audit_entries WHERE number > 4")
    make_anew(log, 5)
    assert found(log) == []
    assert found(log, written_down) == [
        "entry 6 is not the one that was written down: the log was cut off or made anew"
    ]


def test_a_log_made_anew_is_seen_by_what_was_written_down(log: Engine) -> None:
    written_down = anchor(log)
    tamper(log, "UPDATE audit_entries SET reason = 'another' WHERE number = 2")
    make_anew(log, 2)
    assert found(log) == []
    assert len(found(log, written_down)) == 1


def test_what_came_later_does_not_disturb_an_old_anchor(log: Engine) -> None:
    written_down = anchor(log)
    with changing_session(log) as session:
        register_organisation(session, code="o7", name_zh="七", name_en="Seven", now_ms=NOW_MS)
    assert found(log, written_down) == []


def test_a_missing_head_is_told(log: Engine) -> None:
    tamper(log, "DELETE FROM audit_head")
    assert found(log) == ["the head of the log is missing"]


def test_rubbish_is_told_and_not_tripped_over(tmp_path: Path) -> None:
    """SQLite keeps any type in any column; PostgreSQL does not."""
    engine = open_engine(f"sqlite:///{tmp_path / 'log.sqlite3'}")
    migrate(engine)
    for number in range(1, 4):
        with changing_session(engine) as session:
            register_organisation(session, code=f"o{number}", name_zh="一", name_en="One", now_ms=NOW_MS)
    tamper(
        engine,
        "UPDATE audit_entries SET after = 'no JSON' WHERE number = 1",
        "UPDATE audit_entries SET recorded_at_ms = 'yesterday' WHERE number = 2",
        "UPDATE audit_entries SET hash = 'text' WHERE number = 3",
    )
    told = found(engine)
    assert [line for line in told if line.endswith("was altered")] == [f"entry {n} was altered" for n in (1, 2, 3)]
    engine.dispose()


def test_nothing_changes_untold(engine: Engine) -> None:
    with changing_session(engine) as session:
        register_organisation(session, code="o1", name_zh="一", name_en="One", now_ms=NOW_MS)
    with pytest.raises(UnauditedChange, match="Organisation"), changing_session(engine) as session:
        session.query(Organisation).one().name_en = "Another"
    with pytest.raises(UnauditedChange, match="Organisation"), changing_session(engine) as session:
        session.delete(session.query(Organisation).one())
    with reading_session(engine) as session:
        assert session.query(Organisation).one().name_en == "One"


def test_telling_of_one_thing_does_not_tell_of_another(engine: Engine) -> None:
    with changing_session(engine) as session:
        for code in ("o1", "o2"):
            register_organisation(session, code=code, name_zh="一", name_en="One", now_ms=NOW_MS)
    with pytest.raises(UnauditedChange, match="Organisation"), changing_session(engine) as session:
        _rename_both_and_tell_of_one(session)
    with reading_session(engine) as session:
        assert {each.name_en for each in session.query(Organisation)} == {"One"}


def _rename_both_and_tell_of_one(session: Session) -> None:
    for organisation in session.query(Organisation):
        organisation.name_en = "Another"
    record(session, "organisation.changed", Subject("organisation", "o1"), actor=None, now_ms=NOW_MS)


@pytest.mark.parametrize(("told", "is_kept"), [(Subject("vehicle", "v1"), True), (Subject("vehicle", "v2"), False)])
def test_a_revision_is_told_by_an_entry_about_what_it_revises(engine: Engine, told: Subject, *, is_kept: bool) -> None:
    with changing_session(engine) as session:
        owner = register_organisation(session, code="o1", name_zh="一", name_en="One", now_ms=NOW_MS)
        vehicle, _ = register_vehicle(
            session, vehicle_id="v1", kind=VehicleKind.ROAD, organisation=owner, now_ms=NOW_MS
        )
    outcome = nullcontext() if is_kept else pytest.raises(UnauditedChange, match="VehicleStatusRevision")
    with outcome, changing_session(engine) as session:
        _take_out_of_service(session, vehicle.id, told)
    with reading_session(engine) as session:
        assert session.query(VehicleStatusRevision).count() == int(is_kept)


def _take_out_of_service(session: Session, vehicle_key: int, told: Subject) -> None:
    session.add(
        VehicleStatusRevision(
            vehicle_id=vehicle_key,
            status=ServiceStatus.OUT_OF_SERVICE,
            starts_at_ms=NOW_MS,
            reason="x",
            recorded_at_ms=NOW_MS,
            generation=1,
        )
    )
    record(session, "vehicle.status_changed", told, actor=None, now_ms=NOW_MS)


@pytest.mark.parametrize(
    "statement",
    [
        update(Organisation).values(name_en="Another"),
        delete(Organisation),
        insert(Organisation).values(code="o2", name_zh="二", name_en="Two"),
    ],
)
def test_no_statement_changes_rows_past_the_log(engine: Engine, statement: Executable) -> None:
    with changing_session(engine) as session:
        register_organisation(session, code="o1", name_zh="一", name_en="One", now_ms=NOW_MS)
    with pytest.raises(UnauditedChange, match="Organisation"), changing_session(engine) as session:
        session.execute(statement)


def test_every_model_is_told_of_or_known_to_be_none_of_the_logs_business() -> None:
    """A new model is a decision: either the log tells of it, or it stands here."""
    not_told = {
        "Notification",
        "JudgedFindings",
        "EncounterRow",
        "Delivery",
        "AlertTelling",
        "Alert",
        "AuditEntry",
        "AuditHead",
        "DirectiveAnswer",
        "ImportDraft",
        "LoginSession",
        "Notice",
        "NoticeRead",
        "OutboxRow",
        "RecoveryCode",
        "RegistryGeneration",
        "RejectRow",
        "Sample",
        "SampleSeal",
        "SavedFilter",
        "SealHead",
        "TrackRow",
        "UsageDay",
        "UsagePlace",
        "UsageTally",
    }
    models = {mapper.class_.__name__ for mapper in Base.registry.mappers}
    assert models - {model.__name__ for model in SUBJECTS} == not_told


def _register_twice(session: Session) -> None:
    for _ in range(2):
        register_organisation(session, code="o1", name_zh="一", name_en="One", now_ms=NOW_MS)


def test_what_is_rolled_back_is_not_told(engine: Engine) -> None:
    with pytest.raises(AlreadyRegistered), changing_session(engine) as session:
        _register_twice(session)
    with reading_session(engine) as session:
        assert session.query(AuditEntry).count() == 0


def test_no_secret_is_told(engine: Engine) -> None:
    with changing_session(engine) as session:
        users = [
            create_user(
                session,
                email=f"{name}@city.example",
                password="a good password",
                role=Role.ADMINISTRATOR,
                display_name=name,
                now_ms=NOW_MS,
            )
            for name in ("one", "two")
        ]
        disable_user(session, users[0], actor=users[1], now_ms=NOW_MS, reason="left")
    with reading_session(engine) as session:
        entries = session.query(AuditEntry).all()
        hashes = [user.password_hash for user in session.query(User)]
    assert [entry.action for entry in entries] == ["user.created", "user.created", "user.disabled"]
    told = "".join(f"{entry.before}{entry.after}" for entry in entries)
    assert "password_hash" not in told
    assert not any(secret in told for secret in hashes)
    assert entries[2].actor == "two@city.example"
    assert entries[2].reason == "left"


@pytest.mark.parametrize("bad", ["", "5", "x:00", "5:zz", "-1:" + "00" * 32, "5:00"])
def test_an_anchor_is_a_number_and_a_hash(bad: str) -> None:
    with pytest.raises(InvalidChange):
        Anchor.parse(bad)


def run(home: Path, *arguments: str) -> tuple[int, Sequence[str]]:
    result = CliRunner().invoke(main, list(arguments), env={"PILOTAGE_HOME": str(home)})
    return result.exit_code, result.output.splitlines()


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'pilotage.sqlite3'}")
    migrate(engine)
    for number in range(3):
        with changing_session(engine) as session:
            register_organisation(session, code=f"o{number}", name_zh="一", name_en="One", now_ms=NOW_MS)
    status, lines = run(tmp_path, "verify", "audit")
    head = str(anchor(engine))
    assert (status, list(lines)) == (0, ["the audit log is whole", f"newest entry: {head}"])
    assert run(tmp_path, "verify", "audit", "--expect", head)[0] == 0
    tamper(
        engine, "DELETE FROM audit_entries WHERE number = 3", "UPDATE audit_entries SET actor = 'x' WHERE number = 1"
    )
    make_anew(engine, 3)
    status, lines = run(tmp_path, "verify", "audit", "--expect", head)
    assert status == 1
    assert lines[0] == "entry 1 was altered"
    assert lines[1].startswith("entry 3 is not the one that was written down")
    assert run(tmp_path, "verify", "audit", "--expect", "nonsense")[0] == 1
    engine.dispose()


def test_a_long_action_and_every_kind_of_value_are_kept(engine: Engine) -> None:
    with changing_session(engine) as session:
        after = {"text": "中文 \u2028", "float": 0.1, "large": 2**53, "list": [1, None, True], "nested": {"a": {}}}
        record(session, "a" * 64, Subject("s", "i"), actor=None, now_ms=NOW_MS, after=after)
    assert found(engine) == []
