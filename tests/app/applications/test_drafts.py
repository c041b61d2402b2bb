"""Drafts of applications: what is filled in, and its files."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import Conflict, InvalidChange, NotFound
from app.models import (
    Attachment,
    Role,
)
from app.schemas.applications import ApplicationDraft, ChangeRequest
from app.services.applications import (
    application_by_number,
    attach,
    detach,
    draft_of,
    save_draft,
    submit,
)
from app.services.review import (
    request_changes,
)
from tests.app.applicants import begun, complete_draft, user
from tests.app.web.cast import NOON_MS
from tests.files import PDF


def test_a_draft_keeps_whatever_is_filled_in(session: Session) -> None:
    application = begun(session)
    half = ApplicationDraft(jurisdiction="QH", vehicles=["NORTH-R1", "NORTH-R1"], valid_until_ms=5)
    save_draft(session, application, half, expected_version=application.version, actor=user(session), now_ms=NOON_MS)
    assert draft_of(application_by_number(session, application.number)) == half
    assert half.vehicles == ["NORTH-R1"]


def test_a_draft_that_was_changed_meanwhile_is_not_overwritten(session: Session) -> None:
    application = begun(session)
    with pytest.raises(Conflict):
        save_draft(
            session,
            application,
            ApplicationDraft(jurisdiction="QH"),
            expected_version=application.version - 1,
            actor=user(session),
            now_ms=NOON_MS,
        )


def test_saving_what_is_there_already_changes_nothing(session: Session) -> None:
    application = begun(session)
    version = application.version
    save_draft(session, application, complete_draft(), expected_version=version, actor=user(session), now_ms=NOON_MS)
    assert application.version == version


def test_files_come_and_go_with_the_draft(session: Session) -> None:
    application = begun(session)
    before = application.version
    stored = attach(
        session,
        application,
        file_name="plan.pdf",
        content=PDF,
        expected_version=before,
        actor=user(session),
        now_ms=NOON_MS,
    )
    assert application.version == before + 1
    with pytest.raises(NotFound):
        detach(session, application, "x", expected_version=before + 1, actor=user(session), now_ms=NOON_MS)
    detach(session, application, stored.public_id, expected_version=before + 1, actor=user(session), now_ms=NOON_MS)
    assert session.scalars(select(Attachment)).all() == []


def test_a_submitted_file_stays_for_its_revision(session: Session) -> None:
    application = begun(session)
    manager, regulator = user(session), user(session, Role.REGULATOR)

    def version() -> int:
        return application.version

    stored = attach(
        session,
        application,
        file_name="p",
        content=PDF,
        expected_version=version(),
        actor=manager,
        now_ms=NOON_MS,
    )
    submit(session, application, comment="", expected_version=version(), actor=manager, now_ms=NOON_MS)
    with pytest.raises(InvalidChange, match="submitted"):
        detach(session, application, stored.public_id, expected_version=version(), actor=manager, now_ms=NOON_MS)
    request_changes(
        session, application, ChangeRequest(reason="more"), expected_version=version(), actor=regulator, now_ms=NOON_MS
    )
    detach(session, application, stored.public_id, expected_version=version(), actor=manager, now_ms=NOON_MS)
    assert session.scalars(select(Attachment.public_id)).all() == [stored.public_id]
    assert application.attachments == []


def test_there_is_a_limit_of_files(session: Session) -> None:
    application = begun(session)

    def add() -> None:
        attach(
            session,
            application,
            file_name="p",
            content=PDF,
            expected_version=application.version,
            actor=user(session),
            now_ms=NOON_MS,
        )

    for _ in range(20):
        add()
    with pytest.raises(InvalidChange) as refused:
        add()
    assert refused.value.code == "too_many_files"
