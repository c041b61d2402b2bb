"""The columns that judging fills, and all that a batch is judged with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from telemetry.findings import Finding
from telemetry.rulebook import Rulebook
from telemetry.samples import Flags, Integers, Reals, SampleBatch


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """Verdicts of a batch, columns (n,).

    `crossed_since_ms`: the time of the previous fix where RESTRICTED_AREA rests on the segment
    from it alone, else -1.
    """

    verdict: Integers
    undecided: Integers
    zone_revision: Integers
    permit_revision: Integers
    crossed_since_ms: Integers

    @classmethod
    def blank(cls, count: int) -> Judgement:
        """Nothing found yet."""
        none = np.full(count, -1, dtype=np.int64)
        return cls(np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64), none, none.copy(), none.copy())

    def find(self, finding: Finding, where: Flags) -> None:
        """Note a finding at the flagged rows."""
        self.verdict[where] |= int(finding)

    def doubt(self, bits: int, where: Flags) -> None:
        """Note findings that cannot be decided at the flagged rows."""
        self.undecided[where] |= bits

    def lack(self, bits: int, where: Flags) -> None:
        """Note findings that cannot be decided because the sample does not say what they need."""
        self.undecided[where] |= bits
        self.verdict[where] |= int(Finding.INDETERMINATE)

    def settle(self, findings: Finding) -> None:
        """What was found after all is no longer in doubt."""
        np.bitwise_and(self.undecided, ~(self.verdict & int(findings)), out=self.undecided)

    def limit(self, findings: int) -> None:
        """Leave out what was not judged yet when these samples were: nothing was found, and nothing in doubt."""
        np.bitwise_and(self.verdict, findings, out=self.verdict)
        np.bitwise_and(self.undecided, findings, out=self.undecided)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A batch of n samples with what is known of each before it is judged.

    `permit` (n,) is a row of the rulebook's permits, to be read only where `governed`; `officer` (n,) a
    row of its officers; `jump` and `previous` (n, 8) are telemetry.belief's.
    """

    rulebook: Rulebook
    batch: SampleBatch
    permit: Integers
    governed: Flags
    officer: Integers
    jump: Flags
    previous: Reals
    coverage_factor: float

    def codes(self, column: Integers | Flags, otherwise: int) -> Integers:
        """A column of the permits at each sample's own permit, shape (n,); `otherwise` where none governs."""
        if not len(column):
            return np.full(len(self.governed), otherwise, dtype=np.int64)
        return np.where(self.governed, column[self.permit], otherwise).astype(np.int64)

    def limits(self, column: Reals) -> Reals:
        """The same of a column of limits; infinite where none governs."""
        if not len(column):
            return np.full(len(self.governed), np.inf)
        return np.where(self.governed, column[self.permit], np.inf)
