"""Jurisdictions as the API and the forms give them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from app.schemas.base import IDENTIFIER_OR_NOTHING, Identifier, Reason, Schema, Title


class JurisdictionOut(Schema):
    """Where one authority decides."""

    code: Identifier
    name_zh: Title
    name_en: Title
    number_prefix: Annotated[str, Field(description="beginning of the numbers of its permits")]
    version: int


class StageThresholds(Schema):
    """What the entry gates of one stage demand; zero or nothing: the gate is not asked for.

    Kilometres and hours count what the applicant's vehicles drove in automation on the zones that it
    asks for, within the last `evidence_months`.
    """

    min_distance_km: Annotated[float, Field(ge=0, le=100_000_000)] = 0
    min_hours: Annotated[float, Field(ge=0, le=10_000_000)] = 0
    both_needed: Annotated[bool, Field(description="hours and kilometres; otherwise one of them is enough")] = False
    accident_free: Annotated[bool, Field(description="no accident at fault, and none still undecided")] = False
    evidence_months: Annotated[int, Field(ge=1, le=120)] = 24
    min_insured_sum_cny: Annotated[int, Field(ge=0, le=1_000_000_000_000)] = 0
    max_period_months: Annotated[int | None, Field(ge=1, le=120)] = None
    max_vehicles_per_remote_officer: Annotated[
        int, Field(ge=1, le=100, description="default 3: guide of the Ministry of Transport, 2023")
    ] = 3


class Thresholds(Schema):
    """What the entry gates of each stage demand in one jurisdiction.

    The values of `demonstration` are those of DOMAIN.md, from a draft of national rules: at least
    240 h or 1,000 km of road test on the requested roads without an at-fault accident, RMB 5,000,000
    of insurance a vehicle, at most 18 months. All other values are this project's own choice. A
    jurisdiction may set each of them.
    """

    road_test: StageThresholds = StageThresholds(min_insured_sum_cny=5_000_000, max_period_months=18)
    demonstration: StageThresholds = StageThresholds(
        min_distance_km=1_000,
        min_hours=240,
        accident_free=True,
        min_insured_sum_cny=5_000_000,
        max_period_months=18,
    )
    driverless_test: StageThresholds = StageThresholds(
        min_distance_km=5_000,
        min_hours=500,
        both_needed=True,
        accident_free=True,
        min_insured_sum_cny=5_000_000,
        max_period_months=12,
    )
    commercial_pilot: StageThresholds = StageThresholds(
        min_distance_km=10_000,
        min_hours=1_000,
        both_needed=True,
        accident_free=True,
        min_insured_sum_cny=5_000_000,
        max_period_months=12,
    )
    flight_test: StageThresholds = StageThresholds(min_insured_sum_cny=5_000_000, max_period_months=12)
    route_proving: StageThresholds = StageThresholds(
        min_distance_km=1_000,
        min_hours=50,
        accident_free=True,
        min_insured_sum_cny=10_000_000,
        max_period_months=12,
    )
    commercial_route: StageThresholds = StageThresholds(
        min_distance_km=10_000,
        min_hours=300,
        both_needed=True,
        accident_free=True,
        min_insured_sum_cny=20_000_000,
        max_period_months=12,
    )


class ReportingDeadlines(Schema):
    """By when an operator reports an incident, counted from when it happened.

    Ten days for the full report are those of California's collision report (DOMAIN.md); the hours of
    the first report are this project's own choice. A jurisdiction may set each of them.
    """

    harm_hours: Annotated[float, Field(gt=0, le=8_760, description="first report where somebody was hurt")] = 2
    other_hours: Annotated[float, Field(gt=0, le=8_760, description="first report of anything else")] = 24
    full_days: Annotated[float, Field(gt=0, le=365, description="full report")] = 10


NumberPrefix = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,15}$"),
    Field(description="beginning of the numbers of its permits"),
]


class JurisdictionDetails(Schema):
    """What may change of a jurisdiction. `authority` is an organisation's code.

    Thresholds and deadlines that are not stated stay.
    """

    name_zh: Title
    name_en: Title
    number_prefix: NumberPrefix
    authority: Annotated[str, StringConstraints(pattern=IDENTIFIER_OR_NOTHING)] = ""
    thresholds: Thresholds | None = None
    deadlines: ReportingDeadlines | None = None
    reason: Reason


class NewJurisdiction(JurisdictionDetails):
    """A jurisdiction that does not exist yet, with its code."""

    code: Identifier


class JurisdictionFull(JurisdictionOut):
    """A jurisdiction with everything that an administrator sets."""

    authority: str
    thresholds: Thresholds
    deadlines: ReportingDeadlines
