"""What the form of a permit's terms offers: of an application, and of the decision on it."""

from __future__ import annotations

from typing import Any

from app.documents.wording import MODES, OFFICERS
from app.web.language import language
from app.web.schedule_text import day_names

#: Rows for windows beyond those that are filled in: the form works without a script.
_SPARE_ROWS = 2


def term_options(windows: int) -> dict[str, Any]:
    """Options of the form, with as many rows for windows as are filled in and some more."""
    return {
        "modes": [(mode.name.lower(), words.said(language())) for mode, words in MODES.items()],
        "posts": [(post.name.lower(), words.said(language())) for post, words in OFFICERS.items()],
        "days": list(day_names().items()),
        "window_rows": windows + _SPARE_ROWS,
    }
