"""Recorded tracks: three formats read the same, and what cannot be read is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from telemetry.agent.tracks import Declared, TrackPoint, delays_s, read_track, sample_of, shift_to
from telemetry.errors import UnreadableTrack
from telemetry.samples import AltitudeDatum, Mode, SafetyOfficer

NOON_MS = 1_767_268_800_000  # 2026-01-01T12:00:00Z

CSV = """time,lon,lat,alt_m,speed_mps,heading_deg,remark
2026-01-01T12:00:00Z,113.9,22.5,12.5,3.5,90.0,start
2026-01-01T20:00:01.500+08:00,113.901,22.501,,,,
"""

GPX = """<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="test" xmlns="http://www.topografix.com/GPX/1/1"
     xmlns:ext="http://www.garmin.com/xmlschemas/TrackPointExtension/v2"><trk><trkseg>
<trkpt lat="22.5" lon="113.9"><ele>12.5</ele><time>2026-01-01T12:00:00Z</time><extensions><ext:TrackPointExtension>
  <ext:speed>3.5</ext:speed><ext:course>90.0</ext:course></ext:TrackPointExtension></extensions></trkpt>
</trkseg><trkseg>
<trkpt lat="22.501" lon="113.901"><time>2026-01-01T12:00:01.500Z</time></trkpt>
</trkseg></trk></gpx>"""

POINTS = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [113.9, 22.5, 12.5]},
            "properties": {"time": "2026-01-01T12:00:00Z", "speed_mps": 3.5, "heading_deg": 90},
        },
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [113.901, 22.501]},
            "properties": {"timestamp": NOON_MS + 1500},
        },
    ],
}


def line(times: object, name: str = "coordTimes") -> str:
    geometry = {"type": "LineString", "coordinates": [[113.9, 22.5, 12.5], [113.901, 22.501]]}
    return json.dumps({"type": "Feature", "geometry": geometry, "properties": {name: times}})


def written(directory: Path, name: str, text: str) -> Path:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


def facts(points: list[TrackPoint]) -> list[tuple[object, ...]]:
    return [(p.time_ms, p.lon, p.lat, p.altitude_m, p.speed_mps, p.heading_deg) for p in points]


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.csv", CSV), ("bom.csv", "\ufeff" + CSV), ("a.GPX", GPX), ("a.geojson", json.dumps(POINTS))],
)
def test_the_formats_read_the_same(tmp_path: Path, name: str, text: str) -> None:
    assert facts(read_track(written(tmp_path, name, text))) == [
        (NOON_MS, 113.9, 22.5, 12.5, 3.5, 90.0),
        (NOON_MS + 1500, 113.901, 22.501, None, None, None),
    ]


@pytest.mark.parametrize("name", ["coordTimes", "times"])
@pytest.mark.parametrize("times", [["2026-01-01T12:00:00Z", "2026-01-01T12:00:01.5Z"], [NOON_MS, NOON_MS + 1500]])
def test_lines_carry_their_times_in_a_property(tmp_path: Path, times: list[object], name: str) -> None:
    points = read_track(written(tmp_path, "line.json", line(times, name)))
    assert [(p.time_ms, p.altitude_m) for p in points] == [(NOON_MS, 12.5), (NOON_MS + 1500, None)]


def test_several_lines_have_several_lists_of_times(tmp_path: Path) -> None:
    geometry = {"type": "MultiLineString", "coordinates": [[[1, 2], [1, 2.1]], [[1, 2.2]]]}
    times = [[NOON_MS, NOON_MS + 1], [NOON_MS + 2]]
    text = json.dumps({"type": "Feature", "geometry": geometry, "properties": {"times": times}})
    assert [p.lat for p in read_track(written(tmp_path, "lines.json", text))] == [2, 2.1, 2.2]


def test_a_point_with_the_time_of_the_one_before_is_left_out(tmp_path: Path) -> None:
    text = "time,lon,lat\n" + "2026-01-01T12:00:00Z,1,2\n" * 2 + "2026-01-01T12:00:00Z,1,3\n2026-01-01T12:00:01Z,1,3\n"
    assert [(p.time_ms, p.lat) for p in read_track(written(tmp_path, "twice.csv", text))] == [
        (NOON_MS, 2.0),
        (NOON_MS + 1000, 3.0),
    ]


HEADER = "time,lon,lat,alt_m,speed_mps,heading_deg\n"


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.kml", "", "the ending must be one of"),
        ("a.csv", "", "no column lat, lon, time"),
        ("a.csv", "time,lon\n", "line 1: no column lat"),
        ("a.csv", HEADER, "no points"),
        (
            "a.csv",
            HEADER + "2026-01-01T12:00:00Z,1,2,,,\n2026-01-01T12:00:01Z,x,2,,,\n",
            "line 3: lon is no number: 'x'",
        ),
        ("a.csv", HEADER + "2026-01-01T12:00:00Z,1,,,,\n", "line 2: lat is no number: ''"),
        ("a.csv", HEADER + "2026-01-01T12:00:00Z,1\n", "line 2: lat is no number: None"),
        ("a.csv", HEADER + "2026-01-01T12:00:00Z,22.5,113.9,,,\n", "nowhere on Earth"),
        ("a.csv", HEADER + "2026-01-01T12:00:00Z,nan,2,,,\n", "nowhere on Earth"),
        ("a.csv", HEADER + "2026-01-01T12:00:00Z,1,2,inf,,\n", "altitude inf"),
        ("a.csv", HEADER + "2026-01-01T12:00:00Z,1,2,,-1,\n", "speed -1.0 m/s"),
        ("a.csv", HEADER + "2026-01-01T12:00:00Z,1,2,,,361\n", "heading 361.0 degrees"),
        ("a.csv", HEADER + "2026-01-01T12:00:00,1,2,,,\n", "has no time zone"),
        ("a.csv", HEADER + "yesterday,1,2,,,\n", "'yesterday' is no time"),
        ("a.csv", HEADER + "2026-01-01T12:00:01Z,1,2,,,\n2026-01-01T12:00:00Z,1,2,,,\n", "line 3: its time is before"),
        ("a.csv", HEADER + "2026-01-01T12:00:00Z,1,2,,,,9\n", "line 2: more fields"),
        ("a.csv", HEADER + '2026-01-01T12:00:00Z,"1,2\n', "unexpected end of data"),
        ("a.gpx", "<gpx", "a.gpx"),
        ("a.gpx", GPX.replace("<time>2026-01-01T12:00:00Z</time>", ""), "track point 1: no time"),
        ("a.json", "{", "a.json"),
        ("a.json", "[]", "feature 1"),
        ("a.json", "7", "feature 1"),
        ("a.json", line(["2026-01-01T12:00:00Z"]), "2 coordinates need as many times"),
        ("a.json", line(None), "2 coordinates need as many times"),
        ("a.json", line([True, False]), "the time must be ISO 8601 text"),
        ("a.json", line([NOON_MS // 1000, NOON_MS // 1000 + 1]), "the time must be ISO 8601 text"),
        ("a.json", '{"type":"Feature","geometry":{"type":"Polygon","coordinates":[]},"properties":{}}', "Polygon"),
        ("a.json", '{"type":"Feature","geometry":null,"properties":{}}', "a line or a point"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, text: str, reason: str) -> None:
    with pytest.raises(UnreadableTrack) as caught:
        read_track(written(tmp_path, name, text))
    assert reason in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


def test_a_file_that_is_missing_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableTrack, match=r"none\.csv"):
        read_track(tmp_path / "none.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UnreadableTrack, match=r"bytes\.csv"):
        read_track(tmp_path / "bytes.csv")


def test_a_sample_says_what_was_recorded_or_declared_and_nothing_else() -> None:
    point = TrackPoint("", NOON_MS, 113.9, 22.5)
    assert sample_of(point, Declared(altitude_datum=AltitudeDatum.AMSL)) == {
        "timestamp": NOON_MS,
        "location": {"lat": 22.5, "lng": 113.9},
    }
    full = TrackPoint("", NOON_MS, 113.9, 22.5, 12.5, 3.5, 90.0)
    declared = Declared(0.8, 1.5, AltitudeDatum.WGS84, Mode.MINIMAL_RISK, SafetyOfficer.REMOTE, "SO-1", 2)
    assert sample_of(full, declared, shift_ms=5) == {
        "timestamp": NOON_MS + 5,
        "location": {
            "lat": 22.5, "lng": 113.9, "altitude": 12.5, "heading": 90.0, "speed": 3.5,
            "horizontal_accuracy": 0.8, "vertical_accuracy": 1.5,
        },
        "altitude_datum": "WGS84",
        "mode": "minimal_risk",
        "safety_officer": "remote",
        "officer_id": "SO-1",
        "passengers": 2,
    }  # fmt: skip


@pytest.mark.parametrize("speed", [0.5, 1.0, 3.0, 10.0, float("inf")])
def test_a_shifted_track_keeps_its_intervals_and_is_never_of_the_future(speed: float) -> None:
    points = [TrackPoint("", NOON_MS + step * 700, 1.0, 2.0) for step in range(50)]
    now_ms = NOON_MS + 10_000_000
    shift_ms = shift_to(points, now_ms, speed)
    for point, due_s in zip(points, delays_s(points, speed), strict=True):
        assert point.time_ms + shift_ms <= now_ms + due_s * 1000
    if speed <= 1.0:
        assert points[0].time_ms + shift_ms == now_ms
