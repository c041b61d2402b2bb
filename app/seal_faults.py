"""What may be wrong with sealed samples, and the sentences for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from telemetry.sealing import SampleKey

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class FaultKind(StrEnum):
    """What is wrong. Stable codes."""

    SAMPLE_ALTERED = "sample_altered"
    SAMPLE_MISSING = "sample_missing"
    SAMPLE_UNKNOWN = "sample_unknown"  # stored, and no block holds it
    SAMPLE_SEALED_TWICE = "sample_sealed_twice"
    SAMPLES_EXCHANGED = "samples_exchanged"
    BLOCK_ALTERED = "block_altered"
    BLOCK_MISSING = "block_missing"
    BLOCK_UNCHAINED = "block_unchained"  # it does not follow the block before it
    CHAIN_CUT = "chain_cut"  # its head names another block than its last one
    HEAD_MISSING = "head_missing"
    ANCHOR_BROKEN = "anchor_broken"  # the audit log knows a block that is not there, or with another hash
    ANCHOR_UNREADABLE = "anchor_unreadable"
    CUT_UNKNOWN = "cut_unknown"  # a chain was cut at its beginning, and the audit log does not know of it
    ARCHIVE_UNKNOWN = "archive_unknown"  # a day is said to be in the archive, and the audit log does not know of it
    ARCHIVE_MISSING = "archive_missing"  # the audit log knows a day in the archive, and nothing else does


@dataclass(frozen=True, slots=True)
class SealFault:
    """One thing that is wrong: with a sample (`sample`, `other` with which it was exchanged) or with a block.

    `last` is the last of several missing blocks, or the block that the head of a cut chain names.
    """

    kind: FaultKind
    sample: SampleKey | None = None
    other: SampleKey | None = None
    chain: str = ""
    number: int = 0
    last: int = 0


def described(fault: SealFault, vehicle_ids: Mapping[int, str]) -> str:
    """The fault as a sentence that names the sample or the block."""
    return _SENTENCES[fault.kind](fault, vehicle_ids)


def _sample(key: SampleKey | None, vehicle_ids: Mapping[int, str]) -> str:
    if key is None:
        raise ValueError("a fault of a sample names it")
    timestamp_ms, vehicle, seq = key
    try:
        time = f"{(_EPOCH + timedelta(milliseconds=timestamp_ms)).isoformat(timespec='milliseconds')[:-6]}Z"
    except (OverflowError, TypeError):  # an altered one
        time = f"{timestamp_ms} ms"
    return f"the sample of {vehicle_ids.get(vehicle, f'the unregistered vehicle {vehicle}')} at {time}, seq {seq}"


def _of_sample(ending: str) -> Callable[[SealFault, Mapping[int, str]], str]:
    def sentence(fault: SealFault, vehicle_ids: Mapping[int, str]) -> str:
        where = f" (block {fault.number} of chain {fault.chain})" if fault.chain else ""
        return f"{_sample(fault.sample, vehicle_ids)} {ending}{where}"

    return sentence


def _of_block(ending: str) -> Callable[[SealFault, Mapping[int, str]], str]:
    return lambda fault, _: f"block {fault.number} of chain {fault.chain} {ending}"


def _exchanged(fault: SealFault, vehicle_ids: Mapping[int, str]) -> str:
    return f"{_sample(fault.sample, vehicle_ids)} and {_sample(fault.other, vehicle_ids)} were exchanged"


def _missing(fault: SealFault, _: Mapping[int, str]) -> str:
    if fault.number == fault.last:
        return f"block {fault.number} of chain {fault.chain} is missing"
    if fault.last < fault.number:
        return f"a block {fault.last + 1} does not belong to chain {fault.chain}"
    return f"blocks {fault.number} to {fault.last} of chain {fault.chain} are missing"


_SENTENCES: Mapping[FaultKind, Callable[[SealFault, Mapping[int, str]], str]] = {
    FaultKind.SAMPLE_ALTERED: _of_sample("was altered"),
    FaultKind.SAMPLE_MISSING: _of_sample("is missing"),
    FaultKind.SAMPLE_UNKNOWN: _of_sample("was never sealed"),
    FaultKind.SAMPLE_SEALED_TWICE: _of_sample("was sealed twice"),
    FaultKind.SAMPLES_EXCHANGED: _exchanged,
    FaultKind.BLOCK_ALTERED: _of_block("was altered"),
    FaultKind.BLOCK_MISSING: _missing,
    FaultKind.BLOCK_UNCHAINED: _of_block("does not follow the block before it"),
    FaultKind.CHAIN_CUT: lambda fault, _: (
        f"chain {fault.chain} ends with block {fault.number}, but its head names block {fault.last}"
    ),
    FaultKind.HEAD_MISSING: lambda fault, _: f"the head of chain {fault.chain} is missing",
    FaultKind.ANCHOR_BROKEN: _of_block("is not the one that the audit log names"),
    FaultKind.CUT_UNKNOWN: _of_block("is said to be a cut, but the audit log does not name it"),
    FaultKind.ARCHIVE_UNKNOWN: lambda fault, _: f"the audit log does not know the archived day {fault.chain}",
    FaultKind.ARCHIVE_MISSING: lambda fault, _: f"the archived day {fault.chain} is no longer listed",
    FaultKind.ANCHOR_UNREADABLE: lambda _fault, _: "an entry of the audit log about the seals cannot be read",
}
