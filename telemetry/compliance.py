"""Samples against permit and place: verdicts as columns. Judges by each sample's own time only."""

from __future__ import annotations

import logging
from dataclasses import fields

import numpy as np

from geofences.schedule import Activity
from telemetry.findings import OF_SAMPLES, Finding
from telemetry.judgement import Case, Judgement
from telemetry.occurrences import judge_occurrences
from telemetry.places import judge_place
from telemetry.plausibility import clock_skewed, low_accuracy
from telemetry.rulebook import ALL_MODES, ALL_OFFICERS, NOBODY, UNKNOWN, Rulebook, Standing
from telemetry.samples import Flags, Integers, Proximity, Reals, SafetyOfficer, SampleBatch, take

_log = logging.getLogger(__name__)

_EVERYTHING = OF_SAMPLES & ~int(Finding.INDETERMINATE)


def judge(rulebook: Rulebook, batch: SampleBatch, jump: Flags, previous: Reals, coverage_factor: float) -> Judgement:
    """Judge a batch. `jump` (n,) and `previous` (n, 8) are telemetry.belief's.

    Never raises for what a sample holds: a sample whose judging fails is INDETERMINATE with every
    finding undecided, and the traceback is logged. Others are not touched by it. Only findings that were
    judged at the registry's generation are.
    """
    judgement = _judge_all(rulebook, batch, jump, previous, coverage_factor)
    judgement.limit(rulebook.source.findings)
    return judgement


def _judge_all(
    rulebook: Rulebook, batch: SampleBatch, jump: Flags, previous: Reals, coverage_factor: float
) -> Judgement:
    try:
        return _judge(rulebook, batch, jump, previous, coverage_factor)
    except Exception:  # noqa: BLE001 - whatever fails must end as indeterminate, never as a lost sample
        _log.exception("a batch of %d samples could not be judged at once; judging them one by one", len(batch))
    whole = Judgement.blank(len(batch))
    for row in range(len(batch)):
        rows = np.array([row], dtype=np.int64)
        try:
            one = _judge(rulebook, take(batch, rows), jump[rows], previous[rows], coverage_factor)
        except Exception:  # noqa: BLE001 - as above
            _log.exception("vehicle %d, seq %d could not be judged", batch.vehicle[row], batch.seq[row])
            one = Judgement.blank(1)
            one.lack(_EVERYTHING, np.ones(1, dtype=np.bool_))
        for column in fields(Judgement):
            getattr(whole, column.name)[row] = getattr(one, column.name)[0]
    return whole


def _judge(rulebook: Rulebook, batch: SampleBatch, jump: Flags, previous: Reals, coverage_factor: float) -> Judgement:
    into = Judgement.blank(len(batch))
    if not len(batch):
        return into
    permit, standing = rulebook.timelines.at(rulebook.rows_of(batch.vehicle), batch.timestamp_ms)
    named = permit >= 0
    into.permit_revision[named] = rulebook.permits.revision[permit[named]]
    into.find(Finding.PERMIT_MISSING, standing == Standing.MISSING)
    into.find(Finding.PERMIT_SUSPENDED, standing == Standing.SUSPENDED)
    into.find(Finding.CLOCK_SKEW, clock_skewed(batch.timestamp_ms, batch.received_ms))
    into.find(Finding.IMPLAUSIBLE_JUMP, jump)
    officer = rulebook.officers.rows_of(batch.officer_id)
    case = Case(rulebook, batch, permit, standing == Standing.GOVERNED, officer, jump, previous, coverage_factor)
    _judge_licences(case, into)
    _judge_separation(case, into)
    if case.governed.any():
        _judge_hours(case, into)
        _judge_officers(case, into)
        _judge_people(case, into)
        _judge_remote_ratio(case, into)
        _judge_accuracy(case, into)
    judge_place(case, into)
    judge_occurrences(case, into)
    return into


def _judge_licences(case: Case, into: Judgement) -> None:
    """The licence of the officer named, whatever the permit says; an officer unknown here proves nothing."""
    expires_ms = case.rulebook.officers.licence_expires_ms[case.officer]
    into.find(Finding.LICENCE_EXPIRED, expires_ms <= case.batch.timestamp_ms)
    into.lack(int(Finding.LICENCE_EXPIRED), case.officer == UNKNOWN)


def _judge_separation(case: Case, into: Judgement) -> None:
    """What was seen near an aircraft, whatever its permit says. Of samples that nobody observed nothing is said."""
    near = np.maximum(case.batch.proximity, 0)
    if not near.any():
        return
    into.find(Finding.SEPARATION, near & (Proximity.CLOSE | Proximity.CLOSING) > 0)
    into.find(Finding.VERTIPORT_CONFLICT, near & Proximity.VERTIPORT > 0)
    into.doubt(int(Finding.SEPARATION), near & Proximity.UNDECIDED > 0)
    into.lack(int(Finding.SEPARATION | Finding.VERTIPORT_CONFLICT), near & Proximity.FAILED > 0)
    # Somebody who was not heard of may be near; who was is near whoever else there is.
    unheard = (near & Proximity.UNHEARD > 0) & case.rulebook.flies[case.rulebook.rows_of(case.batch.vehicle)]
    into.lack(int(Finding.SEPARATION), unheard & (into.verdict & int(Finding.SEPARATION) == 0))
    into.lack(int(Finding.VERTIPORT_CONFLICT), unheard & (into.verdict & int(Finding.VERTIPORT_CONFLICT) == 0))


