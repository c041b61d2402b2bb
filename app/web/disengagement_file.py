"""The report on disengagements as a CSV file."""

from __future__ import annotations

import csv
import io

from flask import Response
from sqlalchemy.orm import Session

from app.services.disengagements import COLUMNS, disengagement_rows
from app.web.gate import identity
from app.web.tables.export import harmless

_BYTE_ORDER_MARK = "\ufeff"  # Excel knows UTF-8 by it


def disengagement_file(session: Session, *, since_ms: int, until_ms: int) -> Response:
    """The disengagements of [since_ms, until_ms); an operator's own."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    found = disengagement_rows(session, since_ms=since_ms, until_ms=until_ms, organisation_id=identity().scope)
    writer.writerows([harmless(cell) for cell in row] for row in found)
    answer = Response(_BYTE_ORDER_MARK + text.getvalue(), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="disengagements.csv"'
    return answer
