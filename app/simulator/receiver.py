"""A satellite receiver: errors that drift slowly, and an accuracy that is reported honestly."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from app.simulator.plane import Point

_DRIFT_S = 25.0  # errors of fixes that far apart are hardly alike
_SIGMAS_IN_68_PERCENT_RADIUS = 1.51  # of a circular normal distribution


@dataclass(slots=True)
class Receiver:
    """Gauss-Markov errors. `horizontal_m` is the 68 % radius, `vertical_m` the 68 % half interval."""

    randomness: random.Random
    horizontal_m: float
    vertical_m: float
    _errors: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def observe(self, seconds: float) -> None:
        """Let the errors drift for so long."""
        kept = math.exp(-seconds / _DRIFT_S)
        fresh = math.sqrt(1 - kept * kept)
        east, north, up = (kept * error + fresh * self.randomness.gauss(0, 1) for error in self._errors)
        self._errors = east, north, up

    def fix(self, point: Point) -> Point:
        """The position as received."""
        sigma_m = self.horizontal_m / _SIGMAS_IN_68_PERCENT_RADIUS
        return point[0] + sigma_m * self._errors[0], point[1] + sigma_m * self._errors[1]

    def altitude_m(self, altitude_m: float) -> float:
        """The altitude as received."""
        return altitude_m + self.vertical_m * self._errors[2]
