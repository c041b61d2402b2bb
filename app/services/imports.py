"""Import of many vehicles at once: read, checked cell by cell, kept as a draft, taken over whole or not at all."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.errors import InvalidChange, NotFound
from app.imports.headings import HEADINGS, cell_text, fields_of
from app.imports.reading import read_sheet
from app.imports.sheets import Cell, Formula, SheetRow
from app.models import ImportDraft, Organisation, User
from app.schemas.base import FieldProblem, problems_of
from app.schemas.vehicles import VehicleDetails
from app.services.vehicles import UNIQUE, Registration, register_vehicles, registrations_of, taken_values

#: A draft that nobody confirmed is gone after this.
DRAFT_MS = 3_600_000
_KIND = "vehicles"
#: Compared in capitals even where the row could not be read.
_CAPITALS = frozenset({"vin", "registration_mark"})
#: What is wrong with the file itself, and so cannot be found again in the cells' text.
_MARKS = {"formula": "a formula: give the value", "more_cells_than_columns": "the row has more cells than the header"}


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One row of the file: its cells by field, and what is wrong with them by field (empty: with the row)."""

    line: int
    cells: Mapping[str, str]
    problems: Mapping[str, FieldProblem]
    details: VehicleDetails | None

    @property
    def is_good(self) -> bool:
        """Whether the row could be imported."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class Preview:
    """Everything that an import would do. `fields` are the columns of the file in their order."""

    fields: Sequence[str]
    rows: Sequence[ImportRow]

    @property
    def bad(self) -> Sequence[ImportRow]:
        """The rows that stand in the way."""
        return [row for row in self.rows if not row.is_good]

    @property
    def details(self) -> list[VehicleDetails]:
        """What would be registered. Raises InvalidChange unless every row is good."""
        found = [row.details for row in self.rows if row.is_good and row.details is not None]
        if len(found) != len(self.rows) or not found:
            raise InvalidChange(f"{len(self.bad)} rows have problems", code="import_has_problems", count=len(self.bad))
        return found


def preview_of(session: Session, content: bytes) -> Preview:
    """What importing this file would do, checked against itself and the register. Raises UnreadableFile."""
    sheet = read_sheet(content, HEADINGS)
    fields = fields_of(sheet)
    return _checked(session, fields, [_read_row(fields, row) for row in sheet.rows])


def keep_draft(session: Session, preview: Preview, *, file_name: str, actor: User, now_ms: int) -> str:
    """Keep a preview until it is confirmed; the user's earlier drafts go. Returns the draft's public id."""
    session.execute(delete(ImportDraft).where(ImportDraft.created_by_id == actor.id, ImportDraft.kind == _KIND))
    session.execute(delete(ImportDraft).where(ImportDraft.kind == _KIND, ImportDraft.created_at_ms < now_ms - DRAFT_MS))
    rows = [[row.line, row.cells, _marks(row)] for row in preview.rows]
    draft = ImportDraft(
        public_id=secrets.token_urlsafe(24),
        kind=_KIND,
        content={"file_name": file_name, "fields": list(preview.fields), "rows": rows},
        created_by_id=actor.id,
        created_at_ms=now_ms,
    )
    session.add(draft)
    session.flush()
    return draft.public_id


def draft_preview(session: Session, public_id: str, *, user_id: int, now_ms: int) -> tuple[Preview, str]:
    """A draft checked against the register as it is now, and the name of its file.

    Raises NotFound for somebody else's draft and for one that is older than an hour.
    """
    content = _draft(session, public_id, user_id, now_ms).content
    rows = [_row(line, cells, dict(marks)) for line, cells, marks in content["rows"]]
    return _checked(session, content["fields"], rows), content["file_name"]


def draft_registrations(session: Session, public_id: str, *, user_id: int, now_ms: int) -> list[Registration]:
    """What `take_over` of this draft registers; only reads.

    Raises NotFound as `draft_preview` does, InvalidChange when a row is not good, or not any more.
    """
    preview, _ = draft_preview(session, public_id, user_id=user_id, now_ms=now_ms)
    return registrations_of(preview.details)


def take_over(
    session: Session,
    public_id: str,
    wanted: Sequence[Registration],
    *,
    organisation: Organisation,
    actor: User,
    now_ms: int,
) -> None:
    """Register every vehicle of a draft as one change, and drop the draft. Raises NotFound when it is dropped."""
    mine = delete(ImportDraft).where(ImportDraft.public_id == public_id, ImportDraft.created_by_id == actor.id)
    if session.execute(mine.returning(ImportDraft.id)).first() is None:
        raise NotFound("the import was confirmed or dropped meanwhile")
    register_vehicles(session, wanted, organisation=organisation, now_ms=now_ms, actor=actor)


def _draft(session: Session, public_id: str, user_id: int, now_ms: int) -> ImportDraft:
    draft = session.scalar(
        select(ImportDraft).where(
            ImportDraft.public_id == public_id,
            ImportDraft.kind == _KIND,
            ImportDraft.created_by_id == user_id,
            ImportDraft.created_at_ms >= now_ms - DRAFT_MS,
        )
    )
    if draft is None:
        raise NotFound(
            "there is no such import, or it is older than an hour",
        )
    return draft


def _read_row(fields: Sequence[str], row: SheetRow) -> ImportRow:
    cells = dict(zip(fields, row.cells, strict=False))
    marks = {name: "formula" for name, cell in cells.items() if isinstance(cell, Formula)}
    if any(row.cells[len(fields) :]):
        marks[""] = "more_cells_than_columns"
    return _row(row.line, {name: _text(cell) for name, cell in cells.items()}, marks)


def _row(line: int, cells: Mapping[str, str], marks: Mapping[str, str]) -> ImportRow:
    """The row as its schema reads it. What the file itself marks is wrong whatever the cell says."""
    marked = {name: FieldProblem(name, code, _MARKS[code]) for name, code in marks.items()}
    stated = {name: cell_text(name, text) for name, text in cells.items() if text}
    try:
        details = VehicleDetails.model_validate(stated)
    except ValidationError as error:
        found = {problem.path: problem for problem in reversed(problems_of(error))}
        return ImportRow(line, cells, {**found, **marked}, None)
    return ImportRow(line, cells, marked, None if marked else details)


def _text(cell: Cell) -> str:
    return cell.text if isinstance(cell, Formula) else cell


def _marks(row: ImportRow) -> list[list[str]]:
    return [[name, problem.code] for name, problem in row.problems.items() if problem.code in _MARKS]


def _checked(session: Session, fields: Sequence[str], rows: Sequence[ImportRow]) -> Preview:
    """The rows with what is there twice, in the file or in the register."""
    for name in UNIQUE:
        values = [_value(row, name) for row in rows]
        counts = Counter(value for value in values if value is not None)
        taken = taken_values(session, name, sorted(counts))
        rows = [_marked(row, name, value, counts, taken) for row, value in zip(rows, values, strict=True)]
    return Preview(fields, rows)


def _value(row: ImportRow, name: str) -> str | None:
    if row.details is not None:
        found: Any = getattr(row.details, name)
        return None if found is None else str(found)
    return row.cells.get(name, "").upper() or None if name in _CAPITALS else row.cells.get(name) or None


def _marked(row: ImportRow, name: str, value: str | None, counts: Counter[str], taken: set[str]) -> ImportRow:
    if value is None or name in row.problems:
        return row
    if value in taken:
        problem = FieldProblem(name, "taken", "registered already")
    elif counts[value] > 1:
        problem = FieldProblem(name, "twice_in_file", "more than once in this file")
    else:
        return row
    return replace(row, problems={**row.problems, name: problem}, details=None)
