"""What the templates of every page may use: filters for times and states, navigation, the form token."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from flask import Flask

from app.web import navigation, states, times
from app.web.csrf import csrf_token
from app.web.evidence_links import evidence_link
from app.web.forms import Form
from app.web.gate import identity_or_none

Filter = Callable[..., str]


def install(app: Flask) -> None:
    """Register them; as globals, so that imported macros see them too."""
    of_times: tuple[Filter, ...] = (times.shanghai, times.shanghai_seconds, times.utc, times.iso_utc, times.day)
    of_states: tuple[Filter, ...] = (states.state_label, states.state_tone, states.role_label)
    for function in (*of_times, times.wall_input, *of_states):
        app.add_template_filter(function)
    app.add_template_global(_navigation, "navigation")
    app.add_template_global(navigation.url_if)
    app.add_template_global(evidence_link)
    app.add_template_global(csrf_token)
    app.add_template_global(problem_with)
    app.add_template_filter(field_id)


def problem_with(form: Form, name: str) -> str:
    """What is wrong with a field: with itself, or with one of the items of its list."""
    return next((text for path, text in form.problems.items() if field_id(path) == name), "")


def field_id(path: str) -> str:
    """The field of a problem's path: `zones` of `zones.3`."""
    return re.sub(r"(\.\d+)+$", "", path)


def _navigation() -> Sequence[navigation.Item | navigation.Group]:
    caller = identity_or_none()
    return navigation.entries(navigation.navigation_for(None if caller is None else caller.role))
