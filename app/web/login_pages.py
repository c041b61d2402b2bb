"""The pages of logging in, rendered: the form, the code, and the way back to what was interrupted."""

from __future__ import annotations

from flask import render_template, request

from app.showcase.seed import DEMO_USERS
from app.web.interrupted import Interrupted, sealed
from app.web.runtime import runtime


def login_page(*, email: str = "", problem: str = "", interrupted: Interrupted | None = None) -> str:
    """The login form; `problem` says, in the request's language, why the last attempt failed."""
    settings = runtime().settings
    return render_template(
        "login.html",
        demo_logins=DEMO_USERS if settings.demo else (),
        email=email,
        problem=problem,
        next=wanted_page(),
        interrupted=interrupted,
        carried="" if interrupted is None else sealed(interrupted),
        provider=settings.openid.name if settings.openid is not None else "",
    )


def code_page(*, problem: str = "", interrupted: Interrupted | None = None) -> str:
    """The form for the code of the second factor."""
    carried = "" if interrupted is None else sealed(interrupted)
    return render_template("login_code.html", problem=problem, next=wanted_page(), carried=carried)


def continue_page(interrupted: Interrupted, *, duty_url: str = "") -> str:
    """What was typed, to be sent again with a click; `duty_url` is what has to be done before."""
    return render_template("continue.html", interrupted=interrupted, duty_url=duty_url)


def wanted_page() -> str:
    """The page that asked for the login, as it was given: check it before going there."""
    return request.form.get("next") or request.args.get("next") or ""
