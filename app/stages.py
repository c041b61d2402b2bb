"""The stages of a trial in their order, and what each allows at most."""

from __future__ import annotations

from collections.abc import Sequence

from app.models import Stage

#: The ladders that trials climb; a restriction leads down again.
ROAD_STAGES: Sequence[Stage] = (
    Stage.ROAD_TEST,
    Stage.DEMONSTRATION,
    Stage.DRIVERLESS_TEST,
    Stage.COMMERCIAL_PILOT,
)
AIR_STAGES: Sequence[Stage] = (Stage.FLIGHT_TEST, Stage.ROUTE_PROVING, Stage.COMMERCIAL_ROUTE)

#: Stages in which a vehicle may drive without any officer.
DRIVERLESS = frozenset({Stage.DRIVERLESS_TEST, Stage.COMMERCIAL_PILOT})
#: Tests of the vehicle itself: nobody is carried.
WITHOUT_PASSENGERS = frozenset({Stage.ROAD_TEST, Stage.FLIGHT_TEST})


def ladder_of(stage: Stage) -> Sequence[Stage]:
    """All stages of its domain, from the first to the last."""
    return AIR_STAGES if stage in AIR_STAGES else ROAD_STAGES


def up_to(stage: Stage) -> Sequence[Stage]:
    """The stages of its ladder from the first to this one."""
    ladder = ladder_of(stage)
    return ladder[: ladder.index(stage) + 1]
