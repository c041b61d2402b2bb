"""Windows of clock times in Beijing time, once for what is applied for and for what a restriction leaves."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from app.schemas.base import Schema

DayName = Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
ClockTime = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]


class ClockWindow(Schema):
    """From `start` to `end`; an end that is earlier is on the next day."""

    start: ClockTime
    end: ClockTime

    @field_validator("end")
    @classmethod
    def _lasts(cls, end: str, info: ValidationInfo) -> str:
        if end == info.data.get("start"):
            raise PydanticCustomError("window_empty", "a window ends at another time than it starts")
        return end
