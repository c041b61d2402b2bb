"""What if, over HTTP: a past period judged against a draft."""

from __future__ import annotations

from flask import Response

from app.schemas.what_if import WhatIf, WhatIfOut
from app.web.api.base import PREFIX, Problem, answer, api_blueprint
from app.web.what_if import answered

what_if_api = api_blueprint("what-if", "What would have been different under a draft.", f"{PREFIX}/what-if")


@what_if_api.post("", responses={"200": WhatIfOut, "422": Problem, "503": Problem})
def ask(body: WhatIf) -> Response:
    """Judge a period of six hours at most once more, as it was and with the draft. Nothing is stored or sent."""
    return answer(answered(body))
