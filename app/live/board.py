"""Documents in memory with a version each, so that any number of readers can follow the changes.

A board never queues for a reader: a slow one finds the newest state of everything that changed
since it last looked, and nobody waits for anybody else.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

#: What is gone is remembered for this many later changes; a reader that is further
#: behind gets everything anew.
KEPT_REMOVALS = 4_096

#: Scope of a reader that may see every organisation's documents.
EVERYTHING = None


@dataclass(frozen=True, slots=True)
class Document:
    """One encoded JSON object; `organisation` is its owner (None: nobody's, shown to everyone).

    `own_json` is what the owner sees where that is less than what those see who see everything.
    `place` is where it is: longitude and latitude in degrees WGS-84. `motion` is what changes all the
    time, for those who know the rest: `rest` is equal in two documents that differ in their motion only.
    """

    organisation: int | None
    json: bytes
    own_json: bytes | None = None
    place: tuple[float, float] | None = None
    motion: bytes | None = None
    rest: Hashable = None

    def for_reader(self, organisation: int | None) -> bytes:
        """What a reader of this scope sees of it."""
        return self.json if organisation is EVERYTHING or self.own_json is None else self.own_json


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the map, in degrees WGS-84; its boundary counts as inside."""

    west: float
    south: float
    east: float
    north: float

    def holds(self, document: Document) -> bool:
        """Whether it is here; what has no place is everywhere."""
        if document.place is None:
            return True
        lon, lat = document.place
        return self.west <= lon <= self.east and self.south <= lat <= self.north


@dataclass(frozen=True, slots=True)
class Changes:
    """What a reader has to know: `cursor` is where it stands afterwards.

    `complete` says that `features` and `alerts` are everything there is (a snapshot), and that
    what is not named is gone. `left` are alerts that are on the board no longer, by id. `beyond` counts
    those that wait for a person in the record alone; None where nothing is new about that. `moves` are the
    motions of features of which the reader knows the rest.
    """

    cursor: int
    complete: bool
    features: list[bytes]
    removed: list[str]
    alerts: list[bytes]
    left: list[str]
    beyond: int | None
    moves: list[bytes] = field(default_factory=list)

    def __bool__(self) -> bool:
        changed = self.features or self.moves or self.removed or self.alerts or self.left
        return self.complete or self.beyond is not None or bool(changed)


@dataclass(frozen=True, slots=True)
class _Versioned:
    """`is_told`: what is gone is told once more as it is then, else by its key alone.

    `rest_version` is that of the last change of anything but its motion.
    """

    version: int
    rest_version: int
    document: Document
    gone: bool
    is_told: bool = False


class _Shelf:
    """The newest document per id, ordered by the time of its last change."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, _Versioned] = OrderedDict()
        self._gone = 0

    def put(self, key: str, document: Document, version: int, *, gone: bool, is_told: bool = False) -> None:
        before = self._entries.pop(key, None)
        self._gone += int(gone) - int(before is not None and before.gone)
        only_moved = before is not None and not before.gone and before.document.rest == document.rest
        rest_version = before.rest_version if before is not None and only_moved else version
        self._entries[key] = _Versioned(version, rest_version, document, gone, is_told)

    def take_off(self, keys: Iterable[str], version: int) -> int:
        """Mark these as gone, unknown ones aside, each with the next version; return the newest."""
        for key in keys:
            entry = self._entries.get(key)
            if entry is not None and not entry.gone:
                version += 1
                self.put(key, entry.document, version, gone=True)
        return version

    def since(self, version: int) -> list[tuple[str, _Versioned]]:
        found = []
        for key in reversed(self._entries):
            entry = self._entries[key]
            if entry.version <= version:
                break
            found.append((key, entry))
        found.reverse()
        return found

    def present(self) -> list[_Versioned]:
        return [entry for entry in self._entries.values() if not entry.gone]

    def forget(self, keep: int) -> int:
        """Drop the oldest removals beyond `keep`; return the version of the newest one dropped."""
        floor = 0
        if self._gone <= keep + keep // 4:  # a look at every entry, so not at each removal
            return floor
        for key in [key for key, entry in self._entries.items() if entry.gone][: self._gone - keep]:
            floor = self._entries.pop(key).version
            self._gone -= 1
        return floor


class Board:
    """Thread-safe: features by id and alerts by id, each with the version of its last change."""

    def __init__(self, kept_removals: int = KEPT_REMOVALS) -> None:
        self._changed = threading.Condition()
        self._kept_removals = kept_removals
        self._version = 0
        self._floor = 0
        self._closed = False
        self._features = _Shelf()
        self._alerts = _Shelf()
        self._beyond: Mapping[int, int] | None = None
        self._beyond_version = 0

    def put(self, features: Iterable[tuple[str, Document]]) -> None:
        """Show these features from now on."""
        with self._changed:
            for key, document in features:
                self._version += 1
                self._features.put(key, document, self._version, gone=False)
            self._changed.notify_all()

    def remove(self, keys: Iterable[str]) -> None:
        """Take these features away; unknown ones are ignored."""
        with self._changed:
            self._version = self._features.take_off(keys, self._version)
            self._tidy()
            self._changed.notify_all()

    def put_alerts(self, alerts: Iterable[tuple[str, Document, bool]]) -> None:
        """Show these alerts; of which it says True is gone: told to every follower once more and then left out."""
        with self._changed:
            for key, document, gone in alerts:
                self._version += 1
                self._alerts.put(key, document, self._version, gone=gone, is_told=True)
            self._tidy()
            self._changed.notify_all()

    def remove_alerts(self, keys: Iterable[str]) -> None:
        """Take these alerts away, as they are: followers are told which."""
        with self._changed:
            self._version = self._alerts.take_off(keys, self._version)
            self._tidy()
            self._changed.notify_all()

    def count_beyond(self, beyond: Mapping[int, int]) -> None:
        """Say how many alerts of each organisation wait for a person and are not on this board."""
        with self._changed:
            if beyond == self._beyond:
                return
            self._version += 1
            self._beyond, self._beyond_version = dict(beyond), self._version
            self._changed.notify_all()

    def changes(
        self,
        cursor: int,
        organisation: int | None = EVERYTHING,
        window: Window | None = None,
        rest_known: int | None = None,
    ) -> Changes:
        """What changed after `cursor` among the documents that `organisation` may see.

        With a window, of features that are still there only those in it: `told_beside` has the others.
        Of features whose rest has not changed after `rest_known` only the motion is told (None: never).
        A cursor of 0, or one from before what is still remembered, gets everything.
        """
        with self._changed:
            if cursor <= self._floor:
                return self._everything(organisation)
            found = [(key, entry) for key, entry in self._features.since(cursor) if _visible(entry, organisation)]
            alerts = [(key, entry) for key, entry in self._alerts.since(cursor) if _visible(entry, organisation)]
            here = [entry for _, entry in found if window is None or window.holds(entry.document)]
            features, moves = _told(here, rest_known)
            return Changes(
                cursor=self._version,
                complete=False,
                features=features,
                removed=[key for key, entry in found if entry.gone],
                alerts=[entry.document.for_reader(organisation) for _, entry in alerts if _is_shown(entry)],
                left=[key for key, entry in alerts if not _is_shown(entry)],
                beyond=self._beyond_of(organisation) if self._beyond_version > cursor else None,
                moves=moves,
            )

    def told_beside(
        self, window: Window, cursor: int, organisation: int | None = EVERYTHING, rest_known: int | None = None
    ) -> tuple[list[bytes], list[bytes]]:
        """The features outside of the window that changed after `cursor`, and the motions of such: see `changes`."""
        with self._changed:
            there = [
                entry
                for _, entry in self._features.since(cursor)
                if _visible(entry, organisation) and not window.holds(entry.document)
            ]
            return _told(there, rest_known)

    def wait(self, cursor: int, timeout_s: float) -> None:
        """Return once something changed after `cursor`, the time is up or the board is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._version > cursor, timeout_s)

    def pause(self, duration_s: float) -> None:
        """Return once the time is up, or at once when the board is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed, duration_s)

    def restart(self) -> None:
        """Forget everything: every reader gets a new snapshot, and nothing links it to the old one."""
        with self._changed:
            self._version += 1
            self._floor = self._version
            self._features = _Shelf()
            self._alerts = _Shelf()
            self._changed.notify_all()

    def close(self) -> None:
        """Nothing more will come: wake every reader."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether the server is stopping."""
        return self._closed

    def _everything(self, organisation: int | None) -> Changes:
        self._version = max(self._version, self._floor + 1)
        return Changes(
            cursor=self._version,
            complete=True,
            features=[e.document.json for e in self._features.present() if _visible(e, organisation)],
            removed=[],
            alerts=[e.document.for_reader(organisation) for e in self._alerts.present() if _visible(e, organisation)],
            left=[],
            beyond=self._beyond_of(organisation),
        )

    def _beyond_of(self, organisation: int | None) -> int | None:
        if self._beyond is None:
            return None
        return sum(self._beyond.values()) if organisation is EVERYTHING else self._beyond.get(organisation, 0)

    def _tidy(self) -> None:
        dropped = max(self._features.forget(self._kept_removals), self._alerts.forget(self._kept_removals))
        self._floor = max(self._floor, dropped)


def _told(entries: Iterable[_Versioned], rest_known: int | None) -> tuple[list[bytes], list[bytes]]:
    features: list[bytes] = []
    moves: list[bytes] = []
    for entry in entries:
        motion = entry.document.motion
        if entry.gone:
            continue
        if motion is not None and rest_known is not None and entry.rest_version <= rest_known:
            moves.append(motion)
        else:
            features.append(entry.document.json)
    return features, moves


def _is_shown(entry: _Versioned) -> bool:
    return entry.is_told or not entry.gone


def _visible(entry: _Versioned, organisation: int | None) -> bool:
    owner = entry.document.organisation
    return organisation is EVERYTHING or owner is None or owner == organisation
