"""Organisations: what they state of themselves, and how they are shown."""

from __future__ import annotations

from typing import TypedDict

from app.schemas.base import Identifier, Line, Schema, Title
from app.schemas.checks import CreditCode, Email, Phone, Website


class OrganisationFacts(TypedDict, total=False):
    """The columns of an organisation besides its names."""

    credit_code: str | None
    address: str
    contact_name: str
    contact_email: str
    contact_phone: str
    emergency_phone: str
    website: str


class OrganisationDetails(Schema):
    """What an organisation states of itself; a change replaces all of it."""

    name_zh: Title
    name_en: Title
    credit_code: CreditCode | None = None
    address: Line = ""
    contact_name: Line = ""
    contact_email: Email = ""
    contact_phone: Phone = ""
    emergency_phone: Phone = ""
    website: Website = ""


class OrganisationRegistration(OrganisationDetails):
    """A new organisation; its code never changes."""

    code: Identifier


class OrganisationOut(Schema):
    """An organisation as it is registered."""

    code: str
    name_zh: str
    name_en: str
    credit_code: str | None
    address: str
    contact_name: str
    contact_email: str
    contact_phone: str
    emergency_phone: str
    website: str
    version: int
