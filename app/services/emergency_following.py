"""Following the emergencies that last, each second: who comes near is told, and what is over ends."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.database import changing_session, reading_session
from app.models import Emergency
from app.services.demanded_places import area_of, band_of
from app.services.emergencies import active_emergencies, emergency_by_number, end_as_planned, lock_active
from app.services.emergency_routes import vehicles_with_a_route_through
from app.services.emergency_sightings import Senses
from app.services.emergency_watch import look, place_revision, tell
from app.services.generations import current_generation


class EmergencyFollower:
    """Remembers, of each emergency, whose route leads through it, for as long as nothing is decided anew.

    Nothing is read while there is no emergency, and nothing written while there is no news.
    """

    def __init__(self, senses: Senses) -> None:
        self._senses = senses
        self._routes: dict[str, tuple[int, Collection[int]]] = {}

    def run(self, engine: Engine, now_ms: int) -> None:
        """Do what is due. Several processes may: each emergency is told to one after the other."""
        with reading_session(engine) as session:
            active = active_emergencies(session)
            due = [emergency.number for emergency in active if self._is_anything_due(session, emergency, now_ms)]
        self._routes = {each.number: self._routes[each.number] for each in active if each.number in self._routes}
        for number in due:
            with changing_session(engine) as session:
                self._follow(session, number, now_ms)

    def _is_anything_due(self, session: Session, emergency: Emergency, now_ms: int) -> bool:
        return _is_over(emergency, now_ms) or bool(look(session, emergency, self._senses, now_ms, self._through))

    def _follow(self, session: Session, number: str, now_ms: int) -> None:
        emergency = emergency_by_number(session, number)
        if not lock_active(session, emergency):
            return  # somebody was quicker
        if _is_over(emergency, now_ms):
            end_as_planned(session, emergency, now_ms)
            return
        news = look(session, emergency, self._senses, now_ms, self._through)
        tell(session, emergency, news, actor=None, now_ms=now_ms)

    def _through(self, session: Session, emergency: Emergency, now_ms: int) -> Collection[int]:
        generation = current_generation(session)
        known, through = self._routes.get(emergency.number, (-1, ()))
        if known != generation:
            place = place_revision(session, emergency)
            through = vehicles_with_a_route_through(
                session, area_of(place), band_of(place), self._senses.vertical, now_ms
            )
            self._routes[emergency.number] = generation, through
        return through


def _is_over(emergency: Emergency, now_ms: int) -> bool:
    return emergency.planned_end_ms is not None and emergency.planned_end_ms <= now_ms
