"""Real recorded tracks, through agent, broker, worker and database, against places drawn around them.

Every alert must be explained by geometry, altitude and time computed here with shapely and pyproj, and
every long excursion must have its alert. In a checkout without the recordings tracks of the same
character are written first; the test's name says which ones ran.
"""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from geofences.zones import Datum, VerticalBand, ZoneKind
from telemetry.agent.run import AgentOptions, run_agent
from telemetry.agent.tracks import Declared, TrackPoint, read_track
from telemetry.findings import RULES, Finding
from telemetry.plausibility import TOP_SPEED_MPS
from telemetry.samples import AltitudeDatum, VehicleKind
from tests.brokers import SERVICE_PASSWORD, SERVICE_USER, mosquitto, platform_acl
from tests.city import ROOT, City, DrawnZone, Grant, build_city, worker_in_thread

RECORDED = ROOT.parent / "shared" / "data" / "tracks"
SOURCE = "recorded" if RECORDED.is_dir() else "synthetic"

COVERAGE = 2.0  # PILOTAGE_COVERAGE_FACTOR's default
TOLERANCE_M = 0.5  # two projections and two ways of rounding a buffer: within it both answers are right
LONG_EXCURSION_S = 8.0
LONG_EXCURSION_SAMPLES = 6
GAP_S = 60.0  # after such a silence a confirmation starts anew


@dataclass(frozen=True)
class Journey:
    """One vehicle, its recording, and the shares of it that run on a wide and on a narrow zone."""

    vehicle_id: str
    kind: VehicleKind
    declared: Declared
    wide_m: float
    narrow_m: float
    straightened_m: float  # how far the narrow part's line may cut corners


JOURNEYS = (
    Journey("car_beijing", VehicleKind.ROAD, Declared(horizontal_accuracy_m=3.0), 30.0, 10.0, 45.0),
    Journey("bus_liverpool", VehicleKind.ROAD, Declared(horizontal_accuracy_m=5.0), 35.0, 12.0, 60.0),
    Journey(
        "helicopter_toulouse",
        VehicleKind.AIR,
        Declared(horizontal_accuracy_m=3.0, vertical_accuracy_m=2.0, altitude_datum=AltitudeDatum.WGS84),
        120.0,
        15.0,
        60.0,
    ),
)


@dataclass(frozen=True)
class Seen:
    """One stored sample with what this test computes of it by itself.

    `depth_m` is the distance to the edge of the granted area, positive inside; `radius_m` the
    accuracy circle; heights are above the zone's own datum.
    """

    at_ms: int
    seq: int
    verdict: int
    depth_m: float
    radius_m: float
    altitude_m: float
    vertical_radius_m: float
    x: float
    y: float
    speed_mps: float

    @property
    def jumped(self) -> bool:
        return bool(self.verdict & Finding.IMPLAUSIBLE_JUMP)


@dataclass(frozen=True)
class Episode:
    finding: Finding
    first_seen_ms: int
    opened_at_ms: int
    closed_at_ms: int | None


@dataclass(frozen=True)
class Outcome:
    """What the platform made of one journey."""

    samples: list[Seen]
    episodes: list[Episode]
    band: VerticalBand | None

    def shows(self, finding: Finding, sample: Seen, slack_m: float) -> bool:
        """Whether the sample certainly shows the finding; a positive slack makes it harder."""
        if sample.jumped:
            return finding is Finding.IMPLAUSIBLE_JUMP
        if finding is Finding.OUTSIDE_AREA:
            return sample.depth_m < -sample.radius_m - slack_m
        if sample.depth_m < sample.radius_m or self.band is None:
            return False
        lower, upper = self.band.lower or -math.inf, self.band.upper or math.inf
        if finding is Finding.ABOVE_CEILING:
            return sample.altitude_m - sample.vertical_radius_m > upper + slack_m
        return finding is Finding.BELOW_FLOOR and sample.altitude_m + sample.vertical_radius_m < lower - slack_m

    def clears(self, finding: Finding, sample: Seen) -> bool:
        """Whether the sample may speak against the finding, ties allowed."""
        if finding is Finding.IMPLAUSIBLE_JUMP:
            return not sample.jumped
        if finding is Finding.OUTSIDE_AREA:
            return not sample.jumped and sample.depth_m >= sample.radius_m - TOLERANCE_M
        return not sample.jumped and not self.shows(finding, sample, -TOLERANCE_M)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    recordings = RECORDED if SOURCE == "recorded" else synthetic_recordings(tmp_path_factory.mktemp("written"))
    # A platform serves one city; these journeys are from three.
    return {
        journey.vehicle_id: travelled(journey, recordings, tmp_path_factory.mktemp(journey.vehicle_id))
        for journey in JOURNEYS
    }


