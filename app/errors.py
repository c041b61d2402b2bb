"""Every failure of the app package, drawn once. Lower layers know no HTTP: the web's edge maps them."""

from __future__ import annotations

from collections.abc import Sequence


class AppError(Exception):
    """Base of all errors of this package; `code` is stable and may be shown to a user."""

    code = "app_error"


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
    """An object with the same public identifier exists already."""

    code = "already_registered"


class InvalidChange(AppError):
    """A change that the rules of the registry do not allow; the message says which rule."""

    code = "invalid_change"


class RevisionInPast(InvalidChange):
    """A revision that would start before now: it would rewrite what samples were judged against."""

    code = "revision_in_past"
