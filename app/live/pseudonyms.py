"""Names for public eyes: stable for one day, meaningless and unlinkable across days.

That the vehicles behind them cannot be linked either, by where they are, is app.live.public's matter.

A pseudonym is an HMAC of the thing's key and of the calendar day in Asia/Shanghai, under a key
that is derived from the platform's secret. Without the secret it can be neither reversed nor
guessed by trying all vehicles.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

#: 50 bits: two of 10,000 vehicles get the same name once in some twenty million days.
LENGTH = 10


class Pseudonyms:
    """Makes the names of one kind of thing; each kind has its own key, so that kinds cannot be linked."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def name(self, key: str, day: str) -> str:
        """Ten letters and digits, the same all day."""
        digest = hmac.digest(self._key, f"{day}\n{key}".encode(), hashlib.sha256)
        return base64.b32encode(digest).decode("ascii")[:LENGTH].lower()
