"""People who log in: created, changed, disabled and given new passwords by those who may."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from app.audit import Subject, record, state_of
from app.errors import AlreadyRegistered, InvalidChange, NotFound
from app.models import OPERATORS, Jurisdiction, Organisation, Role, User
from app.schemas.accounts import AccountDetails, NewUser, UserDetails
from app.services.logins import end_sessions
from app.services.pages import Page, holds, read_page
from app.services.passwords import hashed, is_password, temporary_password
from app.services.tokens import revoke_tokens


@dataclass(frozen=True, slots=True)
class UserFilter:
    """Which users a list holds; None: any. A manager's `organisation_id` limits it to the operators of its own."""

    organisation_id: int | None = None
    organisation: str | None = None
    role: Role | None = None
    is_disabled: bool | None = None
    text: str | None = None


def create_user(
    session: Session,
    *,
    email: str,
    password: str,
    role: Role,
    display_name: str,
    now_ms: int,
    organisation: Organisation | None = None,
    jurisdictions: Collection[Jurisdiction] = (),
    must_change_password: bool = False,
    actor: User | None = None,
) -> User:
    """Create a user. Raises AlreadyRegistered, or InvalidChange for an unusable role or password."""
    if role in OPERATORS and organisation is None:
        raise InvalidChange("an operator belongs to an organisation", code="operator_without_organisation")
    password_hash = hashed(password, email=email)
    if _user_by_email(session, email) is not None:
        raise AlreadyRegistered(f"user {email} exists")
    user = User(
        email=email.lower(),
        display_name=display_name,
        role=role,
        organisation=organisation,
        jurisdictions=list(jurisdictions),
        password_hash=password_hash,
        must_change_password=must_change_password,
        created_at_ms=now_ms,
    )
    session.add(user)
    session.flush()
    record(session, "user.created", _subject(user), actor=actor, now_ms=now_ms, after=described(user))
    return user


def invite_user(session: Session, details: NewUser, *, actor: User, now_ms: int) -> tuple[User, str]:
    """Create a user with a temporary password, which is returned once. Raises as create_user does, and NotFound."""
    _require_manageable(actor, Role(details.role), details.organisation)
    password = temporary_password()
    user = create_user(
        session,
        email=details.email,
        password=password,
        role=Role(details.role),
        display_name=details.display_name,
        organisation=_organisation(session, details),
        jurisdictions=_jurisdictions(session, details),
        must_change_password=True,
        actor=actor,
        now_ms=now_ms,
    )
    return user, password


def change_user(session: Session, user: User, details: UserDetails, *, actor: User, now_ms: int) -> None:
    """Change what a user is. Raises InvalidChange for one's own role and the last administrator's, and NotFound."""
    role, before = Role(details.role), described(user)
    _require_manageable(actor, role, details.organisation)
    if role is not user.role:
        _require_other(user, actor)
        if user.role is Role.ADMINISTRATOR:
            _require_another_administrator(session, user)
    user.display_name = details.display_name
    user.role = role
    user.organisation = _organisation(session, details)
    user.jurisdictions = _jurisdictions(session, details)
    flag_modified(user, "display_name")  # so that the version counts a change of jurisdictions too
    session.flush()
    record(session, "user.changed", _subject(user), actor=actor, now_ms=now_ms, before=before, after=described(user))


def change_account(session: Session, user: User, details: AccountDetails, *, now_ms: int) -> None:
    """Change what users decide about themselves."""
    before = described(user)
    user.display_name, user.locale = details.display_name, details.locale
    session.flush()
    record(
        session,
        "user.account_changed",
        _subject(user),
        actor=user,
        now_ms=now_ms,
        before=before,
        after=described(user),
    )


def disable_user(session: Session, user: User, *, actor: User, now_ms: int, reason: str) -> None:
    """Shut a user out at once: its sessions end, its tokens are revoked. Raises InvalidChange as change_user does."""
    _require_other(user, actor)
    if user.disabled_at_ms is not None:
        raise InvalidChange("the user is disabled already", code="user_disabled")
    if user.role is Role.ADMINISTRATOR:
        _require_another_administrator(session, user)
    before = described(user)
    user.disabled_at_ms = now_ms
    session.flush()
    end_sessions(session, user)
    revoke_tokens(session, user, actor=actor, now_ms=now_ms, reason=reason)
    _record(session, "user.disabled", user, before=before, actor=actor, now_ms=now_ms, reason=reason)


def enable_user(session: Session, user: User, *, actor: User, now_ms: int, reason: str) -> None:
    """Let a disabled user log in again; its tokens stay revoked. Raises InvalidChange when it is not disabled."""
    if user.disabled_at_ms is None:
        raise InvalidChange("the user is not disabled", code="user_not_disabled")
    before = described(user)
    user.disabled_at_ms = None
    session.flush()
    _record(session, "user.enabled", user, before=before, actor=actor, now_ms=now_ms, reason=reason)


def reset_password(session: Session, user: User, *, actor: User, now_ms: int, reason: str) -> str:
    """A temporary password, returned once; sessions end and tokens are revoked, for who knows who has them.

    Raises InvalidChange for one's own: that is changed with the old one.
    """
    _require_other(user, actor)
    before, password = described(user), temporary_password()
    user.password_hash = hashed(password, email=user.email)
    user.must_change_password = True
    session.flush()
    end_sessions(session, user)
    revoke_tokens(session, user, actor=actor, now_ms=now_ms, reason=reason)
    _record(session, "user.password_reset", user, before=before, actor=actor, now_ms=now_ms, reason=reason)
    return password


