"""Small groups are not shown, and nothing that is shown lets them be worked out.

A count below ten is withheld. Where a total is shown beside its parts, the parts that are withheld
could be found by subtraction; so the total, or further parts, are withheld too, until what remains
unknown is at least two groups of together at least ten.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

SMALLEST_GROUP = 10
_SHARE_STEP_PERCENT = 5

_Key = TypeVar("_Key", bound=Hashable)


def group_count(count: int) -> int | None:
    """The count, or None for fewer than ten."""
    return count if count >= SMALLEST_GROUP else None


@dataclass(frozen=True)  # no slots: Python 3.11 cannot make a frozen generic that has them
class Protected(Generic[_Key]):
    """Counts of a whole and of its parts that may be shown together; None is withheld."""

    total: int | None
    parts: Mapping[_Key, int | None]


def protected(parts: Mapping[_Key, int]) -> Protected[_Key]:
    """What of these parts of one whole may be shown. `parts` are all of it: nothing may be left out.

    A part of zero is withheld like any small one: that it is empty may tell as much.
    """
    total = sum(parts.values())
    withheld = {key for key, count in parts.items() if count < SMALLEST_GROUP}
    if total < SMALLEST_GROUP:
        return Protected(None, dict.fromkeys(parts))
    for key in sorted(parts, key=lambda key: parts[key]):
        if not _can_be_worked_out(parts, withheld):
            break
        withheld.add(key)
    shown = {key: None if key in withheld else count for key, count in parts.items()}
    return Protected(total if not _can_be_worked_out(parts, withheld) else None, shown)


def share_percent(part: int, whole: int) -> int:
    """A share in steps of five per cent."""
    return round(part / whole * 100 / _SHARE_STEP_PERCENT) * _SHARE_STEP_PERCENT


def _can_be_worked_out(parts: Mapping[_Key, int], withheld: set[_Key]) -> bool:
    """Whether the total less the shown parts tells about a small group."""
    unknown = sum(parts[key] for key in withheld)
    return bool(withheld) and (len(withheld) == 1 or unknown < SMALLEST_GROUP)
