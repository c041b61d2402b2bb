"""Mutual recognition: in which zones a permit is valid when.

Whoever issues a permit decides in zones of its own, and in those that belong to nobody. In zones of
another jurisdiction a permit that names them is valid while that jurisdiction recognises the issuer
for the permit's stage, by event time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from app.registry.rows import Dated, Decision, Recognition
from app.services.revisions import in_force
from telemetry.ports import PermitTerms

Period = tuple[int, int]
Recognitions = Mapping[tuple[str, str], Sequence[Dated[tuple[str, str], Recognition]]]

#: The jurisdiction of zones that belong to nobody.
_NOBODY = ""


@dataclass(frozen=True, slots=True)
class Borders:
    """The jurisdiction of each zone, and who recognises whom: revisions by (recogniser, issuer)."""

    jurisdictions: Mapping[str, str]
    recognitions: Recognitions

    def granted(self, decision: Decision, starts_at_ms: int, ends_at_ms: int) -> Iterator[PermitTerms]:
        """The terms in force in [starts_at_ms, ends_at_ms), cut wherever the zones in which they are valid change."""
        terms = decision.terms
        abroad = self._periods_abroad(decision)
        edges = {edge for periods in abroad.values() for period in periods for edge in period}
        cuts = [starts_at_ms, *sorted(edge for edge in edges if starts_at_ms < edge < ends_at_ms), ends_at_ms]
        since_ms, valid_in = starts_at_ms, _valid_in(terms.zone_ids, abroad, starts_at_ms)
        for until_ms in cuts[1:]:
            afterwards = _valid_in(terms.zone_ids, abroad, until_ms)
            if until_ms == ends_at_ms or afterwards != valid_in:
                yield replace(terms, starts_at_ms=since_ms, ends_at_ms=until_ms, zone_ids=valid_in)
                since_ms, valid_in = until_ms, afterwards

    def _periods_abroad(self, decision: Decision) -> dict[str, Sequence[Period]]:
        """When each zone of another jurisdiction may be used."""
        at_home = {_NOBODY, decision.issuer}
        return {
            zone_id: self._recognised(jurisdiction, decision)
            for zone_id in decision.terms.zone_ids
            if (jurisdiction := self.jurisdictions.get(zone_id, _NOBODY)) not in at_home
        }

    def _recognised(self, recogniser: str, decision: Decision) -> Sequence[Period]:
        revisions = self.recognitions.get((recogniser, decision.issuer), ())
        return [
            (max(start_ms, revision.value.valid_from_ms), min(end_ms, revision.value.valid_until_ms))
            for revision, start_ms, end_ms in in_force(revisions, lambda row: row.subject)
            if decision.stage in revision.value.stages
        ]


def _valid_in(zone_ids: frozenset[str], abroad: Mapping[str, Sequence[Period]], instant_ms: int) -> frozenset[str]:
    if not abroad:
        return zone_ids
    closed = {
        zone_id
        for zone_id, periods in abroad.items()
        if not any(start_ms <= instant_ms < end_ms for start_ms, end_ms in periods)
    }
    return zone_ids - closed
