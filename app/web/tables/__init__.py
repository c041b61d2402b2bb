"""Tables: one definition gives the page, sorting, filtering, paging and the exports.

A view makes a `Table` and returns `table_answer(table, "vehicles/index.html")`; the page shows it with
the macro `table` of kit/tables.html. What the reader wants is in the query: `?sort=-key`, `?q=text`,
`?page=2`, `?<filter>=value`, `?export=csv`. docs/pages.md has an example.
"""

from __future__ import annotations

from app.web.tables.answer import table_answer
from app.web.tables.definition import CellValue, Column, Filter, Kind, Table
from app.web.tables.export import ExportFormat, export
from app.web.tables.listing import Listing, listing
from app.web.tables.rows import DatabaseRows

__all__ = [
    "CellValue",
    "Column",
    "DatabaseRows",
    "ExportFormat",
    "Filter",
    "Kind",
    "Listing",
    "Table",
    "export",
    "listing",
    "table_answer",
]
