"""Which emergencies a caller may see, and how this installation reads what vehicles say of themselves."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.errors import InvalidChange, NotFound
from app.models import Emergency
from app.services.emergencies import emergency_by_number, told_vehicles
from app.services.emergency_board import Board, board_of
from app.services.emergency_sightings import Senses
from app.services.jurisdictions import jurisdiction_by_code
from app.web.gate import identity
from app.web.ownership import require_decider
from app.web.runtime import runtime


def own_emergency(session: Session, number: str) -> Emergency:
    """One of which the caller may know: an operator's vehicles were told of it. Raises NotFound."""
    emergency = emergency_by_number(session, number)
    scope = identity().scope
    if scope is not None and not told_vehicles(session, emergency, scope):
        raise NotFound("There is no such object.")
    return emergency


def own_board(session: Session, number: str) -> Board:
    """The board of such an emergency now; an operator's shows its own vehicles. Raises NotFound."""
    emergency = own_emergency(session, number)
    return board_of(session, emergency, senses=senses(), now_ms=runtime().clock()).of(identity().scope)


def shared_board(number: str) -> Board:
    """The same as it was within the last second, read once for all viewers of this process. Raises NotFound."""

    def read() -> Board:
        with runtime().reading() as session:
            emergency = emergency_by_number(session, number)
            return board_of(session, emergency, senses=senses(), now_ms=runtime().clock())

    board = runtime().boards.get(number, runtime().clock(), read).of(identity().scope)
    if identity().scope is not None and not board.rows:
        raise NotFound("There is no such object.")
    return board


def require_declarer(session: Session, code: str) -> None:
    """The caller decides in this jurisdiction. Raises Forbidden, and InvalidChange for one that does not exist."""
    try:
        jurisdiction = jurisdiction_by_code(session, code)
    except NotFound as error:
        raise InvalidChange(f"no jurisdiction {code}", code="jurisdiction_unknown", field="jurisdiction") from error
    require_decider(jurisdiction)


def senses() -> Senses:
    """From the settings."""
    settings = runtime().settings
    return Senses(settings.vertical, settings.coverage_factor)
