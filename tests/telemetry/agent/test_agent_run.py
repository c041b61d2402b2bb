"""What `pilotage agent` does with standard input and with tracks, against a real mosquitto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from telemetry.agent.lines import Intake, take_lines
from telemetry.agent.run import AgentOptions, run_agent
from telemetry.agent.tracks import Declared
from telemetry.directives import Directive, DirectiveKind, Orders, Reply, decode_answer, encode_orders
from telemetry.errors import UnreadableTrack
from telemetry.messages import telemetry_topic
from tests.brokers import Mosquitto, mosquitto
from tests.telemetry.agent.fake_platform import FakePlatform, topic_of, wait_until

NOW_MS = 1_790_000_000_000


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as broker:
        yield broker


@pytest.fixture
def options(broker: Mosquitto, tmp_path: Path) -> AgentOptions:
    return AgentOptions(
        broker_url=f"mqtt://127.0.0.1:{broker.port}",
        vehicle_id="car",
        password="",
        ring_path=tmp_path / "ring",
        topic=topic_of("car"),
        timeout_s=20.0,
    )


def ran(options: AgentOptions, *lines: bytes) -> tuple[int, list[str]]:
    reports: list[str] = []
    status = run_agent(
        options,
        lines=lines,
        write=lambda _line: None,
        report=reports.append,
        clock=lambda: NOW_MS,
        sleep=lambda _seconds: None,
    )
    return status, reports


def test_lines_become_samples_and_the_end_waits_for_the_platform(broker: Mosquitto, options: AgentOptions) -> None:
    first, second = b'{"location":{"lat":22.5,"lng":113.9}}\n', b'{"location":{"lat":22,"lng":113},"timestamp":5}'
    with FakePlatform(broker.port) as platform:
        assert ran(options, first, b"\n", second) == (0, ["2 samples taken, all confirmed by the platform"])
        assert [sample["timestamp"] for sample in platform.samples["car"].values()] == [NOW_MS, 5]


def test_directives_are_lines_on_standard_output_and_answers_lines_on_standard_input(
    broker: Mosquitto, options: AgentOptions
) -> None:
    halt = Directive("D-1", DirectiveKind.HALT, issued_at_ms=1, deadline_ms=120_001, reason="演习")
    written: list[dict[str, Any]] = []

    def lines() -> Iterator[bytes]:
        wait_until(lambda: bool(written))
        yield b'{"directive_id":"D-1","reply":"perhaps"}'
        yield b'{"directive_id":"D-1","reply":"refused","detail":"on a bridge"}'
        yield b'{"location":{"lat":22.5,"lng":113.9}}'

    reports: list[str] = []
    with FakePlatform(broker.port) as platform:
        platform.direct("car", encode_orders(Orders(1, (halt,))))
        status = run_agent(
            options, lines=lines(), write=lambda line: written.append(json.loads(line)), report=reports.append
        )
        answers = [decode_answer(answer) for answer in platform.answers]
    assert status == 1
    assert reports[0] == "line 1: an answer has a directive_id and a reply, accepted or refused"
    assert written == [
        {
            "demanded": {
                "directive_id": "D-1",
                "kind": "halt",
                "issued_at_ms": 1,
                "deadline_ms": 120_001,
                "reason": "演习",
            }
        }
    ]
    assert [(answer.reply, answer.detail) for answer in answers] == [
        (Reply.RECEIVED, ""),
        (Reply.REFUSED, "on a bridge"),
    ]


def test_bad_lines_are_told_and_skipped(broker: Mosquitto, options: AgentOptions) -> None:
    good = b'{"location":{"lat":22.5,"lng":113.9},"seq":7}'
    with FakePlatform(broker.port):
        status, reports = ran(options, b"{", good, b"[]")
    assert status == 1
    assert reports[0].startswith("line 1: no JSON")
    assert any(report.startswith("line 2: seq must be") for report in reports), "a new ring numbers from the clock"
    assert "line 3: a sample is a JSON object" in reports
    assert "3 lines could not be read" in reports


def test_without_a_platform_the_status_tells_how_many_wait_and_they_go_out_next_time(
    broker: Mosquitto, options: AgentOptions
) -> None:
    sample = b'{"location":{"lat":22.5,"lng":113.9}}'
    status, reports = ran(replace(options, timeout_s=0.5), sample, sample)
    assert status == 1
    assert reports[-1].startswith("2 samples are not confirmed and stay in the ring buffer")
    with FakePlatform(broker.port) as platform:
        assert ran(options)[0] == 0
        assert len(platform.stored("car")) == 2


def test_a_track_is_played_shifted_to_now_or_with_its_own_times(
    broker: Mosquitto, options: AgentOptions, tmp_path: Path
) -> None:
    track = tmp_path / "track.csv"
    track.write_text("time,lon,lat\n2026-01-01T12:00:00Z,1,2\n2026-01-01T12:00:10Z,1,2\n")
    played = replace(options, track=track, speed=float("inf"), declared=Declared(horizontal_accuracy_m=2.0))
    with FakePlatform(broker.port) as platform:
        assert ran(played) == (0, ["2 samples taken, all confirmed by the platform"])
        assert ran(replace(played, original_times=True))[0] == 0
        samples = list(platform.samples["car"].values())
    assert [sample["timestamp"] for sample in samples] == [
        NOW_MS - 10_000, NOW_MS, 1_767_268_800_000, 1_767_268_810_000,
    ]  # fmt: skip
    assert {sample["location"]["horizontal_accuracy"] for sample in samples} == {2.0}


def test_the_topic_follows_from_the_vehicle_when_not_given(broker: Mosquitto, options: AgentOptions) -> None:
    with FakePlatform(broker.port) as platform:
        assert ran(replace(options, topic=None), b'{"location":{"lat":22.5,"lng":113.9}}')[0] == 0
        assert platform.topics == {telemetry_topic("car")}


def test_an_unreadable_track_is_told_before_anything_is_sent(options: AgentOptions, tmp_path: Path) -> None:
    with pytest.raises(UnreadableTrack):
        ran(replace(options, track=tmp_path / "none.gpx"))
    assert not options.ring_path.exists()


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_an_impossible_speed_is_refused(options: AgentOptions, speed: float) -> None:
    with pytest.raises(ValueError, match="the speed must be above 0"):
        ran(replace(options, speed=speed))


@pytest.mark.parametrize("url", ["127.0.0.1:1883", "http://127.0.0.1", "mqtt://"])
def test_an_impossible_address_is_refused(options: AgentOptions, url: str) -> None:
    with pytest.raises(ValueError, match="a broker address"):
        ran(replace(options, broker_url=url))


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"7",
        b"\xff\xfe",
        b"{}",
        b'{"location":null}',
        b'{"location":{"lat":"22.5","lng":113.9}}',
        b'{"location":{"lat":22.5}}',
        b'{"location":{"lat":true,"lng":113.9}}',
        b"[" * 100_000,
    ],
)
def test_a_line_that_is_no_sample_is_reported(line: bytes) -> None:
    reports: list[str] = []
    assert take_lines([b"\n", line], lambda _sample: 1, lambda *_: None, reports.append) == Intake(taken=0, bad=1)
    assert len(reports) == 1
    assert reports[0].startswith("line 2: ")
