"""`pilotage replay --check` after a day has left: nothing differs that cannot, and what is unknown is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, update

from app.cli import main
from app.database import changing
from app.models import Sample
from app.registry import DatabaseRegistry
from app.retention import Retention, retain
from app.storage import open_store
from geofences.datum import VerticalReference
from telemetry.findings import Finding
from telemetry.messages import Message, telemetry_topic
from telemetry.pipeline import Pipeline, PipelineSettings
from tests.app.permit_cast import NOW, register_everything

DAY_MS = 86_400_000
MIDNIGHT_MS = (NOW // DAY_MS + 1) * DAY_MS


def message(seq: int, lng: float) -> Message:
    """A sample of a car without a permit, every second; the 21st is the first of the new day."""
    at_ms = MIDNIGHT_MS + (seq - 21) * 1_000
    location = {"lat": 22.51, "lng": lng, "speed": 0.0, "horizontal_accuracy": 0.5}
    sample = {"seq": seq, "timestamp": at_ms, "location": location}
    return Message(telemetry_topic("N-1"), json.dumps(sample).encode(), at_ms)


@pytest.fixture
def archived(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The day before midnight is in the archive; right after it come two fixes five kilometres away."""
    register_everything(engine)
    pipeline = Pipeline(
        DatabaseRegistry(engine, VerticalReference()), open_store(engine), lambda: MIDNIGHT_MS, PipelineSettings()
    )
    for first in range(1, 61, 10):
        pipeline.process([message(seq, 113.95 if seq in {21, 22} else 113.905) for seq in range(first, first + 10)])
    later_ms = MIDNIGHT_MS + 402 * DAY_MS + 1
    assert len(retain(engine, later_ms, Retention(402, tmp_path / "archive"))) == 1
    monkeypatch.setenv("PILOTAGE_HOME", str(tmp_path))
    monkeypatch.setenv("PILOTAGE_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    return engine


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_first_samples_behind_it_are_counted_and_the_rest_is_judged_again(archived: Engine) -> None:
    done = CliRunner().invoke(main, ["replay", "--check"])
    assert done.exit_code == 0, done.output
    assert "in the archive: 3 samples of 1 vehicles, 1 alerts" in done.output
    assert "37 samples judged again, 0 differences" in done.output
    with changing(archived).begin() as connection:
        altered = update(Sample).where(Sample.seq == 50).values(verdict=Sample.verdict.op("|")(int(Finding.OVERSPEED)))
        connection.execute(altered)
    done = CliRunner().invoke(main, ["replay", "--check"])
    assert (done.exit_code, "seq=50" in done.output) == (1, True), done.output
