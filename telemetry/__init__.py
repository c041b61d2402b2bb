"""Samples from the message to the stored, judged fact. Knows no Flask and no SQLAlchemy."""
