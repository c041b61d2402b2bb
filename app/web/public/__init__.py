"""The pages that anybody may read: what is permitted, where, by whom, and how it goes."""

from __future__ import annotations

from flask import Blueprint

from app.web.public import lists, now, places, safety, street
from app.web.public.blueprint import public_pages
from app.web.public.verification import verification_pages

#: Every part of the public site besides the map.
PUBLIC_PAGES: tuple[Blueprint, ...] = (public_pages, verification_pages)

#: The modules whose views the blueprint has.
VIEWS = (lists, now, places, safety, street)
