"""The base of all schemas, the types that they share, and what is wrong with an input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

#: Milliseconds UTC from 1970 to the end of 2199: what a calendar can show.
_LAST_MS = 7_258_118_399_999
#: A name that stands in topics, addresses and file names: no separators, no wildcards, no spaces.
_IDENTIFIER = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
#: The same for a reference that may be left out.
IDENTIFIER_OR_NOTHING = r"^([A-Za-z0-9][A-Za-z0-9._-]{0,63})?$"
#: Control characters but for tab and line breaks: they are no text, and some break documents that quote them.
_NO_CONTROLS = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"

Milliseconds = Annotated[int, Field(ge=0, le=_LAST_MS, description="milliseconds UTC")]
Identifier = Annotated[str, StringConstraints(pattern=_IDENTIFIER)]
#: One line of text, stated or empty.
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
#: One line of text that must be there.
Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]
#: Paragraphs.
Paragraphs = Annotated[str, StringConstraints(strip_whitespace=True, max_length=10_000, pattern=_NO_CONTROLS)]
#: Why a decision was taken: never empty.
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000, pattern=_NO_CONTROLS)]


class Schema(BaseModel):
    """An input or an answer: closed (unknown fields are refused), immutable, without NaN and infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field. `path` has dots for nested fields and indices; empty: the whole input.

    `code` is stable, `params` fill in its wording (app.web.error_text).
    """

    path: str
    code: str
    message: str
    params: Mapping[str, Any] = field(default_factory=dict)


def problems_of(error: ValidationError) -> list[FieldProblem]:
    """Everything that a schema found wrong, by field, without the values that were given: they may be secrets."""
    return [
        FieldProblem(
            path=".".join(map(str, found["loc"])),
            code=found["type"],
            message=found["msg"],
            params={
                name: value for name, value in found.get("ctx", {}).items() if isinstance(value, int | float | str)
            },
        )
        for found in error.errors(include_url=False, include_input=False)
    ]