def travelled(journey: Journey, recordings: Path, directory: Path) -> Outcome:
    """Play the recording at once, with its times shifted to end now, into a city drawn around it."""
    track = recordings / f"{journey.vehicle_id}.csv"
    zones = drawn(journey, read_track(track))
    city = build_city(directory, zones, [Grant(journey.kind, [journey.vehicle_id], [zone.zone_id for zone in zones])])
    users = {SERVICE_USER: SERVICE_PASSWORD, journey.vehicle_id: "secret"}
    reports: list[str] = []
    with mosquitto(directory, users=users, acl=platform_acl()) as broker, worker_in_thread(city, broker.service()):
        options = AgentOptions(
            broker_url=f"mqtt://127.0.0.1:{broker.port}",
            vehicle_id=journey.vehicle_id,
            password="secret",
            ring_path=directory / "ring",
            track=track,
            speed=math.inf,
            declared=journey.declared,
        )
        assert run_agent(options, lines=(), write=lambda _line: None, report=reports.append) == 0, reports
    assert city.replay_differences() == []
    return outcome(city, journey, zones)


def drawn(journey: Journey, points: Sequence[TrackPoint]) -> list[DrawnZone]:
    """Wide for the first half, narrow and straightened for a stretch, wide again, and nothing at the end."""
    to_metres, to_degrees = projections(points)
    path = np.column_stack(to_metres.transform([p.lon for p in points], [p.lat for p in points]))
    band = None
    altitudes = [p.altitude_m for p in points if p.altitude_m is not None]
    if journey.kind is VehicleKind.AIR:
        band = VerticalBand(min(altitudes) - 30.0, max(altitudes) - 12.0, Datum.WGS84)
    kind = ZoneKind.AIR_CORRIDOR if journey.kind is VehicleKind.AIR else ZoneKind.TEST_ROAD
    shares = (
        (0.0, 0.5, journey.wide_m, 10.0),
        (0.5, 0.65, journey.narrow_m, journey.straightened_m),
        (0.65, 0.88, journey.wide_m, 10.0),
    )
    zones = []
    for number, (begin, end, half_width_m, simplified_m) in enumerate(shares):
        part = path[int(begin * len(path)) : int(end * len(path)) + 1]
        line = shapely.simplify(shapely.LineString(part), simplified_m)
        degrees = np.column_stack(to_degrees.transform(*shapely.get_coordinates(line).T))
        zones.append(DrawnZone(f"{journey.vehicle_id}-{number}", kind, shapely.LineString(degrees), half_width_m, band))
    return zones


def projections(points: Sequence[TrackPoint]) -> tuple[Transformer, Transformer]:
    """Degrees to metres and back, on a transverse Mercator of this test's own around the track."""
    lon, lat = (float(np.mean([getattr(p, axis) for p in points])) for axis in ("lon", "lat"))
    plane = f"+proj=tmerc +lon_0={lon} +lat_0={lat} +k=1 +ellps=WGS84 +units=m"
    forward = Transformer.from_crs("EPSG:4326", plane, always_xy=True)
    return forward, Transformer.from_crs(plane, "EPSG:4326", always_xy=True)


def outcome(city: City, journey: Journey, zones: Sequence[DrawnZone]) -> Outcome:
    key = city.keys[journey.vehicle_id]
    rows = city.rows(
        """SELECT timestamp_ms, seq, verdict, lon, lat,
                  horizontal_accuracy_m, altitude_m, vertical_accuracy_m, speed_mps
           FROM samples WHERE vehicle = :key ORDER BY timestamp_ms, seq""",
        key=key,
    )
    table = np.array(rows, dtype=np.float64)  # NULL becomes NaN
    points = [TrackPoint("", int(row[0]), row[3], row[4]) for row in table.tolist()]
    to_metres, _ = projections(points)
    x, y = to_metres.transform(table[:, 3], table[:, 4])
    area = shapely.union_all([granted_area(zone, to_metres) for zone in zones])
    spots = shapely.points(x, y)
    edge_m: NDArray[np.float64] = shapely.distance(spots, area.boundary)
    depth_m = np.where(shapely.intersects(spots, area), edge_m, -edge_m)
    samples = [
        Seen(
            at_ms=int(row[0]),
            seq=int(row[1]),
            verdict=int(row[2]),
            depth_m=depth,
            radius_m=COVERAGE * row[5],
            altitude_m=row[6],
            vertical_radius_m=COVERAGE * row[7],
            x=own_x,
            y=own_y,
            speed_mps=row[8],
        )
        for row, depth, own_x, own_y in zip(table.tolist(), depth_m.tolist(), x.tolist(), y.tolist(), strict=True)
    ]
    episodes = [
        Episode(alert.finding, alert.first_seen_ms, alert.opened_at_ms, alert.closed_at_ms)
        for alert in city.alerts()
        if alert.vehicle == key
    ]
    return Outcome(samples, episodes, zones[0].band)


