"""From a place that is closed at once to everybody out of it, or not; and its end."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from app.models import Cause, Concern, Outcome
from telemetry.directives import DirectiveKind, Reply
from tests.app.emergency_cast import CAR, OTHER, Scene


@pytest.fixture
def scene(engine: Engine) -> Scene:
    return Scene(engine)


def test_from_the_declaration_to_the_end(scene: Scene) -> None:
    scene.passes(3)
    number = scene.declares()
    assert number == "E-2024-0001"
    assert {vehicle: row.concern for vehicle, row in scene.told().items()} == {
        CAR: Concern.INSIDE,
        OTHER: Concern.INSIDE,
    }
    (demanded,) = scene.demanded(CAR)
    assert demanded.kind is DirectiveKind.LEAVE
    assert demanded.deadline_ms == scene.now_ms + 120_000
    assert demanded.place is not None
    assert demanded.place["type"] == "Polygon"
    scene.answers(CAR, Reply.RECEIVED)
    scene.answers(CAR, Reply.ACCEPTED)
    scene.speed_mps[CAR] = 13.0
    scene.passes(10)
    assert scene.newest(CAR).complied_at_ms is None, "outside for two seconds"
    scene.passes(1)
    assert scene.newest(CAR).complied_at_ms == scene.now_ms
    assert scene.newest(CAR).settled_at_ms is None, "it has to stay out"
    scene.speed_mps[CAR] = 0.0
    scene.waits(110)
    assert [notice.params["vehicle"] for notice in scene.notices("directive.overdue")] == [OTHER]
    scene.ends()
    assert scene.demanded(CAR) == scene.demanded(OTHER) == ()
    assert scene.newest(CAR).outcome is Outcome.COMPLIED
    assert scene.newest(OTHER).outcome is Outcome.WITHDRAWN
    assert scene.newest(OTHER).cause is Cause.EMERGENCY
