"""The web edge: Flask factory, API, event streams, health and the pages."""
