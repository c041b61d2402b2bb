"""Public verification of one permit over HTTP."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from pydantic import Field

from app.public.verification import verification as verify
from app.schemas.base import Schema
from app.schemas.permits import Verification
from app.web.api.base import OPEN, PREFIX, Problem, answer, api_blueprint
from app.web.runtime import runtime

verification_api = api_blueprint(
    "verification", "Whether a permit is valid, for everybody.", f"{PREFIX}/public/permits"
)


class NumberPath(Schema):
    """Which permit."""

    number: Annotated[str, Field(max_length=64)]


@verification_api.get("/<number>", responses={"200": Verification, "422": Problem}, security=OPEN)
def verification(path: NumberPath) -> Response:
    """What the permit is worth now. No vehicle and no person."""
    with runtime().reading() as session:
        return answer(verify(session, path.number, now_ms=runtime().clock()))
