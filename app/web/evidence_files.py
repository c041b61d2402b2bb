"""Exporting and handing out evidence bundles, the same for pages and for programs."""

from __future__ import annotations

from flask import Response
from sqlalchemy.orm import Session

from app.errors import NotFound
from app.evidence.export import Order, export_bundle
from app.evidence.scope import scope_of
from app.models import EvidenceBundle
from app.schemas.evidence import EvidenceRequest
from app.services.evidence import bundle_by_id
from app.services.vehicles import vehicle_by_id
from app.web.gate import identity
from app.web.ownership import actor, require_own
from app.web.public_address import public_base
from app.web.runtime import runtime


def export_for_caller(request: EvidenceRequest) -> str:
    """Make a bundle as the caller may have it; its identifier.

    Raises NotFound for another organisation's vehicle, InvalidChange for a bad window, Overloaded.
    """
    now_ms = runtime().clock()
    with runtime().reading() as session:
        vehicle = vehicle_by_id(session, request.vehicle_id)
        require_own(vehicle.organisation_id)
        user = actor(session)
        order = Order(
            scope=scope_of(
                vehicle.id,
                request.moment_ms,
                before_s=request.before_s,
                after_s=request.after_s,
                is_for_city=identity().scope is None,
                now_ms=now_ms,
            ),
            reason=request.reason,
            user_id=user.id,
            email=user.email,
            platform_url=public_base(),
        )
    return export_bundle(runtime().engine, order, now_ms)


def own_bundle(session: Session, bundle_id: str) -> EvidenceBundle:
    """One that the caller may have: an operator those made for it. Raises NotFound."""
    bundle = bundle_by_id(session, bundle_id)
    scope = identity().scope
    if scope is not None and bundle.organisation_id != scope:
        raise NotFound("There is no such bundle.")
    return bundle


def bundle_answer(bundle: EvidenceBundle) -> Response:
    """The answer that makes a browser save the archive."""
    made = Response(bundle.content, mimetype="application/zip")
    made.headers["Content-Disposition"] = f'attachment; filename="{bundle.bundle_id}.zip"'
    made.headers["X-Content-Type-Options"] = "nosniff"
    made.set_etag(bundle.sha256.hex())
    return made
