"""The name of an organisation in the request's language."""

from __future__ import annotations

from app.models import Organisation
from app.web.language import language


def organisation_name(organisation: Organisation) -> str:
    """Chinese or English."""
    return organisation.name_zh if language() == "zh" else organisation.name_en
