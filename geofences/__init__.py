"""Places: zones, geometry, index, schedules, datums and formats. Knows no Flask, SQLAlchemy or MQTT."""
