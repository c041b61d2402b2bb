"""The pages for people who are logged in: lists, forms and decisions, one module for each noun."""

from __future__ import annotations

from flask import Blueprint

from app.web.desk.zone_editor import zone_editor
from app.web.desk.zones import zones

#: Every part of the desk. A new one is added here, and its endpoints in app.web.access.
DESK: tuple[Blueprint, ...] = (zones, zone_editor)