def _judge_officers(case: Case, into: Judgement) -> None:
    """Whether the permit lets the person named steer: one of those it names, else one of the holder's.

    Somebody unknown and nobody are no organisation's, and so never slip through as the holder's.
    """
    permits, officers, officer = case.rulebook.permits, case.rulebook.officers, case.officer
    named_only = permits.names_officers[case.permit]
    amiss = officers.organisation[officer] != permits.holder[case.permit]
    if named_only.any():
        amiss |= named_only & ~officers.are_named(case.permit, officer)
    amiss &= case.governed
    if not amiss.any():
        return
    left_out = (officer > NOBODY) | (named_only & (officer == UNKNOWN))
    into.find(Finding.OFFICER_NOT_PERMITTED, amiss & left_out)
    unsaid = named_only & (officer == NOBODY) & (case.batch.safety_officer != SafetyOfficer.NONE)
    into.lack(int(Finding.OFFICER_NOT_PERMITTED), amiss & (unsaid | (~named_only & (officer == UNKNOWN))))


def _judge_hours(case: Case, into: Judgement) -> None:
    schedules = case.rulebook.schedules
    if not schedules:
        return
    hours = case.codes(case.rulebook.permits.hours, -1)
    for row in np.unique(hours[hours >= 0]).tolist():
        rows = np.flatnonzero(hours == row)
        activity = np.full(len(hours), Activity.OPEN, dtype=np.int8)
        activity[rows] = schedules[row].activity(case.batch.timestamp_ms[rows])
        into.find(Finding.OUTSIDE_HOURS, activity == Activity.CLOSED)
        into.lack(int(Finding.OUTSIDE_HOURS), activity == Activity.UNKNOWN)


def _judge_people(case: Case, into: Judgement) -> None:
    """Who drives, who watches, who rides."""
    permits, batch = case.rulebook.permits, case.batch
    modes = case.codes(permits.modes, ALL_MODES)
    _judge_choice(Finding.MODE_NOT_PERMITTED, modes, ALL_MODES, batch.mode.astype(np.int64), into)
    officers = case.codes(permits.safety_officers, ALL_OFFICERS)
    _judge_choice(Finding.SAFETY_OFFICER_MISSING, officers, ALL_OFFICERS, batch.safety_officer.astype(np.int64), into)
    empty_only = case.governed & ~permits.passengers_allowed[case.permit]
    into.find(Finding.PASSENGERS_NOT_PERMITTED, empty_only & (batch.passengers > 0))
    into.lack(int(Finding.PASSENGERS_NOT_PERMITTED), empty_only & (batch.passengers < 0))


def _judge_choice(finding: Finding, allowed: Integers, everything: int, chosen: Integers, into: Judgement) -> None:
    """A code against a mask of allowed codes; -1, not said, matters only where something is forbidden."""
    bound = allowed != everything
    if bound.any():
        into.find(finding, bound & (chosen >= 0) & (allowed >> np.maximum(chosen, 0) & 1 == 0))
        into.lack(int(finding), bound & (chosen < 0))


def _judge_remote_ratio(case: Case, into: Judgement) -> None:
    permits, batch = case.rulebook.permits, case.batch
    most = case.codes(permits.vehicles_per_officer, -1)
    if not (most >= 0).any():
        return
    officers = case.codes(permits.safety_officers, ALL_OFFICERS)
    # Nobody said where the officer is: one at a distance, if the permit has such, may have too many.
    unsaid = (batch.safety_officer < 0) & (officers >> int(SafetyOfficer.REMOTE) & 1 == 1)
    limited = (most >= 0) & ((batch.safety_officer == SafetyOfficer.REMOTE) | unsaid)
    into.find(Finding.REMOTE_RATIO_EXCEEDED, limited & (batch.officer_load > most))
    uncounted = np.maximum(batch.proximity, 0) & Proximity.UNHEARD > 0
    into.lack(
        int(Finding.REMOTE_RATIO_EXCEEDED),
        limited & (batch.officer_load <= most) & (uncounted | (batch.officer_load < 0)),
    )


def _judge_accuracy(case: Case, into: Judgement) -> None:
    coarsest_m = case.limits(case.rulebook.permits.minimum_accuracy_m)
    into.find(Finding.LOW_ACCURACY, low_accuracy(case.batch.horizontal_accuracy_m, coarsest_m))
    into.lack(int(Finding.LOW_ACCURACY), np.isfinite(coarsest_m) & np.isnan(case.batch.horizontal_accuracy_m))