def granted_area(zone: DrawnZone, to_metres: Transformer) -> shapely.Geometry:
    x, y = to_metres.transform(*shapely.get_coordinates(zone.geometry).T)
    return shapely.buffer(shapely.LineString(np.column_stack((x, y))), zone.half_width_m, quad_segs=64)


@pytest.mark.parametrize("vehicle_id", [journey.vehicle_id for journey in JOURNEYS])
@pytest.mark.parametrize("source", [SOURCE])
class TestJourney:
    def test_every_point_is_stored_once_in_order(
        self, outcomes: dict[str, Outcome], vehicle_id: str, source: str
    ) -> None:
        del source
        seqs = [sample.seq for sample in outcomes[vehicle_id].samples]
        assert len(seqs) > 100
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))

    def test_every_verdict_is_what_geometry_says(
        self, outcomes: dict[str, Outcome], vehicle_id: str, source: str
    ) -> None:
        del source
        found = outcomes[vehicle_id]
        for finding in (Finding.OUTSIDE_AREA, Finding.ABOVE_CEILING, Finding.BELOW_FLOOR):
            for sample in found.samples:
                told = bool(sample.verdict & finding)
                assert told or not found.shows(finding, sample, TOLERANCE_M), f"{finding.code} missed: {sample}"
                assert not told or found.shows(finding, sample, -TOLERANCE_M), f"{finding.code} invented: {sample}"

    def test_every_alert_is_explained(self, outcomes: dict[str, Outcome], vehicle_id: str, source: str) -> None:
        del source
        journey = next(journey for journey in JOURNEYS if journey.vehicle_id == vehicle_id)
        for episode in outcomes[vehicle_id].episodes:
            explain_opening(outcomes[vehicle_id], episode)
            explain_closing(outcomes[vehicle_id], episode)
            if episode.finding is Finding.IMPLAUSIBLE_JUMP:
                explain_jumps(outcomes[vehicle_id].samples, episode, TOP_SPEED_MPS[journey.kind])

    def test_every_long_excursion_has_its_alert(
        self, outcomes: dict[str, Outcome], vehicle_id: str, source: str
    ) -> None:
        del source
        found = outcomes[vehicle_id]
        for finding in (Finding.OUTSIDE_AREA, Finding.ABOVE_CEILING, Finding.BELOW_FLOOR):
            for begin_ms, end_ms in long_excursions(found, finding):
                assert any(
                    episode.finding is finding
                    and episode.opened_at_ms <= end_ms
                    and (episode.closed_at_ms is None or episode.closed_at_ms >= begin_ms)
                    for episode in found.episodes
                ), f"{finding.code} from {begin_ms} to {end_ms} has no alert"


def test_the_drawing_provokes_what_it_should(outcomes: dict[str, Outcome]) -> None:
    """Otherwise the tests above would explain nothing: each journey leaves its area, one its band."""
    codes = {name: {episode.finding.code for episode in found.episodes} for name, found in outcomes.items()}
    assert all("outside_area" in found for found in codes.values()), codes
    assert "above_ceiling" in codes["helicopter_toulouse"], codes
    assert all(any(long_excursions(found, Finding.OUTSIDE_AREA)) for found in outcomes.values())


def explain_opening(found: Outcome, episode: Episode) -> None:
    """From the first sample of the run to the one that opened it: enough of them, long enough, none against."""
    rule = RULES[episode.finding]
    run = [s for s in found.samples if episode.first_seen_ms <= s.at_ms <= episode.opened_at_ms]
    showing = [s for s in run if found.shows(episode.finding, s, -TOLERANCE_M)]
    assert showing, f"{episode} shows nothing"
    assert (showing[0].at_ms, showing[-1].at_ms) == (episode.first_seen_ms, episode.opened_at_ms), episode
    assert len(showing) >= rule.confirm_count, episode
    assert episode.opened_at_ms - episode.first_seen_ms >= rule.confirm_ms, episode
    against = [s for s in run if found.clears(episode.finding, s) and s not in showing]
    assert not against, f"{episode} opened although {against} speak against it"


