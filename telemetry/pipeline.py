"""Messages to a Flush and back: decode, take in, judge, commit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np

from telemetry.airspace import Airspace, AirspaceSettings, Observed
from telemetry.bus import LivePosition, alerts_topic, encode_alert
from telemetry.decoding import Decoded, decode, reject_of
from telemetry.errors import RegistryUnusable, StaleRegistry, StoreUnavailable
from telemetry.findings import Finding
from telemetry.intake import Intake, take_in
from telemetry.judging import Judged, judge_in_order
from telemetry.messages import Message
from telemetry.neighbours import Neighbours
from telemetry.obedience import Obedience
from telemetry.officers import OfficerRoster
from telemetry.ports import (
    AlertChange,
    Clock,
    Encounter,
    Flush,
    OutboxMessage,
    Registry,
    Reject,
    RejectReason,
    Store,
    StoredAnswer,
)
from telemetry.positions import newest_positions
from telemetry.rulebook import Rulebook
from telemetry.samples import Codes, Flags
from telemetry.tracks import NEW_TRACK, Track, state_of, track_of

_LOG = logging.getLogger(__name__)

#: A registry that changes faster than a flush can be judged is not chased forever.
MAX_STALE = 5


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """What an operator of the platform may tune. Stored samples are sealed in the chain of `worker`.

    `coverage_factor` times the reported 68 % radius is the accuracy circle of the three answers.
    """

    worker: str = "worker"
    coverage_factor: float = 2.0
    airspace: AirspaceSettings = field(default_factory=AirspaceSettings)


class Watermark(msgspec.Struct, frozen=True):
    """What is settled of one vehicle: every seq up to `watermark` and in the closed intervals `received`."""

    vehicle_id: str
    watermark: int
    received: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class FlushResult:
    """What a committed flush means to the worker.

    `watermarks` has one entry a vehicle in the flush, `positions` the newest live sample of each
    vehicle that has one. Every message of the flush may be acknowledged, whatever the counts.
    """

    watermarks: Sequence[Watermark]
    positions: Sequence[LivePosition]
    alerts: Sequence[AlertChange]
    generation: int
    committed_ms: int
    stored: int
    late: int
    rejected: int
    duplicates: int


class Pipeline:
    """Decodes, judges and commits; remembers each vehicle's track between flushes. Not thread-safe.

    Without `neighbours` there are no vehicles but those it is given.
    """

    def __init__(
        self,
        registry: Registry,
        store: Store,
        clock: Clock,
        settings: PipelineSettings | None = None,
        *,
        neighbours: Neighbours | None = None,
    ) -> None:
        self._registry = registry
        self._store = store
        self._clock = clock
        self._settings = settings or PipelineSettings()
        self._neighbours = neighbours
        self._rulebook: Rulebook | None = None
        self._tracks: dict[int, Track] = {}
        self._officers = OfficerRoster()
        self._airspace = Airspace(self._settings.airspace, self._settings.coverage_factor)
        self._obedience = Obedience(self._settings.coverage_factor)

    def process(self, messages: Sequence[Message]) -> FlushResult:
        """Judge and store these messages in one transaction.

        Returns after the commit. Raises StoreUnavailable with nothing remembered: the same messages
        may be processed again, and have an effect once even if a commit's answer was lost. Raises
        StaleRegistry only if the registry changed MAX_STALE times meanwhile.
        """
        return self._settled(messages, lambda rulebook: decode(messages, rulebook.routes, rulebook.answer_routes))

    def refuse(self, message: Message, detail: str) -> FlushResult:
        """Record as a reject a message that `process` fails on by itself, so that it blocks no other.

        Raises as `process` does.
        """

        def read(rulebook: Rulebook) -> Decoded:
            sender = rulebook.routes.get(message.topic) or rulebook.answer_routes.get(message.topic)
            vehicle = sender.key if sender is not None else None
            reject = reject_of(message, RejectReason.UNPROCESSABLE, detail, vehicle=vehicle)
            return replace(decode([], rulebook.routes), rejects=[reject], reject_source=[0])

        return self._settled([message], read)

    def _settled(self, messages: Sequence[Message], read: Callable[[Rulebook], Decoded]) -> FlushResult:
        for _ in range(MAX_STALE - 1):
            try:
                return self._settle(messages, read)
            except StaleRegistry:
                continue
        return self._settle(messages, read)

    def _settle(self, messages: Sequence[Message], read: Callable[[Rulebook], Decoded]) -> FlushResult:
        self._hear()
        rulebook = self._current_rulebook()
        decoded = read(rulebook)
        heard = set(decoded.batch.vehicle.tolist())
        heard.update(reject.vehicle for reject in decoded.rejects if reject.vehicle is not None)
        self._load_tracks(heard)
        intake = take_in(decoded, messages, self._tracks, self._store)
        in_arrival = np.argsort(intake.source, kind="stable")
        loads, seen = self._officers.observe(intake.batch, in_arrival[~intake.late[in_arrival]])
        batch = replace(intake.batch, officer_load=loads)
        looks: list[Observed] = []

        def observe(jump: Flags) -> Codes:
            looks.append(self._airspace.observe(rulebook, batch, intake.late, jump))
            return looks[0].proximity

        judged = judge_in_order(
            rulebook, batch, intake.late, self._tracks, self._settings.coverage_factor, observe=observe
        )
        (near,) = looks
        tracks = self._renewed(intake, judged)
        answers, unknown = self._answers(rulebook, decoded, messages)
        obeyed, observed = self._obedience.observe(rulebook, judged.batch)
        rejects = [*intake.rejects, *unknown]
        self._commit(
            Flush(
                worker=self._settings.worker,
                flushed_at_ms=self._clock(),
                judged=judged.batch,
                rejects=rejects,
                alerts=judged.changes,
                tracks=[state_of(key, track) for key, track in tracks.items()],
                outbox=self._announce(rulebook, judged.changes, near.encounters),
                answers=answers,
                obeyed=obeyed,
                encounters=near.encounters,
            )
        )
        # Only what is stored is remembered: until here the same messages could be processed again.
        self._tracks.update(tracks)
        self._officers.keep(seen)
        self._airspace.keep(near.seen)
        self._obedience.keep(observed)
        return self._result(rulebook, intake, judged, tracks, len(rejects))

    def _hear(self) -> None:
        """What other workers have stored meanwhile is known, whatever becomes of this flush."""
        if self._neighbours is None:
            return
        heard = self._neighbours.take()
        for each in heard.samples:
            self._officers.hear(each.batch)
        self._airspace.hear(heard)

    def _commit(self, flush: Flush) -> None:
        try:
            self._store.commit(flush)
        except StoreUnavailable:
            # Whether it was written before the answer got lost, only the store knows: read it again.
            for state in flush.tracks:
                self._tracks.pop(state.vehicle, None)
            raise

    def _current_rulebook(self) -> Rulebook:
        generation = self._registry.generation()
        if self._rulebook is None or self._rulebook.generation != generation:
            self._rulebook = _compiled(self._registry, self._rulebook)
        return self._rulebook

    def _load_tracks(self, vehicles: Iterable[int]) -> None:
        """Bring back what was remembered of vehicles that this process has not heard of yet."""
        unknown = [key for key in vehicles if key not in self._tracks]
        if unknown:
            kept = {state.vehicle: track_of(state) for state in self._store.tracks(unknown)}
            self._tracks.update({key: kept.get(key, NEW_TRACK) for key in unknown})

    def _renewed(self, intake: Intake, judged: Judged) -> dict[int, Track]:
        """The tracks of all vehicles that the flush heard of, with what is settled now."""
        tracks: dict[int, Track] = {}
        for key, (watermark, received) in intake.received.items():
            track = judged.tracks.get(key) or self._tracks[key]
            tracks[key] = Track(
                watermark,
                received,
                track.last_timestamp_ms,
                track.last_seq,
                track.believed,
                track.candidates,
                track.runs,
            )
        return tracks

    def _announce(
        self, rulebook: Rulebook, changes: Sequence[AlertChange], encounters: Sequence[Encounter]
    ) -> list[OutboxMessage]:
        topic = alerts_topic(self._settings.worker)
        nearest: dict[tuple[int, Finding], Encounter] = {}
        for each in sorted(encounters, key=lambda one: -one.closest_horizontal_m):
            nearest[each.vehicle, Finding.SEPARATION] = each
        return [
            OutboxMessage(
                topic,
                encode_alert(
                    change,
                    rulebook.vehicles[change.vehicle].vehicle_id,
                    nearest.get((change.vehicle, change.finding)),
                ),
            )
            for change in changes
        ]

    def _answers(
        self, rulebook: Rulebook, decoded: Decoded, messages: Sequence[Message]
    ) -> tuple[list[StoredAnswer], list[Reject]]:
        """The answers to directives of their senders, and as rejects those to anything else."""
        if not decoded.answers:
            return [], []
        known = self._store.directives({answer.directive_id for _, answer in decoded.answers})
        answers: list[StoredAnswer] = []
        rejects: list[Reject] = []
        for index, answer in decoded.answers:
            message = messages[index]
            sender = rulebook.answer_routes[message.topic].key
            directive, vehicle = known.get(answer.directive_id, (-1, -1))
            if vehicle == sender:
                answers.append(StoredAnswer(directive, answer, message.received_ms))
            else:
                detail = f"no directive {answer.directive_id} was given to this vehicle"
                rejects.append(reject_of(message, RejectReason.INVALID_FIELD, detail, vehicle=sender))
        return answers, rejects

    def _result(
        self, rulebook: Rulebook, intake: Intake, judged: Judged, tracks: dict[int, Track], rejected: int
    ) -> FlushResult:
        return FlushResult(
            watermarks=[
                Watermark(rulebook.vehicles[key].vehicle_id, track.watermark, track.received)
                for key, track in tracks.items()
            ],
            positions=newest_positions(judged.batch, rulebook.vehicles),
            alerts=judged.changes,
            generation=rulebook.generation,
            committed_ms=self._clock(),
            stored=len(intake.batch),
            late=int(intake.late.sum()),
            rejected=rejected,
            duplicates=intake.duplicates,
        )


def _compiled(registry: Registry, previous: Rulebook | None) -> Rulebook:
    try:
        return Rulebook.of(registry.snapshot(), previous)
    except StoreUnavailable:
        raise
    except Exception as error:  # whatever it is, the messages are not to blame and must wait
        _LOG.exception("The registry cannot be read or compiled")
        raise RegistryUnusable(f"the registry cannot be read or compiled: {error!r}") from error
