"""Forms: what a browser sends, read by the same schemas as the API, and shown again with its problems.

Names with dots make nested objects (`conditions.speed_cap_mps`). An empty field counts as not
stated. A field whose name ends in `_ms` may carry wall time in Shanghai (`2026-11-21T08:00`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import MultiDict

from app.calendar import CITY
from app.errors import AppError
from app.schemas.base import FieldProblem, problems_of
from app.web.error_text import error_text, field_text

_ROW_DIGITS = 3
_BETWEEN_MEMBERS = re.compile(r"[\s,;\uff0c\uff1b\u3001]+")
_S = TypeVar("_S", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Form:
    """What a template shows: the values as they were typed, and what is wrong, in the request's language."""

    values: Mapping[str, Any] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    general: str = ""


def blank(values: Mapping[str, Any] | None = None) -> Form:
    """A form before anything was typed, filled in with `values` by dotted name."""
    return Form(values=values or {})


def read_form(schema: type[_S], sent: MultiDict[str, str]) -> tuple[_S | None, Form]:
    """What the schema makes of the fields that were sent (None: it refuses them), and the form to show again."""
    values = {name: sent.getlist(name) if len(sent.getlist(name)) > 1 else sent[name] for name in sent}
    try:
        return schema.model_validate(_nested(schema, sent)), Form(values)
    except ValidationError as error:
        return None, with_problems(Form(values), problems_of(error))


def with_problems(form: Form, problems: Sequence[FieldProblem]) -> Form:
    """The form with the problems marked; those of the whole input stand at its top."""
    marked: dict[str, str] = {}
    for found in problems:
        if found.path:
            marked.setdefault(found.path, field_text(found))
    general = " ".join(field_text(found) for found in problems if not found.path)
    return Form(form.values, {**form.problems, **marked}, general or form.general)


def with_error(form: Form, error: AppError) -> Form:
    """The form after a service refused it: the problem at its field, or at the top."""
    text = error_text(error)
    if error.fields:
        return Form(form.values, {**form.problems, **dict.fromkeys(error.fields, text)}, form.general)
    return Form(form.values, form.problems, text)


def _nested(schema: type[BaseModel], sent: MultiDict[str, str], prefix: str = "") -> dict[str, Any]:
    """The sent fields that the schema knows, nested as it is; what is empty is left out."""
    found: dict[str, Any] = {}
    for name, declared in schema.model_fields.items():
        path = prefix + name
        inner, row = _schema_in(declared.annotation), _row_schema_in(declared.annotation)
        if row is not None:
            found[name] = [_nested(row, sent, f"{path}.{number}.") for number in row_numbers(sent, path)]
        elif inner is not None:
            if any(key.startswith(path + ".") for key in sent):
                found[name] = _nested(inner, sent, path + ".")
        elif _is_list(declared.annotation):
            found[name] = members(sent.getlist(path))
        elif declared.annotation is bool:
            found[name] = sent.get(path, "") not in {"", "0", "false"}
        elif sent.get(path, "").strip():
            found[name] = _value(name, sent[path])
    return found


def members(sent: str | Sequence[str] | None) -> list[str]:
    """The values of a list: boxes send one each, a text field many, with blanks or commas between them."""
    texts = [sent] if isinstance(sent, str) else sent or []
    return [part for text in texts for part in _BETWEEN_MEMBERS.split(text) if part]


def row_numbers(sent: MultiDict[str, str], path: str) -> list[int]:
    """The numbers of the rows `path.0.…`, `path.1.…` in which anything was typed, in their order."""
    begun = (name.removeprefix(f"{path}.").partition(".")[0] for name in sent if name.startswith(f"{path}."))
    numbers = sorted({int(number) for number in begun if number.isdecimal() and len(number) <= _ROW_DIGITS})
    beginnings = {number: f"{path}.{number}." for number in numbers}
    return [
        number
        for number, beginning in beginnings.items()
        if any(text.strip() for name in sent if name.startswith(beginning) for text in sent.getlist(name))
    ]


def with_rows_closed_up(sent: MultiDict[str, str], path: str) -> MultiDict[str, str]:
    """The same without empty rows, numbered from 0: problems then have the number of the row that is shown."""
    numbers = {number: place for place, number in enumerate(row_numbers(sent, path))}
    closed: MultiDict[str, str] = MultiDict()
    for name, text in sent.items(multi=True):
        number, _dot, rest = name.removeprefix(f"{path}.").partition(".")
        if not name.startswith(f"{path}."):
            closed.add(name, text)
        elif number.isdecimal() and int(number) in numbers:
            closed.add(f"{path}.{numbers[int(number)]}.{rest}", text)
    return closed


def _value(name: str, text: str) -> str | int:
    if name.endswith("_ms") and not text.strip().lstrip("-").isdigit():
        try:
            wall = datetime.fromisoformat(text.strip())
        except ValueError:
            return text  # the schema says what is wrong with it
        return round(wall.replace(tzinfo=wall.tzinfo or CITY).timestamp() * 1000)
    return text


def _schema_in(annotation: Any) -> type[BaseModel] | None:
    candidates = (annotation, *get_args(annotation))
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)


def _row_schema_in(annotation: Any) -> type[BaseModel] | None:
    """The schema of the members of a list."""
    lists = (c for c in (annotation, *get_args(annotation)) if get_origin(c) is list)
    return next((_schema_in(each) for each in lists), None)


def _is_list(annotation: Any) -> bool:
    candidates = (annotation, *get_args(annotation))
    return any(get_origin(c) in {list, set, tuple, frozenset} for c in candidates)
