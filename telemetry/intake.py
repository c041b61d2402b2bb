"""Decoded samples become new ones in order: duplicates dropped, reused numbers rejected, late ones marked.

Everything here follows the order of arrival, vehicle by vehicle, so that it makes no difference how
messages are cut into flushes. Within one message the order is that of (timestamp, seq).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from telemetry.decoding import Decoded, own_bytes, reject_of
from telemetry.messages import Message
from telemetry.ports import Reject, RejectReason, Store
from telemetry.samples import Flags, Integers, SampleBatch, group_bounds, take
from telemetry.tracks import Intervals, Track, is_received, receive

Key = tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Intake:
    """The new samples of a flush, each vehicle's together and in the order of arrival.

    `source` (n,) is the index of each sample's message; `received` the watermark and intervals of
    every vehicle that the flush heard of, once it is stored.
    """

    batch: SampleBatch
    source: Integers
    late: Flags
    received: dict[int, tuple[int, Intervals]]
    rejects: list[Reject]
    duplicates: int


@dataclass(slots=True)
class _Sifted:
    """Rows by what becomes of them, over all vehicles."""

    received: dict[int, tuple[int, Intervals]] = field(default_factory=dict)
    dropped: list[int] = field(default_factory=list)
    suspects: list[tuple[int, Key]] = field(default_factory=list)
    accepted: set[Key] = field(default_factory=set)


def take_in(decoded: Decoded, messages: Sequence[Message], tracks: Mapping[int, Track], store: Store) -> Intake:
    """Sort, sift and mark. `tracks` holds every vehicle of the flush. Raises StoreUnavailable."""
    columns = decoded.batch
    order = np.lexsort((columns.seq, columns.timestamp_ms, decoded.source, columns.vehicle))
    sifted = _sift(decoded, order, tracks)
    rejects = [*decoded.rejects, *_reused(decoded, messages, sifted, store)]
    duplicates = len(sifted.suspects) - (len(rejects) - len(decoded.rejects))
    if sifted.dropped:
        order = order[~np.isin(order, sifted.dropped)]
    batch = take(columns, order)
    late = mark_late(batch, tracks)
    return Intake(batch, decoded.source[order], late, sifted.received, rejects, duplicates)


def _sift(decoded: Decoded, order: Integers, tracks: Mapping[int, Track]) -> _Sifted:
    """Tell new sequence numbers from those that are settled already."""
    vehicle, seq = decoded.batch.vehicle[order], decoded.batch.seq[order]
    rejected = _rejected_seqs(decoded)
    starts, ends = group_bounds(vehicle)
    growing = np.append(True, seq[1:] > seq[:-1])[: len(seq)]
    growing[starts] = True
    plain = np.logical_and.reduceat(growing, starts) if len(starts) else growing[:0]
    sifted = _Sifted()
    groups = zip(
        vehicle[starts].tolist(), starts.tolist(), ends.tolist(), seq[starts].tolist(), seq[ends - 1].tolist(),
        plain.tolist(), strict=True,
    )  # fmt: skip
    for key, start, end, first, last, is_growing in groups:
        track = tracks[key]
        highest = track.received[-1][1] if track.received else track.watermark
        if is_growing and first > highest and last - first == end - start - 1 and key not in rejected:
            sifted.received[key] = receive(track.watermark, track.received, first, last)
        else:
            _sift_apart(decoded, order[start:end], track, rejected.pop(key, ()), sifted)
    for key, seqs in rejected.items():
        watermark, received = tracks[key].watermark, tracks[key].received
        for _, number in seqs:
            watermark, received = receive(watermark, received, number, number)
        sifted.received[key] = watermark, received
    return sifted


def _rejected_seqs(decoded: Decoded) -> defaultdict[int, list[tuple[int, int]]]:
    """(message, seq) of the rejects of each registered vehicle: their numbers are settled too."""
    seqs: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for index, reject in zip(decoded.reject_source, decoded.rejects, strict=True):
        if reject.vehicle is not None:
            seqs[reject.vehicle].extend([] if reject.seq is None else [(index, reject.seq)])
    return seqs


def _sift_apart(
    decoded: Decoded, rows: Integers, track: Track, rejected: Collection[tuple[int, int]], sifted: _Sifted
) -> None:
    """One vehicle, number by number; of one message first its samples, then its rejects."""
    columns = decoded.batch
    key = int(columns.vehicle[rows[0]])
    watermark, received = track.watermark, track.received
    arrivals = [(int(decoded.source[row]), 0, place, row) for place, row in enumerate(rows.tolist())]
    arrivals += [(index, 1, place, seq) for place, (index, seq) in enumerate(rejected)]
    for _, is_reject, _, item in sorted(arrivals):
        seq = item if is_reject else int(columns.seq[item])
        if not is_reject:
            natural = (key, int(columns.timestamp_ms[item]), seq)
            if is_received(watermark, received, seq):
                sifted.dropped.append(item)
                sifted.suspects.append((item, natural))
                continue
            sifted.accepted.add(natural)
        watermark, received = receive(watermark, received, seq, seq)
    sifted.received[key] = watermark, received


def _reused(decoded: Decoded, messages: Sequence[Message], sifted: _Sifted, store: Store) -> list[Reject]:
    """Rejects of the suspects that are no redelivery: their number was given to another sample."""
    unknown = {natural for _, natural in sifted.suspects} - sifted.accepted
    known = sifted.accepted | store.stored(unknown) if unknown else sifted.accepted
    rejects = []
    pieces: dict[int, list[bytes]] = {}
    for row, natural in sifted.suspects:
        if natural in known:
            continue
        index = int(decoded.source[row])
        if index not in pieces:
            pieces[index] = own_bytes(messages[index])
        detail = f"seq {natural[2]} was received before with another timestamp, or rejected"
        piece = pieces[index][int(decoded.place[row])]
        rejects.append(
            reject_of(messages[index], RejectReason.SEQ_REUSED, detail, vehicle=natural[0], seq=natural[2], piece=piece)
        )
    return rejects


def mark_late(batch: SampleBatch, tracks: Mapping[int, Track]) -> Flags:
    """Samples not newer, by (timestamp, seq), than all live ones before them."""
    late = np.zeros(len(batch), dtype=np.bool_)
    starts, ends = group_bounds(batch.vehicle)
    if not len(starts):
        return late
    timestamp, seq = batch.timestamp_ms, batch.seq
    keys = batch.vehicle[starts].tolist()
    newest = np.array([(tracks[key].last_timestamp_ms, tracks[key].last_seq) for key in keys], dtype=np.int64)
    before, before_seq = np.append(0, timestamp[:-1]), np.append(0, seq[:-1])
    before[starts], before_seq[starts] = newest[:, 0], newest[:, 1]
    orderly = (timestamp > before) | ((timestamp == before) & (seq > before_seq))
    for group in np.flatnonzero(~np.logical_and.reduceat(orderly, starts)).tolist():
        latest = (int(newest[group, 0]), int(newest[group, 1]))
        for row in range(int(starts[group]), int(ends[group])):
            pair = (int(timestamp[row]), int(seq[row]))
            if pair <= latest:
                late[row] = True
            else:
                latest = pair
    return late
