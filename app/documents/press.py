"""Prints notices: one at a time, and the same one once in a while only.

To embed a font's subset costs more than half a second of a processor. So whoever asks again and
again gets the same sheet, and whoever asks for many at once takes one processor and no more.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Lock

from app.documents.permit_notice import PermitNotice, notice_pdf
from app.errors import Overloaded

#: A sheet says when it was printed; until it is this old the next one would say the same of the permit.
GOOD_FOR_MS = 300_000
#: Sheets that are kept, some 50 kB each.
MOST_KEPT = 64
#: How long somebody waits for those before.
_PATIENCE_S = 5.0


@dataclass(slots=True)
class NoticePress:
    """Keeps the newest sheets by everything that stands on them but the time."""

    printed: Callable[[PermitNotice], bytes] = notice_pdf
    patience_s: float = _PATIENCE_S
    _kept: OrderedDict[str, tuple[int, bytes]] = field(default_factory=OrderedDict)
    _turn: Lock = field(default_factory=Lock)

    def sheet(self, notice: PermitNotice) -> bytes:
        """The notice as a PDF, of now or a few minutes ago. Raises Overloaded when too many wait before."""
        content = repr(replace(notice, printed_at="", printed_at_ms=0))
        if not self._turn.acquire(timeout=self.patience_s):
            raise Overloaded("too many documents are being printed")
        try:
            return self._fresh(content, notice.printed_at_ms) or self._print(content, notice)
        finally:
            self._turn.release()

    def _fresh(self, content: str, now_ms: int) -> bytes | None:
        printed_at_ms, sheet = self._kept.get(content, (now_ms - GOOD_FOR_MS, b""))
        return sheet if 0 <= now_ms - printed_at_ms < GOOD_FOR_MS else None

    def _print(self, content: str, notice: PermitNotice) -> bytes:
        sheet = self.printed(notice)
        self._kept[content] = notice.printed_at_ms, sheet
        self._kept.move_to_end(content)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return sheet
