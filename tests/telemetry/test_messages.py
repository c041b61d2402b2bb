"""Topics and payloads: what is believed, what is rejected, and why."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest

from telemetry.decoding import Decoded, decode
from telemetry.messages import (
    KEPT_PAYLOAD_BYTES,
    MAX_PAYLOAD_BYTES,
    Message,
    committed_topic,
    partition_of,
    routes,
    telemetry_topic,
)
from telemetry.payloads import elements
from telemetry.ports import Reject, RejectReason
from telemetry.samples import AltitudeDatum, Mode, SafetyOfficer
from tests.telemetry.cast import CAR, OTHER_CAR, T0, message, payload

ROUTES = routes([CAR, OTHER_CAR])
NOW = T0 + 100


def read(body: bytes | str, topic: str | None = None) -> Decoded:
    raw = body if isinstance(body, bytes) else body.encode()
    return decode([Message(telemetry_topic(CAR.vehicle_id) if topic is None else topic, raw, NOW)], ROUTES)


def rejected(body: bytes | str, topic: str | None = None) -> Reject:
    decoded = read(body, topic)
    assert len(decoded.batch) == 0
    assert len(decoded.rejects) == 1
    return decoded.rejects[0]


def test_partitions_are_stable_and_in_range() -> None:
    assert partition_of("QH-ICV-001") == 33
    assert {partition_of(f"V{i}") for i in range(2000)} == set(range(64))
    assert telemetry_topic("X") == f"v1/{partition_of('X')}/X/telemetry"
    assert committed_topic("X") == f"v1/{partition_of('X')}/X/committed"


def test_the_example_of_the_design_becomes_columns() -> None:
    example = (
        f'{{"seq":18241,"timestamp":{T0},"location":{{"lat":22.5266,"lng":113.9012,"altitude":12.3,"heading":123.4,'
        '"speed":8.3,"horizontal_accuracy":0.6,"vertical_accuracy":1.1},"altitude_datum":"AMSL","vertical_speed":0.0,'
        '"acceleration":0.2,"mode":"autonomous","safety_officer":"onboard","officer_id":"SO-0412","passengers":2,'
        '"battery_percent":81,"faults":["lidar"],"later":{"unknown":[1]}}'
    )
    batch = read(example).batch
    assert (batch.vehicle[0], batch.seq[0], batch.timestamp_ms[0], batch.received_ms[0]) == (CAR.key, 18241, T0, NOW)
    assert (batch.lat[0], batch.lon[0], batch.altitude_m[0], batch.speed_mps[0]) == (22.5266, 113.9012, 12.3, 8.3)
    assert (batch.mode[0], batch.safety_officer[0]) == (Mode.AUTONOMOUS, SafetyOfficer.ONBOARD)
    assert batch.altitude_datum[0] == AltitudeDatum.AMSL
    assert (batch.officer_id, batch.faults, batch.passengers[0]) == (["SO-0412"], ['["lidar"]'], 2)


def test_what_is_absent_is_never_invented() -> None:
    batch = read(f'{{"seq":1,"timestamp":{T0},"location":{{"lat":22.5,"lng":113.9,"speed":null}},"mode":null}}').batch
    for column in (batch.altitude_m, batch.speed_mps, batch.horizontal_accuracy_m, batch.vertical_accuracy_m):
        assert math.isnan(column[0])
    assert (batch.mode[0], batch.safety_officer[0], batch.altitude_datum[0], batch.passengers[0]) == (-1, -1, -1, -1)
    assert batch.officer_id == [None]
    assert batch.faults == [None]


def test_special_values_of_remote_identification_mean_unknown() -> None:
    location = {"heading": 361, "speed": 255, "altitude": -1000}
    batch = decode([message(payload(1, location=location, vertical_speed=63))], ROUTES).batch
    for column in (batch.heading_deg, batch.speed_mps, batch.altitude_m, batch.vertical_speed_mps):
        assert math.isnan(column[0])


GOOD = json.dumps(payload(1))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", RejectReason.MALFORMED_JSON),
        (b"{", RejectReason.MALFORMED_JSON),
        (b"\xff\xfe", RejectReason.MALFORMED_JSON),
        (b"nonsense", RejectReason.MALFORMED_JSON),
        (b"[" * 100_000, RejectReason.INVALID_FIELD),
        (b'{"a":' * 40_000, RejectReason.MALFORMED_JSON),
        (b"null", RejectReason.INVALID_FIELD),
        (b"7", RejectReason.INVALID_FIELD),
        (b"[]", RejectReason.INVALID_FIELD),
        (b"{}", RejectReason.INVALID_FIELD),
        (b" " * (MAX_PAYLOAD_BYTES + 1), RejectReason.TOO_LARGE),
        (b"x" * 1024 * 1024, RejectReason.TOO_LARGE),
        (json.dumps([payload(i + 1) for i in range(501)]), RejectReason.TOO_MANY_SAMPLES),
        (GOOD.replace('"seq": 1', '"seq": 0'), RejectReason.INVALID_FIELD),
        (GOOD.replace('"seq": 1', '"seq": 9007199254740993'), RejectReason.INVALID_FIELD),
        (GOOD.replace('"seq": 1', '"seq": "1"'), RejectReason.INVALID_FIELD),
        (GOOD.replace('"seq": 1', '"seq": true'), RejectReason.INVALID_FIELD),
        (GOOD.replace('"seq": 1', '"seq": null'), RejectReason.INVALID_FIELD),
        (json.dumps(payload(1, location={"speed": math.nan})), RejectReason.MALFORMED_JSON),
        (json.dumps(payload(1, location={"lat": math.inf})), RejectReason.MALFORMED_JSON),
        (GOOD.replace('"speed": 5.0', '"speed": 1e999'), RejectReason.INVALID_FIELD),
        (json.dumps(payload(1, location={"horizontal_accuracy": -1})), RejectReason.INVALID_FIELD),
        (json.dumps(payload(1, mode="flying")), RejectReason.INVALID_FIELD),
        (json.dumps(payload(1, passengers=-1)), RejectReason.INVALID_FIELD),
        (json.dumps(payload(1, officer_id="a\u0000b")), RejectReason.INVALID_FIELD),
        (json.dumps(payload(1, officer_id="x" * 65)), RejectReason.INVALID_FIELD),
        (json.dumps(payload(1, 0)), RejectReason.TIMESTAMP_OUT_OF_RANGE),
        (json.dumps(payload(1, 4_102_444_800_000)), RejectReason.TIMESTAMP_OUT_OF_RANGE),
        (json.dumps(payload(1, 10**18)), RejectReason.TIMESTAMP_OUT_OF_RANGE),
        (json.dumps(payload(1, 10**30)), RejectReason.TIMESTAMP_OUT_OF_RANGE),
        (json.dumps(payload(1, T0 + 3_600_101)), RejectReason.TIMESTAMP_OUT_OF_RANGE),
        (json.dumps(payload(1, location={"lat": 113.9, "lng": 22.5})), RejectReason.POSITION_OUT_OF_RANGE),
        (json.dumps(payload(1, location={"lng": 180.1})), RejectReason.POSITION_OUT_OF_RANGE),
        (json.dumps(payload(1, location={"lat": 1e308})), RejectReason.POSITION_OUT_OF_RANGE),
        (GOOD.replace('"lat": ', '"lat": 1' + "0" * 400), RejectReason.POSITION_OUT_OF_RANGE),
        (json.dumps(payload(1, vehicle_id=OTHER_CAR.vehicle_id)), RejectReason.WRONG_VEHICLE),
    ],
)
def test_bad_payloads_are_rejected_with_their_reason(body: bytes | str, reason: RejectReason) -> None:
    reject = rejected(body)
    assert reject.reason is reason
    assert reject.vehicle == CAR.key
    assert reject.detail
    assert len(reject.payload) <= KEPT_PAYLOAD_BYTES


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("v1/0/telemetry", RejectReason.MALFORMED_TOPIC),
        ("v2/0/CAR-0001/telemetry", RejectReason.MALFORMED_TOPIC),
        ("", RejectReason.MALFORMED_TOPIC),
        (f"v1/{(partition_of(CAR.vehicle_id) + 1) % 64}/{CAR.vehicle_id}/telemetry", RejectReason.WRONG_PARTITION),
        (f"v1/x/{CAR.vehicle_id}/telemetry", RejectReason.WRONG_PARTITION),
        ("v1/0/GHOST/telemetry", RejectReason.UNKNOWN_VEHICLE),
    ],
)
def test_bad_topics_are_rejected_with_their_reason(topic: str, reason: RejectReason) -> None:
    reject = rejected(GOOD, topic)
    assert (reject.reason, reject.vehicle) == (reason, None)


def test_a_sample_may_name_its_own_vehicle() -> None:
    assert len(read(json.dumps(payload(1, vehicle_id=CAR.vehicle_id))).batch) == 1


@pytest.mark.parametrize(
    "bad",
    [
        '{"seq":2,"timestamp":"soon"}',
        f'{{"seq":2,"timestamp":{T0},"location":{{"lat":NaN,"lng":113.9}}}}',
        f'{{"seq":2,"timestamp":{T0},"location":{{"lat":113.9,"lng":22.5}}}}',
        '{"seq":2,"timestamp":5,"location":{"lat":22.5,"lng":113.9}}',
        '{"seq":2,"x":' + "[" * 5000 + "]" * 5000 + "}",
        '{"seq":2,"x":"}],[{\\"","timestamp":false}',
        '{"seq":2,"bro ken}',
        "",
        "null",
        "[]",
    ],
)
def test_one_bad_sample_never_costs_a_good_one(bad: str) -> None:
    decoded = read(f"[{json.dumps(payload(1))},{bad}, {json.dumps(payload(3))}]")
    if "bro ken" in bad:  # its quote swallows what follows: there is nothing left to tell apart
        assert [reject.reason for reject in decoded.rejects] == [RejectReason.MALFORMED_JSON]
        return
    assert decoded.batch.seq.tolist() == [1, 3]
    assert decoded.place.tolist() in ([0, 1], [0, 2])
    assert len(decoded.rejects) == 1
    assert decoded.rejects[0].payload == bad.strip().encode()[:KEPT_PAYLOAD_BYTES]
    if '"seq":2' in bad and "[[" not in bad and "NaN" not in bad:
        assert decoded.rejects[0].seq == 2


def test_a_bad_message_does_not_cost_its_neighbours() -> None:
    decoded = decode(
        [message(payload(1)), Message("nowhere", b"\x00", NOW), message([payload(2), payload(3)]), message(payload(4))],
        ROUTES,
    )
    assert decoded.batch.seq.tolist() == [1, 2, 3, 4]
    assert decoded.source.tolist() == [0, 2, 2, 3]
    assert decoded.reject_source == [1]


def test_a_redelivered_reject_has_the_same_digest_and_others_differ() -> None:
    assert rejected("{}").digest == rejected("{}").digest
    assert rejected("{}").digest != rejected("{ }").digest
    assert rejected("{}").digest != rejected("{}", "v1/0/GHOST/telemetry").digest


def test_elements_are_cut_at_brackets_outside_strings() -> None:
    assert elements(b'[{"a":"],["},[1,2],3 ]') == [b'{"a":"],["}', b"[1,2]", b"3 "]
    assert elements(b"[ ]") == []
    assert elements(b"{}") is None
    assert elements(b"[1]]") is None
    assert elements(b"[[1]") is None


def test_random_bytes_neither_crash_nor_cost_a_good_message() -> None:
    rng = random.Random(7)
    good = json.dumps(payload(1)).encode()
    messages = []
    for _ in range(3000):
        body = bytearray(good if rng.random() < 0.5 else b"[" + good + b"," + good + b"]")
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(body))
            body[place : place + rng.randint(0, 3)] = rng.randbytes(rng.randint(0, 3))
        messages.append(Message(telemetry_topic(CAR.vehicle_id), bytes(body), NOW))
    whole = message(payload(77), OTHER_CAR, NOW)
    decoded = decode([*messages, whole], ROUTES)
    assert decoded.batch.seq[decoded.batch.vehicle == OTHER_CAR.key].tolist() == [77]
    touched = set(decoded.source.tolist()) | set(decoded.reject_source)
    assert touched == set(range(3001)), "every message ends as samples or as rejects"
    assert np.isfinite(decoded.batch.lat).all()
    for reject in decoded.rejects:
        assert reject.detail.isprintable()
        reject.detail.encode()
