"""The blueprint of the public pages, and what all of them share."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, current_app

from app.registry.database import DatabaseRegistry, open_registry
from app.schemas.public import PlaceName, PublicNames
from app.web.gate import identity_or_none
from app.web.language import language
from app.web.runtime import runtime
from telemetry.ports import RegistrySnapshot

public_pages = Blueprint("public", __name__)

#: What is in force changes rarely; a decision shows within this time.
PAGE_SECONDS = 30
_KEY = "pilotage-public-registry"


def registry_now() -> RegistrySnapshot:
    """Everything in force, read as far as it has changed since the last request."""
    registry = current_app.extensions.get(_KEY)
    if registry is None:
        registry = current_app.extensions[_KEY] = open_registry(runtime().engine, runtime().settings)
    assert isinstance(registry, DatabaseRegistry)
    return registry.snapshot()


def name_in(names: PublicNames) -> str:
    """The name in the request's language."""
    return names.zh if language() == "zh" else names.en


def place_list(places: list[PlaceName]) -> str:
    """Names of places, one after the other."""
    return ("、" if language() == "zh" else ", ").join(name_in(place.names) for place in places)


@public_pages.after_request
def keep_for_a_while(answer: Response) -> Response:
    """A visitor's browser may keep a page for a moment; shared caches may not: it carries a nonce."""
    if answer.status_code == HTTPStatus.OK and identity_or_none() is None and "Cache-Control" not in answer.headers:
        answer.headers["Cache-Control"] = f"private, max-age={PAGE_SECONDS}"
        answer.vary.update(("Accept-Language", "Cookie"))
    return answer
