"""When a revision is in force: the one rule, for zones and permits alike."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Protocol, TypeVar

from geofences.zones import FOREVER_MS


class Revision(Protocol):
    """What the rule reads of a row."""

    @property
    def starts_at_ms(self) -> int:
        """The instant from which it is in force."""

    @property
    def generation(self) -> int:
        """The change that made it."""


_R = TypeVar("_R", bound=Revision)


def in_force(revisions: Iterable[_R], subject: Callable[[_R], Hashable]) -> Iterator[tuple[_R, int, int]]:
    """Each revision that is ever in force, with its period [start_ms, end_ms).

    The later decision wins: from its start on, a revision replaces every revision of the same
    `subject` with a smaller generation, also one that was decided before and would start later. So a
    permit that is revoked now does not come back with an extension that was already scheduled.
    A revision may also have an end of its own (`ends_at_ms`).
    """
    taken_from_ms: dict[Hashable, int] = {}
    for revision in sorted(revisions, key=lambda row: row.generation, reverse=True):
        key = subject(revision)
        limit_ms = taken_from_ms.get(key, FOREVER_MS)
        own_end_ms = getattr(revision, "ends_at_ms", None)
        end_ms = min(limit_ms, FOREVER_MS if own_end_ms is None else own_end_ms)
        if revision.starts_at_ms < end_ms:
            yield revision, revision.starts_at_ms, end_ms
        taken_from_ms[key] = min(limit_ms, revision.starts_at_ms)
