"""Rows that are only ever added: snapshots of different ages share them instead of copying."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

#: A full ledger moves to memory this much larger. Room that is not yet written takes no memory.
_ROOM = 1.25

Scalar = TypeVar("Scalar", bound=np.generic)


class Ledger(Generic[Scalar]):
    """A read-only array `rows` of shape (n, ...), from which longer ones are made by `extended`.

    What is written never changes, so that both see the same memory. Safe from several threads.
    """

    __slots__ = ("_room", "rows")

    def __init__(self, rows: NDArray[Scalar]) -> None:
        self._room = _Room(rows)
        self.rows = self._room.seen(len(rows))

    def extended(self, more: NDArray[Scalar]) -> Ledger[Scalar]:
        """The rows of this ledger, then `more`. Costs as much as `more` unless the room is full."""
        longer: Ledger[Scalar] = Ledger.__new__(Ledger)
        longer._room = self._room.extended(len(self.rows), more)
        longer.rows = longer._room.seen(len(self.rows) + len(more))
        return longer


class _Room(Generic[Scalar]):
    """Memory for rows, of which the first ones belong to one ledger or more."""

    __slots__ = ("_lock", "_memory", "_used")

    def __init__(self, *rows: NDArray[Scalar]) -> None:
        used = sum(map(len, rows))
        self._memory = np.empty((int(used * _ROOM), *rows[0].shape[1:]), dtype=rows[0].dtype)
        np.concatenate(rows, out=self._memory[:used])
        self._used = used
        self._lock = threading.Lock()

    def seen(self, length: int) -> NDArray[Scalar]:
        """The first rows, read-only."""
        rows = self._memory[:length]
        rows.flags.writeable = False
        return rows

    def extended(self, length: int, more: NDArray[Scalar]) -> _Room[Scalar]:
        """A room with `more` behind the first rows: this one if nothing else stands there and it has the space."""
        end = length + len(more)
        with self._lock:
            if self._used != length or end > len(self._memory):
                return _Room(self._memory[:length], more)
            self._memory[length:end] = more
            self._used = end
        return self
