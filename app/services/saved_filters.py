"""Each person's saved filters of the alert board: nobody else's business, so the audit log tells nothing of them."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.errors import AlreadyRegistered, Conflict, InvalidChange, NotFound
from app.models import SavedFilter
from app.schemas.saved_filters import NewFilter
from app.services.pages import Page, read_page

#: More than this is no choice any more.
MOST_FILTERS = 50


def save_filter(session: Session, user_id: int, wanted: NewFilter, *, now_ms: int) -> SavedFilter:
    """Keep a filter under a name. Raises AlreadyRegistered for a name in use, InvalidChange for one too many."""
    own = select(func.count()).select_from(SavedFilter).where(SavedFilter.user_id == user_id)
    if session.scalars(own).one() >= MOST_FILTERS:
        raise InvalidChange(f"at most {MOST_FILTERS} filters", code="too_many_filters", most=MOST_FILTERS)
    if session.scalar(own.where(SavedFilter.name == wanted.name)):
        raise AlreadyRegistered("you have a filter of this name", field="name")
    saved = SavedFilter(
        user_id=user_id, name=wanted.name, criteria=wanted.criteria.model_dump(mode="json"), created_at_ms=now_ms
    )
    session.add(saved)
    session.flush()
    return saved


def delete_filter(session: Session, saved: SavedFilter, *, expected_version: int) -> None:
    """Forget a filter. Raises Conflict for an older version."""
    if saved.version != expected_version:
        raise Conflict("the filter has changed meanwhile")
    session.delete(saved)


def own_filter(session: Session, user_id: int, filter_id: int) -> SavedFilter:
    """Raises NotFound, also for somebody else's."""
    saved = session.get(SavedFilter, filter_id)
    if saved is None or saved.user_id != user_id:
        raise NotFound("There is no such filter.")
    return saved


def filter_page(session: Session, user_id: int, *, limit: int, cursor: str | None) -> Page[SavedFilter]:
    """One page of a person's filters, by name. Raises InvalidChange for a foreign cursor."""
    own = select(SavedFilter).where(SavedFilter.user_id == user_id)
    return read_page(session, own, SavedFilter.name, limit=limit, cursor=cursor).map(lambda row: row[0])
