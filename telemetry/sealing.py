"""Seals of stored samples: a digest of every sample, chained block by block. docs/evidence.md has the format.

A block holds the keys and digests of the samples of one flush that lie in the same minute, in the
order of their keys, and the hash of the block before it in its chain. The times of a block's
samples are close together so that a check meets blocks and samples in nearly the same order.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from telemetry.samples import NOT_OBSERVED, Integers, JudgedBatch

#: Raised whenever a byte of the canonical form, or of a block's, comes to mean something else.
FORMAT = 2
DIGEST_BYTES = 16
KEY_BYTES = 24
#: Samples of one block lie in the same interval [k * SPAN_MS, (k + 1) * SPAN_MS).
SPAN_MS = 60_000
NO_HASH = bytes(32)

#: (timestamp_ms, vehicle, seq), as the table `samples` is ordered.
SampleKey = tuple[int, int, int]

# The canonical form's fields in their order: the format, whole numbers, reals, then each text's length.
_WHOLES = (
    "timestamp_ms",
    "vehicle",
    "seq",
    "received_ms",
    "altitude_datum",
    "mode",
    "safety_officer",
    "officer_load",
    "passengers",
    "verdict",
    "undecided",
    "late",
    "zone_revision",
    "permit_revision",
    "generation",
)
#: Whole numbers that came with a format, each with what samples got that had been stored before.
ADDED: Mapping[int, Mapping[str, int]] = {2: {"proximity": NOT_OBSERVED}}
WHOLES = (*_WHOLES, *(name for added in ADDED.values() for name in added))
REALS = (
    "lon",
    "lat",
    "altitude_m",
    "heading_deg",
    "speed_mps",
    "horizontal_accuracy_m",
    "vertical_accuracy_m",
    "vertical_speed_mps",
    "acceleration_mps2",
    "battery_percent",
)
TEXTS = ("officer_id", "faults")
#: Columns of a stored sample in the order of `canonical_form`'s argument.
COLUMNS = (*WHOLES, *REALS, *TEXTS)

#: How many whole numbers each format has: those that it added follow those of the one before.
_WHOLES_OF = {
    number: len(_WHOLES) + sum(len(added) for since, added in ADDED.items() if since <= number)
    for number in range(1, FORMAT + 1)
}
_FIXED_OF = {
    number: struct.Struct(f"<{1 + wholes}q{len(REALS)}d{len(TEXTS)}q") for number, wholes in _WHOLES_OF.items()
}
_FIRST_REAL = 1 + len(WHOLES)
_FIRST_LENGTH = _FIRST_REAL + len(REALS)
_FIELDS = _FIRST_LENGTH + len(TEXTS)
_ABSENT_TEXT = -1
_OF_JUDGEMENT = frozenset({"verdict", "undecided", "late", "zone_revision", "permit_revision", "generation"})


@dataclass(frozen=True, slots=True)
class BlockContent:
    """What a block says of `count` samples: `keys` as little-endian numbers, `digests` one after the other."""

    first_ms: int
    count: int
    keys: bytes
    digests: bytes


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a chain; `number` counts from 1 without gaps, `hash` is what `block_hash` makes of the rest.

    `version` is the format of the block and of its samples' canonical forms.
    """

    version: int
    chain: str
    number: int
    sealed_at_ms: int
    content: BlockContent
    previous_hash: bytes
    hash: bytes


def canonical_form(row: Sequence[object], version: int = FORMAT) -> bytes:
    """The bytes of one stored sample whose digest is sealed. `row` holds COLUMNS; an absent value is None or NaN.

    Two samples have the same bytes of the same format if and only if they are the same. Raises ValueError
    for what cannot be a sample, or not one that was sealed in this format: what came with a later one
    has the value that it got then.
    """
    fixed_part = _FIXED_OF.get(version)
    if fixed_part is None:
        raise ValueError(f"no format {version} of seals is known")
    wholes = _WHOLES_OF[version]
    later = [value for since, added in ADDED.items() if since > version for value in added.values()]
    if list(row[wholes : len(WHOLES)]) != later:
        raise ValueError(f"this is no sample of format {version}")
    texts = [_text_bytes(value) for value in row[_FIRST_LENGTH - 1 :]]
    reals = [_plain_real(value) for value in row[_FIRST_REAL - 1 : _FIRST_LENGTH - 1]]
    lengths = [_ABSENT_TEXT if text is None else len(text) for text in texts]
    try:
        fixed = fixed_part.pack(version, *row[:wholes], *reals, *lengths)
    except struct.error as error:
        raise ValueError(f"this is no sample: {error}") from error
    return fixed + b"".join(text for text in texts if text is not None)


def digest_of(row: Sequence[object], version: int = FORMAT) -> bytes:
    """The digest of one stored sample. Raises ValueError as `canonical_form` does."""
    return hashlib.sha256(canonical_form(row, version)).digest()[:DIGEST_BYTES]


