"""Durable storage of telemetry on SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import Engine

from app.storage.reading import latest_positions, stored_alerts, stored_batches, vehicle_key
from app.storage.store import DatabaseStore
from telemetry.ports import Store

__all__ = ["latest_positions", "open_store", "stored_alerts", "stored_batches", "vehicle_key"]


def open_store(engine: Engine) -> Store:
    """The store on an engine of app.database.open_engine whose schema is up to date."""
    return DatabaseStore(engine)
