"""Stored samples judged again, by the very functions that judged them at ingest: is every finding the same?

Memory is bounded by one stored batch, one track a vehicle, and the alert episodes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from telemetry.findings import OF_SILENCE
from telemetry.judging import judge_in_order
from telemetry.ports import AlertChange, Registry
from telemetry.resumption import Resumption
from telemetry.rulebook import Rulebook
from telemetry.samples import Integers, JudgedBatch, take_judged
from telemetry.tracks import Track

_COLUMNS = ("verdict", "undecided", "zone_revision", "permit_revision")

EpisodeKey = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is not what it was. `timestamp_ms` and `seq` name the sample, or the one that opened the alert.

    `column` is a column of JudgedBatch, or `alert.` and a field of AlertChange, or `alert` for an
    episode that is there only once (the other value is None).
    """

    vehicle: int
    timestamp_ms: int
    seq: int
    column: str
    stored: object
    again: object


def judge_again(
    batches: Iterable[JudgedBatch],
    registry: Registry,
    episodes: Iterable[AlertChange],
    coverage_factor: float = 2.0,
    resumption: Resumption | None = None,
) -> Iterator[Difference]:
    """Judge stored batches again and yield what differs, alert episodes at the end.

    Over all batches each vehicle's live samples must come in the order of (timestamp, seq), from its first
    one on, but for what `resumption` knows to be missing; late ones may stand anywhere. `episodes` are the
    stored alerts, in their last state; those of silence are no matter of samples. Each sample is judged by
    the registry as it was known at its batch's generation.
    """
    tracks: dict[int, Track] = {}
    again: dict[EpisodeKey, AlertChange] = {}
    rulebook: Rulebook | None = None
    resumption = resumption or Resumption()
    for stored in batches:
        if rulebook is None or rulebook.generation != stored.generation:
            rulebook = Rulebook.of(registry.snapshot(stored.generation), rulebook)
        for batch in resumption.known_parts(together(stored), tracks):
            judged = judge_in_order(rulebook, batch.samples, batch.late, tracks, coverage_factor)
            tracks.update(judged.tracks)
            again.update((episode_key(change), change) for change in judged.changes)
            yield from _differing_samples(batch, judged.batch)
    yield from _differing_episodes(_judged_again(episodes, again, resumption, tracks), again)


def _judged_again(
    stored: Iterable[AlertChange],
    again: dict[EpisodeKey, AlertChange],
    resumption: Resumption,
    tracks: dict[int, Track],
) -> list[AlertChange]:
    """The stored episodes that can be compared. What the replay has of the others is taken out of `again`."""
    known = []
    for episode in stored:
        if episode.finding == OF_SILENCE or resumption.is_known(episode, tracks):
            known.append(episode)
            continue
        resumption.alerts += 1
        ends_ms = math.inf if episode.closed_at_ms is None else episode.closed_at_ms
        for key, other in [*again.items()]:
            is_same_kind = (other.vehicle, other.finding) == (episode.vehicle, episode.finding)
            if is_same_kind and episode.first_seen_ms <= other.first_seen_ms <= ends_ms:
                del again[key]
    return known


def together(stored: JudgedBatch) -> JudgedBatch:
    """The batch with each vehicle's samples together, in the order that they had."""
    if (np.diff(stored.samples.vehicle) >= 0).all():
        return stored
    order: Integers = np.argsort(stored.samples.vehicle, kind="stable")
    return take_judged(stored, order)


def _differing_samples(stored: JudgedBatch, again: JudgedBatch) -> Iterator[Difference]:
    for column in _COLUMNS:
        before, now = getattr(stored, column), getattr(again, column)
        for row in np.flatnonzero(before != now).tolist():
            samples = stored.samples
            yield Difference(
                vehicle=int(samples.vehicle[row]),
                timestamp_ms=int(samples.timestamp_ms[row]),
                seq=int(samples.seq[row]),
                column=column,
                stored=int(before[row]),
                again=int(now[row]),
            )


def _differing_episodes(stored: Iterable[AlertChange], again: dict[EpisodeKey, AlertChange]) -> Iterator[Difference]:
    for before in stored:
        if before.finding == OF_SILENCE:
            continue
        now = again.pop(episode_key(before), None)
        if now is None:
            yield _of_alert(before, "alert", before, None)
            continue
        # Whether a change opened the episode depends on where the flush was cut, nothing else does.
        now = replace(now, is_new=before.is_new)
        for column in AlertChange.__slots__:
            if getattr(before, column) != getattr(now, column):
                yield _of_alert(before, f"alert.{column}", getattr(before, column), getattr(now, column))
    for now in again.values():
        yield _of_alert(now, "alert", None, now)


def _of_alert(episode: AlertChange, column: str, stored: object, again: object) -> Difference:
    return Difference(episode.vehicle, episode.opened_at_ms, episode.opened_seq, column, stored, again)


def episode_key(change: AlertChange) -> EpisodeKey:
    """The natural key of an episode: vehicle, finding, and the sample that opened it."""
    return change.vehicle, int(change.finding), change.opened_at_ms, change.opened_seq
