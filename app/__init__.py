"""Pilotage: registry, storage, web, showcase and command line, on telemetry and geofences."""