def canonical_forms(batch: JudgedBatch, rows: Integers) -> list[bytes]:
    """The same of many samples at once, in the newest format: of the batch's `rows`, in that order."""
    fixed = np.empty((len(rows), _FIELDS), dtype="<i8")
    fixed[:, 0] = FORMAT
    for place, name in enumerate(WHOLES, start=1):
        fixed[:, place] = batch.generation if name == "generation" else _column(batch, name)[rows]
    reals = np.array([_column(batch, name) for name in REALS], dtype="<f8")[:, rows] + 0.0  # -0.0 becomes 0.0
    reals[np.isnan(reals)] = np.nan
    fixed[:, _FIRST_REAL:_FIRST_LENGTH] = reals.T.copy().view("<i8")
    tails: list[list[bytes]] = []
    for place, name in enumerate(TEXTS, start=_FIRST_LENGTH):
        values = getattr(batch.samples, name)
        if values.count(None) == len(values):
            fixed[:, place] = _ABSENT_TEXT
            continue
        known = {text: _text_bytes(text) for text in set(values)}
        texts = [known[values[row]] for row in rows.tolist()]
        fixed[:, place] = [_ABSENT_TEXT if text is None else len(text) for text in texts]
        tails.append([text or b"" for text in texts])
    forms: list[bytes] = fixed.view(f"V{_FIXED_OF[FORMAT].size}")[:, 0].tolist()
    return [b"".join(parts) for parts in zip(forms, *tails, strict=True)] if tails else forms


def contents_of(batch: JudgedBatch) -> list[BlockContent]:
    """What is to be sealed of a batch: one content a minute that its samples lie in."""
    samples = batch.samples
    if not len(samples):
        return []
    order = np.lexsort((samples.seq, samples.vehicle, samples.timestamp_ms))
    keys = np.empty((len(order), 3), dtype="<i8")
    for place, values in enumerate((samples.timestamp_ms, samples.vehicle, samples.seq)):
        keys[:, place] = values[order]
    sha256 = hashlib.sha256
    digests = [sha256(form).digest()[:DIGEST_BYTES] for form in canonical_forms(batch, order)]
    bounds = [0, *(np.flatnonzero(np.diff(keys[:, 0] // SPAN_MS)) + 1).tolist(), len(order)]
    return [
        BlockContent(int(keys[start, 0]), end - start, keys[start:end].tobytes(), b"".join(digests[start:end]))
        for start, end in pairwise(bounds)
    ]


def chained(
    contents: Sequence[BlockContent],
    *,
    chain: str,
    after: int,
    previous_hash: bytes,
    sealed_at_ms: int,
    version: int = FORMAT,
) -> Iterator[Block]:
    """The blocks that follow the block number `after` (0: none) of a chain."""
    for number, content in enumerate(contents, start=after + 1):
        digest = block_hash(chain, number, sealed_at_ms, content, previous_hash, version)
        yield Block(version, chain, number, sealed_at_ms, content, previous_hash, digest)
        previous_hash = digest


def block_hash(  # noqa: PLR0917 -- everything that a block says
    chain: str,
    number: int,
    sealed_at_ms: int,
    content: BlockContent,
    previous_hash: bytes,
    version: int = FORMAT,
) -> bytes:
    """SHA-256 of everything that a block says."""
    return linked_hash(
        chain,
        number,
        sealed_at_ms,
        count=content.count,
        content_digest=content_hash(content),
        previous_hash=previous_hash,
        version=version,
    )


def content_hash(content: BlockContent) -> bytes:
    """SHA-256 of a block's keys and digests: with it the block's place in its chain is proven without them."""
    return hashlib.sha256(content.keys + content.digests).digest()


def linked_hash(
    chain: str,
    number: int,
    sealed_at_ms: int,
    *,
    count: int,
    content_digest: bytes,
    previous_hash: bytes,
    version: int = FORMAT,
) -> bytes:
    """The hash of a block whose content has this hash."""
    name = chain.encode()
    numbers = struct.pack("<5q", version, number, sealed_at_ms, count, len(name))
    return hashlib.sha256(b"".join((numbers, name, previous_hash, content_digest))).digest()


def entries_of(content: BlockContent) -> list[tuple[SampleKey, bytes]]:
    """Keys and digests. Raises ValueError for what no seal can hold."""
    count, keys, digests = content.count, content.keys, content.digests
    if (len(keys), len(digests)) != (count * KEY_BYTES, count * DIGEST_BYTES):
        raise ValueError(f"keys and digests of {count} samples were expected")
    parts = (digests[start : start + DIGEST_BYTES] for start in range(0, len(digests), DIGEST_BYTES))
    return list(zip(struct.iter_unpack("<3q", keys), parts, strict=True))


def _column(batch: JudgedBatch, name: str) -> NDArray[np.generic]:
    values: NDArray[np.generic] = getattr(batch if name in _OF_JUDGEMENT else batch.samples, name)
    return values


def _plain_real(value: object) -> object:
    """NULL and every NaN are one, and so are both zeros: a database may not tell them apart."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return math.nan
    return value + 0.0 if isinstance(value, float) else value


def _text_bytes(value: object) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    raise ValueError(f"a text was expected, not {type(value).__name__}")
