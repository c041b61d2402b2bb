"""The answer of a view that shows one table: its page, or the file that the query asks for."""

from __future__ import annotations

from typing import Any

from flask import Response, render_template, request

from app.web.tables.definition import Table
from app.web.tables.export import ExportFormat, export
from app.web.tables.listing import listing
from app.web.tables.rows import Row


def table_answer(table: Table[Row], template: str, **context: Any) -> Response | str:
    """The template with the table as `table`, or with `?export=csv` (`xlsx`) every row as a download."""
    wanted = request.args.get(f"{table.prefix}export", "")
    if wanted in set(ExportFormat):
        return export(table, table.ask(request.args), ExportFormat(wanted))
    return render_template(template, table=listing(table, request.args, request.path), **context)
