"""What the command line does with users and with the audit log."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import ValidationError
from sqlalchemy.orm import Session

from app.audit_check import Anchor, faults, newest_anchor
from app.database import changing_session, migrated_engine, snapshot_connection
from app.errors import InvalidChange
from app.models import Role
from app.schemas.accounts import NewUser
from app.schemas.base import problems_of
from app.services.jurisdictions import jurisdiction_by_code
from app.services.organisations import organisation_by_code
from app.services.passwords import temporary_password
from app.services.users import create_user
from app.settings import Settings
from telemetry.clock import system_clock


def create_account(
    settings: Settings,
    *,
    email: str,
    role: str,
    display_name: str,
    organisation: str | None,
    jurisdictions: Sequence[str],
    password: str | None,
) -> str | None:
    """Create a user; returns a temporary password unless one is given. Raises AppError with what is wrong."""
    details = _details(
        {
            "email": email,
            "role": role,
            "display_name": display_name,
            "organisation": organisation,
            "jurisdictions": tuple(jurisdictions),
        }
    )
    temporary = temporary_password() if password is None else None
    with migrated_engine(settings.database_url) as engine, changing_session(engine) as session:
        create_user(
            session,
            email=details.email,
            password=password or temporary or "",
            role=Role(details.role),
            display_name=details.display_name,
            organisation=organisation_by_code(session, details.organisation) if details.organisation else None,
            jurisdictions=[jurisdiction_by_code(session, code) for code in details.jurisdictions],
            must_change_password=temporary is not None,
            now_ms=system_clock(),
        )
    return temporary


def run_audit_check(settings: Settings, expect: str | None, *, report: Callable[[str], object]) -> int:
    """Report every fault of the log, or that it is whole, and what its head says; 0 when it is whole."""
    expected = None if expect is None else Anchor.parse(expect)
    count = 0
    with migrated_engine(settings.database_url) as engine, snapshot_connection(engine) as connection:
        session = Session(connection)
        for fault in faults(session, expected):
            count += 1
            report(fault)
        head = newest_anchor(session)
    report(f"the audit log is not what was written; faults: {count}" if count else "the audit log is whole")
    if head is not None:
        report(f"newest entry: {head}")
    return 1 if count else 0


def _details(stated: dict[str, object]) -> NewUser:
    try:
        return NewUser.model_validate(stated)
    except ValidationError as error:
        problems = "; ".join(f"{problem.path}: {problem.message}".lstrip(": ") for problem in problems_of(error))
        raise InvalidChange(problems) from error
