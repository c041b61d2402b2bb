"""telemetry.ports.Registry from the database: everything that judgement depends on, as known at a generation."""

from app.registry.database import DatabaseRegistry, open_registry
from app.registry.rows import Decision, zone_revision

__all__ = ["DatabaseRegistry", "Decision", "open_registry", "zone_revision"]
