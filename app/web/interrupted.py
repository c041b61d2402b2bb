"""A form that was sent too late: what was typed is carried through the login and offered again.

It travels in the login form, signed: what comes back is what one of our own pages sent, and a person
looks at it and sends it again with a click. Passwords and secrets are not carried, nor are files, of
which the names are told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask import request
from itsdangerous import BadData, URLSafeTimedSerializer

from app.web.csrf import FIELD
from app.web.origin import is_local
from app.web.problems import API_PREFIX
from app.web.runtime import runtime

#: The hidden field of the login form.
CARRIED = "carried"
_FILES_NAMED = 20
_FILE_NAME_CHARACTERS = 200
_GOOD_FOR_S = 7 * 86_400
_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
_WITHHELD = re.compile(r"password|secret|token|one_time_code", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Interrupted:
    """A form, with where it was sent.

    `left_out`: something in it has to be typed again; `files` are the names of those to be chosen again.
    """

    path: str
    fields: tuple[tuple[str, str], ...]
    left_out: bool
    files: tuple[str, ...] = ()


def is_form() -> bool:
    """Whether this request is a form that a person sent from one of the pages."""
    return request.method == "POST" and request.mimetype in _FORMS and not request.path.startswith(API_PREFIX)


def interrupted_form() -> Interrupted:
    """What this request was about to do."""
    sent = [(name, value) for name, value in request.form.items(multi=True) if name not in {FIELD, CARRIED}]
    kept = tuple((name, value) for name, value in sent if not _WITHHELD.search(name))
    names = [file.filename for _name, file in request.files.items(multi=True) if file.filename]
    files = tuple(name[:_FILE_NAME_CHARACTERS] for name in names[:_FILES_NAMED])
    return Interrupted(request.full_path.rstrip("?"), kept, left_out=len(kept) < len(sent), files=files)


def sealed(form: Interrupted) -> str:
    """The form as a text for the login form's hidden field."""
    return _serializer().dumps([form.path, form.fields, form.left_out, form.files])


def carried_form() -> Interrupted | None:
    """The form that the login form brought back, if it brought one that we had sealed."""
    text = request.form.get(CARRIED, "")
    if not text:
        return None
    try:
        path, fields, left_out, files = _serializer().loads(text, max_age=_GOOD_FOR_S)
    except BadData:
        return None
    if not is_local(path):
        return None
    return Interrupted(path, tuple((name, value) for name, value in fields), left_out=left_out, files=tuple(files))


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(runtime().settings.key_for("interrupted"))
