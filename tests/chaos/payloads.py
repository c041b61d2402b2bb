"""Hostile payloads by the dozen, each with the reasons for which it may be rejected."""

from __future__ import annotations

import hashlib
import json
import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from telemetry.messages import MAX_PAYLOAD_BYTES, MAX_SAMPLES, telemetry_topic
from telemetry.ports import RejectReason as Why

NAN_WORDS = ("NaN", "Infinity", "-Infinity", "nan", "1e999", "-1e400")
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Hostile:
    """One message that must become one reject, for one of the reasons."""

    kind: str
    topic: str
    payload: bytes
    reasons: frozenset[Why]

    @property
    def rejected_bytes(self) -> bytes:
        """What the record is of: the payload, or the only element of an array."""
        is_array = self.payload.startswith(b"[") and self.payload.endswith(b"]")
        return self.payload[1:-1] if is_array and self.kind != "too_many" else self.payload

    @property
    def digest(self) -> bytes:
        """What the record is known by: redelivered or repeated, it is still the same one."""
        return hashlib.sha256(self.topic.encode() + b"\0" + self.rejected_bytes).digest()


class Fuzzer:
    """An endless, repeatable stream of hostile messages in the name of one registered vehicle."""

    def __init__(self, vehicle_id: str, seed: int, clock_ms: int) -> None:
        self.vehicle_id = vehicle_id
        self._topic = telemetry_topic(vehicle_id)
        self._chance = random.Random(seed)
        self._clock_ms = clock_ms
        self._count = 0

    def next(self) -> Hostile:
        self._count += 1
        kind, make, reasons = self._chance.choices(KINDS, WEIGHTS)[0]
        topic, payload = make(self)
        return Hostile(kind, topic, payload, frozenset(reasons))

    def sample(self) -> dict[str, object]:
        """A good sample, to be spoiled. Numbers repeat, so that no gaps pile up that no vehicle would leave."""
        return {
            "n": self._count,
            "seq": 10**12 + self._count // 50,
            "timestamp": self._clock_ms,
            "location": {"lat": 22.52, "lng": 113.89, "horizontal_accuracy": 1.0},
            "mode": "autonomous",
        }

    def spoiled(self, **changes: object) -> tuple[str, bytes]:
        return self._topic, json.dumps({**self.sample(), **changes}).encode()

    def placed(self, **changes: object) -> tuple[str, bytes]:
        return self.spoiled(location={"lat": 22.52, "lng": 113.89, **changes})

    def broken_json(self) -> tuple[str, bytes]:
        text = json.dumps(self.sample()).encode()
        return self._topic, text[: self._chance.randrange(1, len(text))] + b" " * (self._count % 7)

    def noise(self) -> tuple[str, bytes]:
        return self._topic, b"\xff" + self._chance.randbytes(self._chance.randrange(1, 300))

    def flipped_bits(self) -> tuple[str, bytes]:
        text = bytearray(json.dumps(self.sample()).encode())
        text[self._chance.choice([i for i, byte in enumerate(text) if byte in b'{}:,"'])] = 0x07
        return self._topic, bytes(text)

    def wrong_type(self) -> tuple[str, bytes]:
        name = self._chance.choice(["seq", "timestamp", "location", "mode", "passengers", "faults", "battery_percent"])
        return self.spoiled(**{name: self._chance.choice([{}, [[]], {"a": 1}, "text", True])})

    def not_a_number(self) -> tuple[str, bytes]:
        name = self._chance.choice(["lat", "lng"])
        text = json.dumps({**self.sample(), "location": {"lat": 22.52, "lng": 113.89, name: "@"}})
        return self._topic, text.replace('"@"', self._chance.choice(NAN_WORDS)).encode()

    def huge_number(self) -> tuple[str, bytes]:
        name = self._chance.choice(["seq", "timestamp", "passengers"])
        return self.spoiled(**{name: 10 ** self._chance.randrange(19, 400) + self._count})

    def null(self) -> tuple[str, bytes]:
        return self.spoiled(**{self._chance.choice(["seq", "timestamp", "location"]): None})

    def missing(self) -> tuple[str, bytes]:
        sample = self.sample()
        del sample[self._chance.choice(["seq", "timestamp", "location"])]
        return self._topic, json.dumps({**sample, "extra": self._count}).encode()

    def deep(self) -> tuple[str, bytes]:
        depth = self._chance.choice([100, 2_000, 30_000])
        opening, closing = self._chance.choice([(b"[", b"]"), (b'{"a":', b"}")])
        closed = self._chance.random() < 0.5
        return self._topic, opening * depth + b"%d" % self._count + (closing * depth if closed else b"")

    def deep_within(self) -> tuple[str, bytes]:
        text = json.dumps({**self.sample(), "location": "@"}).encode()
        return self._topic, text.replace(b'"@"', b"[" * 5_000 + b"]" * 5_000)

    def megabyte(self) -> tuple[str, bytes]:
        return self._topic, b'{"a":"' + b"x" * (1024 * 1024) + b'%d"}' % self._count

    def just_too_large(self) -> tuple[str, bytes]:
        return self.spoiled(officer_id="x" * MAX_PAYLOAD_BYTES)

    def too_many(self) -> tuple[str, bytes]:
        return self._topic, json.dumps([{"seq": self._count}] * (MAX_SAMPLES + 1)).encode()

    def wrong_partition(self) -> tuple[str, bytes]:
        partition = self._chance.choice(["64", "999", "-1", "x", "00"])
        return f"v1/{partition}/{self.vehicle_id}/telemetry", json.dumps(self.sample()).encode()

    def foreign_topic(self) -> tuple[str, bytes]:
        name = self._chance.choice(["nobody", "车", "car-001 ", "a" * 300, "%00", "'; DROP TABLE samples"])
        return telemetry_topic(name), json.dumps(self.sample()).encode()

    def foreign_vehicle(self) -> tuple[str, bytes]:
        return self.spoiled(vehicle_id=self._chance.choice(["somebody-else", "", self.vehicle_id.upper()]))

    def swapped(self) -> tuple[str, bytes]:
        return self.placed(lat=113.89, lng=22.52)

    def nowhere(self) -> tuple[str, bytes]:
        return self.placed(
            lat=self._chance.choice([90.001, -91, 1e6, 1e300]), lng=self._chance.choice([0, 180.5, -1e9])
        )

    def of_1970(self) -> tuple[str, bytes]:
        return self.spoiled(timestamp=self._chance.randrange(DAY_MS))

    def of_2100(self) -> tuple[str, bytes]:
        return self.spoiled(timestamp=4_102_444_800_000 + self._chance.randrange(DAY_MS))

    def in_seconds(self) -> tuple[str, bytes]:
        return self.spoiled(timestamp=self._clock_ms // 1000)

    def out_of_range(self) -> tuple[str, bytes]:
        name, value = self._chance.choice(
            [("heading", 400), ("speed", -1), ("horizontal_accuracy", -0.1), ("speed", 1e9)]
        )
        return self.placed(**{name: value})

    def bad_number(self) -> tuple[str, bytes]:
        return self.spoiled(seq=self._chance.choice([0, -1, 2**53 + 1, -(2**63)]), extra=self._count)

    def unknown_word(self) -> tuple[str, bytes]:
        name = self._chance.choice(["mode", "safety_officer", "altitude_datum"])
        return self.spoiled(**{name: self._chance.choice(["", "AUTONOMOUS", "自动", "\u0000", "none "])})

    def half_surrogate(self) -> tuple[str, bytes]:
        text = json.dumps({**self.sample(), "officer_id": "@"})
        return self._topic, text.replace("@", "\\ud800").encode()

    def not_json_at_all(self) -> tuple[str, bytes]:
        packed = struct.pack(">dd", self._chance.random(), self._chance.random())
        return self._topic, self._chance.choice(
            [b"\x00" + packed, b"<xml>%d</xml>" % self._count, b"lat=22.5&n=%d" % self._count]
        )

    def bare_value(self) -> tuple[str, bytes]:
        return self._topic, self._chance.choice([b"%d", b'"%d"', b"[[%d]]", b"[%d]"]) % self._count


Maker = Callable[[Fuzzer], tuple[str, bytes]]
KINDS: Sequence[tuple[str, Maker, set[Why]]] = [
    (maker.__name__, maker, reasons)
    for maker, reasons in (
        (Fuzzer.broken_json, {Why.MALFORMED_JSON}),
        (Fuzzer.noise, {Why.MALFORMED_JSON}),
        (Fuzzer.flipped_bits, {Why.MALFORMED_JSON}),
        (Fuzzer.wrong_type, {Why.INVALID_FIELD, Why.TIMESTAMP_OUT_OF_RANGE}),
        (Fuzzer.not_a_number, {Why.MALFORMED_JSON, Why.POSITION_OUT_OF_RANGE, Why.INVALID_FIELD}),
        (Fuzzer.huge_number, {Why.INVALID_FIELD, Why.TIMESTAMP_OUT_OF_RANGE, Why.MALFORMED_JSON}),
        (Fuzzer.null, {Why.INVALID_FIELD, Why.TIMESTAMP_OUT_OF_RANGE}),
        (Fuzzer.missing, {Why.INVALID_FIELD}),
        (Fuzzer.deep, {Why.MALFORMED_JSON, Why.INVALID_FIELD}),
        (Fuzzer.deep_within, {Why.MALFORMED_JSON, Why.INVALID_FIELD}),
        (Fuzzer.megabyte, {Why.TOO_LARGE}),
        (Fuzzer.just_too_large, {Why.TOO_LARGE}),
        (Fuzzer.too_many, {Why.TOO_MANY_SAMPLES}),
        (Fuzzer.wrong_partition, {Why.WRONG_PARTITION}),
        (Fuzzer.foreign_topic, {Why.UNKNOWN_VEHICLE}),
        (Fuzzer.foreign_vehicle, {Why.WRONG_VEHICLE}),
        (Fuzzer.swapped, {Why.POSITION_OUT_OF_RANGE}),
        (Fuzzer.nowhere, {Why.POSITION_OUT_OF_RANGE}),
        (Fuzzer.of_1970, {Why.TIMESTAMP_OUT_OF_RANGE}),
        (Fuzzer.of_2100, {Why.TIMESTAMP_OUT_OF_RANGE}),
        (Fuzzer.in_seconds, {Why.TIMESTAMP_OUT_OF_RANGE}),
        (Fuzzer.out_of_range, {Why.INVALID_FIELD}),
        (Fuzzer.bad_number, {Why.INVALID_FIELD}),
        (Fuzzer.unknown_word, {Why.INVALID_FIELD}),
        (Fuzzer.half_surrogate, {Why.INVALID_FIELD, Why.MALFORMED_JSON}),
        (Fuzzer.not_json_at_all, {Why.MALFORMED_JSON}),
        (Fuzzer.bare_value, {Why.INVALID_FIELD}),
    )
]
#: A megabyte each is rare: they would cost the test minutes and prove nothing more.
WEIGHTS = [{"megabyte": 0.02, "just_too_large": 0.05, "deep": 0.3}.get(kind, 1.0) for kind, _, _ in KINDS]
