"""Every failure of the app package, drawn once. Lower layers know no HTTP: the web's edge maps them."""

from __future__ import annotations

from collections.abc import Sequence


class AppError(Exception):
    """Base of all errors of this package; `code` is stable and may be shown to a user."""

    code = "app_error"
    #: The input that it is about, with dots for nested ones (empty: the whole).
    field = ""

    @property
    def fields(self) -> tuple[str, ...]:
        """Every input that it is about."""
        return (self.field,) if self.field else ()


class SettingsError(AppError):
    """The environment cannot be used; `problems` lists everything that is wrong with it."""

    code = "settings_error"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class NotFound(AppError):
    """The named object does not exist, or not for this caller."""

    code = "not_found"


class AlreadyRegistered(AppError):
    """An object with the same public identifier exists already; `field` is the input that names it."""

    code = "already_registered"

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class Conflict(AppError):
    """Somebody else has changed the object since the caller saw it: nothing was done."""

    code = "conflict"


class PreconditionMissing(AppError):
    """A change of an object without saying which version of it the caller has seen."""

    code = "precondition_required"


class PreconditionFailed(Conflict):
    """The version that the caller has seen is no longer the newest."""

    code = "precondition_failed"


class Forbidden(AppError):
    """The caller may do this in general, but not to this object."""

    code = "denied"


class InvalidChange(AppError):
    """A change that the rules of the registry do not allow; the message says which rule.

    `code` names the rule: app.web.error_text has its wording for people, filled in with `params`.
    `field` is the input it is about, with dots for nested ones (empty: the whole).
    """

    code = "invalid_change"

    def __init__(self, message: str, *, code: str | None = None, field: str = "", **params: object) -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.field = field
        self.params = params


class WiderThanBefore(InvalidChange):
    """A restriction that would allow more than before; `fields` names what."""

    code = "wider_than_before"

    def __init__(self, fields: Sequence[str]) -> None:
        super().__init__(f"a restriction may not widen: {', '.join(fields)}", code=type(self).code, field=fields[0])
        self._fields = tuple(fields)

    @property
    def fields(self) -> tuple[str, ...]:
        """Every term that would be wider."""
        return self._fields


class RevisionInPast(InvalidChange):
    """A revision that would start before now: it would rewrite what samples were judged against."""

    code = "revision_in_past"


class UnauditedChange(AppError):
    """A transaction changed something that the audit log must tell of, and did not tell it: a programming error."""

    code = "unaudited_change"


class Overloaded(AppError):
    """Too many want this at once: it may be tried again soon."""

    code = "overloaded"


class DayDamaged(AppError):
    """A day's samples are not what was sealed, in the database or in the archive: they stay where they are.

    `pilotage verify` names them.
    """

    code = "day_damaged"


class SchemaOutdated(AppError):
    """The database is not at the schema of this version: it has to be migrated first."""

    code = "schema_outdated"


class BrokerUnavailable(AppError):
    """The broker could not be told who may connect: nothing was changed, it may be tried again."""

    code = "broker_unavailable"