def change_password(session: Session, user: User, *, old: str, new: str, now_ms: int) -> None:
    """A user's own new password; all of its sessions end. Raises InvalidChange."""
    if not is_password(user.password_hash, old):
        raise InvalidChange("the old password is wrong", code="password_wrong", field="old_password")
    if new == old:
        raise InvalidChange("the new password is the old one", code="password_same", field="new_password")
    before = described(user)
    user.password_hash = hashed(new, email=user.email, field="new_password")
    user.must_change_password = False
    session.flush()
    end_sessions(session, user)
    _record(session, "user.password_changed", user, before=before, actor=user, now_ms=now_ms)


def authenticate(session: Session, email: str, password: str) -> User | None:
    """The user with this e-mail address and password, or None; both take the same time."""
    user = _user_by_email(session, email)
    is_right = is_password(None if user is None else user.password_hash, password)
    return user if is_right and user is not None and user.disabled_at_ms is None else None


def user_by_email(session: Session, email: str) -> User:
    """Raises NotFound."""
    user = _user_by_email(session, email)
    if user is None:
        raise NotFound(f"no user {email}")
    return user


def user_by_id(session: Session, user_id: int, *, organisation_id: int | None = None) -> User:
    """A user; for a manager only one of its organisation's operators. Raises NotFound."""
    user = session.get(User, user_id)
    is_visible = organisation_id is None or (
        user is not None and user.organisation_id == organisation_id and user.role in OPERATORS
    )
    if user is None or not is_visible:
        raise NotFound(f"no user {user_id}")
    return user


def list_users(session: Session, *, organisation_id: int | None = None) -> Sequence[User]:
    """All users by name; for a manager its organisation's operators."""
    return session.scalars(_wanted(UserFilter(organisation_id=organisation_id)).order_by(User.email)).all()


def user_page(session: Session, wanted: UserFilter, *, limit: int, cursor: str | None) -> Page[User]:
    """One page of users by key. Raises InvalidChange for a foreign cursor."""
    return read_page(session, _wanted(wanted), User.id, limit=limit, cursor=cursor).map(lambda row: row[0])


def described(user: User) -> dict[str, object]:
    """The user for the audit log and for answers: no secret, jurisdictions by code."""
    return state_of(user) | {
        "has_second_factor": user.totp_secret is not None,
        "jurisdictions": sorted(jurisdiction.code for jurisdiction in user.jurisdictions),
    }


def _wanted(wanted: UserFilter) -> Select[User]:
    users = select(User)
    if wanted.organisation_id is not None:
        users = users.where(User.organisation_id == wanted.organisation_id, User.role.in_(OPERATORS))
    if wanted.organisation is not None:
        users = users.where(User.organisation.has(Organisation.code == wanted.organisation))
    if wanted.role is not None:
        users = users.where(User.role == wanted.role)
    if wanted.is_disabled is not None:
        enabled = User.disabled_at_ms.is_(None)
        users = users.where(~enabled if wanted.is_disabled else enabled)
    return users.where(holds(wanted.text, User.email, User.display_name)) if wanted.text else users


def _record(
    session: Session,
    action: str,
    user: User,
    *,
    before: dict[str, object],
    actor: User,
    now_ms: int,
    reason: str = "",
) -> None:
    after = described(user)
    record(session, action, _subject(user), actor=actor, now_ms=now_ms, reason=reason, before=before, after=after)


def _subject(user: User) -> Subject:
    return Subject("user", user.email)


def _require_manageable(actor: User, role: Role, organisation: str | None) -> None:
    """Managers make operators of their own organisation, and nobody else."""
    if actor.role is not Role.OPERATOR_MANAGER:
        return
    if role not in OPERATORS:
        raise InvalidChange("a manager's users are operators", code="manager_role", field="role")
    if actor.organisation is None or organisation != actor.organisation.code:
        raise InvalidChange(
            "a manager's users belong to its organisation", code="manager_organisation", field="organisation"
        )


def _require_other(user: User, actor: User) -> None:
    if user.id == actor.id:
        raise InvalidChange("nobody does this to themselves", code="not_yourself")


def _require_another_administrator(session: Session, user: User) -> None:
    """Locks all administrators, in one order: of two who disable each other, one is refused."""
    active = select(User.id).where(User.role == Role.ADMINISTRATOR, User.disabled_at_ms.is_(None))
    found = session.scalars(active.order_by(User.id).with_for_update()).all()
    if not set(found) - {user.id}:
        raise InvalidChange("the last administrator stays", code="last_administrator")


def _organisation(session: Session, details: UserDetails) -> Organisation | None:
    if details.organisation is None:
        return None
    found = session.scalar(select(Organisation).where(Organisation.code == details.organisation))
    if found is None:
        raise InvalidChange("no such organisation", code="unknown_organisation", field="organisation")
    return found


def _jurisdictions(session: Session, details: UserDetails) -> list[Jurisdiction]:
    found = session.scalars(select(Jurisdiction).where(Jurisdiction.code.in_(details.jurisdictions))).all()
    if len(found) != len(details.jurisdictions):
        raise InvalidChange("no such jurisdiction", code="unknown_jurisdiction", field="jurisdictions")
    return list(found)


def _user_by_email(session: Session, email: str) -> User | None:
    return session.scalar(select(User).where(User.email == email.strip().lower()))