def explain_closing(found: Outcome, episode: Episode) -> None:
    """The last samples up to the closing speak against it, enough of them and for long enough."""
    if episode.closed_at_ms is None:
        return
    rule = RULES[episode.finding]
    until = [s for s in found.samples if episode.opened_at_ms < s.at_ms <= episode.closed_at_ms]
    last_showing_ms = max(
        (s.at_ms for s in until if found.shows(episode.finding, s, TOLERANCE_M)), default=episode.opened_at_ms
    )
    clearing = [s for s in until if s.at_ms > last_showing_ms and found.clears(episode.finding, s)]
    assert len(clearing) >= rule.clear_count, episode
    assert clearing[-1].at_ms - clearing[0].at_ms >= rule.clear_ms, episode


def explain_jumps(samples: Sequence[Seen], episode: Episode, top_speed_mps: float) -> None:
    """Each jump of the run is farther from the last believed place than the vehicle can have come."""
    believed: Seen | None = None
    for sample in samples:
        if not sample.jumped:
            believed = sample
        elif believed is not None and episode.first_seen_ms <= sample.at_ms <= episode.opened_at_ms:
            elapsed_s = (sample.at_ms - believed.at_ms) / 1000
            speeds = [s.speed_mps for s in (sample, believed) if not math.isnan(s.speed_mps)]
            reach_m = min(top_speed_mps, max(speeds, default=top_speed_mps)) * elapsed_s
            came_m = math.hypot(sample.x - believed.x, sample.y - believed.y)
            assert came_m > reach_m, f"{sample} could have come from {believed}"


def long_excursions(found: Outcome, finding: Finding) -> Iterator[tuple[int, int]]:
    """Runs of samples that certainly show the finding, uninterrupted, as (first, last) time in ms."""
    run: list[int] = []
    for sample in [*found.samples, None]:
        shows = sample is not None and found.shows(finding, sample, TOLERANCE_M)
        silent = sample is not None and run and sample.at_ms - run[-1] > GAP_S * 1000
        if run and (not shows or silent):
            if len(run) >= LONG_EXCURSION_SAMPLES and run[-1] - run[0] >= LONG_EXCURSION_S * 1000:
                yield run[0], run[-1]
            run = []
        if shows and sample is not None:
            run.append(sample.at_ms)


def synthetic_recordings(directory: Path) -> Path:
    """Tracks of the recordings' character: 1 Hz and 20 s, noise, held fixes, gaps, a climb."""
    write_track(directory / "car_beijing.csv", step_s=1.0, speed_mps=9.0, count=1500, noise_m=2.0, seed=1)
    write_track(directory / "bus_liverpool.csv", step_s=20.0, speed_mps=5.0, count=200, noise_m=2.0, seed=2)
    write_track(
        directory / "helicopter_toulouse.csv", step_s=1.0, speed_mps=45.0, count=400, noise_m=1.0, seed=3, climbs=True
    )
    return directory


def write_track(
    path: Path, *, step_s: float, speed_mps: float, count: int, noise_m: float, seed: int, climbs: bool = False
) -> None:
    chance = random.Random(seed)
    heading = x = y = 0.0
    at = datetime(2026, 1, 1, 8, tzinfo=UTC)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time", "lon", "lat", "alt_m", "speed_mps", "heading_deg"])
        for step in range(count):
            heading += math.radians(chance.gauss(0.0, 4.0))
            x += math.sin(heading) * speed_mps * step_s
            y += math.cos(heading) * speed_mps * step_s
            at += timedelta(seconds=60.0 if step % 211 == 210 else step_s)
            lon = 2.0 + (x + chance.gauss(0.0, noise_m)) / (111_320.0 * math.cos(math.radians(48.0)))
            lat = 48.0 + (y + chance.gauss(0.0, noise_m)) / 111_320.0
            facts = [round(270.0 + 160.0 * math.sin(math.pi * step / count), 1), speed_mps] if climbs else ["", ""]
            writer.writerow(
                [at.isoformat(), round(lon, 6), round(lat, 6), *facts, round(math.degrees(heading) % 360, 1)]
            )
