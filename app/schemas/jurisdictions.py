"""Jurisdictions as the API and the forms give them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.schemas.base import Identifier, Schema, Title


class JurisdictionOut(Schema):
    """Where one authority decides."""

    code: Identifier
    name_zh: Title
    name_en: Title
    number_prefix: Annotated[str, Field(description="beginning of the numbers of its permits")]
    version: int
