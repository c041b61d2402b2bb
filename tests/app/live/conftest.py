from __future__ import annotations

from tests.app.web.conftest import city, registry

__all__ = ["city", "registry"]
