"""Exports a bundle: anchors the seals if need be, reads, writes, verifies, keeps."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine

from app.database import changing_session, snapshot_connection
from app.errors import Overloaded
from app.evidence.bundle import Export, bundle_of
from app.evidence.content import Content, read_content
from app.evidence.scope import Scope
from app.evidence.seals import NotAnchoredYet
from app.evidence.verify import faults_in
from app.models import User
from app.services.evidence import new_bundle_id, store_bundle
from app.services.seal_anchors import anchor_now

#: Reading and drawing take a processor for a second or more: one at a time in a process.
_TURN: Final = threading.Lock()
_PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants a bundle of what, why, and where the public reaches the installation."""

    scope: Scope
    reason: str
    user_id: int
    email: str
    platform_url: str


def export_bundle(engine: Engine, order: Order, now_ms: int) -> str:
    """Make and keep a bundle; its identifier. Raises InvalidChange for one too large, Overloaded when many wait."""
    with _a_turn():
        content = _read(engine, order.scope, now_ms)
        bundle_id = new_bundle_id()
        made = bundle_of(content, Export(bundle_id, now_ms, order.email, order.reason, order.platform_url))
    faults = faults_in(made)
    with changing_session(engine) as session:
        store_bundle(
            session,
            made,
            bundle_id=bundle_id,
            scope=order.scope,
            samples=len(content.tracks.own),
            faults=faults,
            reason=order.reason,
            actor=session.get_one(User, order.user_id),
            now_ms=now_ms,
        )
    return bundle_id


def _read(engine: Engine, scope: Scope, now_ms: int) -> Content:
    """The newest samples may lie after the newest anchor: then one is made for them."""
    try:
        with snapshot_connection(engine) as connection:
            return read_content(connection, scope, is_last_try=False)
    except NotAnchoredYet:
        with changing_session(engine) as session:
            anchor_now(session, now_ms)
    with snapshot_connection(engine) as connection:
        return read_content(connection, scope, is_last_try=True)


@contextmanager
def _a_turn() -> Iterator[None]:
    if not _TURN.acquire(timeout=_PATIENCE_S):
        raise Overloaded("too many bundles are being made")
    try:
        yield
    finally:
        _TURN.release()
