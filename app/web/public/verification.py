"""Is this permit valid? Answered to anybody who has its number, or scanned the QR code of its notice.

The numbers of permits are public and in order, so that asking for many of them tells nobody more than
the list of permits does: look-ups are not throttled.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.wrappers import Response
from werkzeug.wrappers import Response as WerkzeugResponse

from app.documents.wording import STAGES, STANDINGS
from app.errors import NotFound
from app.public.verification import verification
from app.web.language import language
from app.web.public.wording import group_text
from app.web.runtime import runtime

verification_pages = Blueprint("verification", __name__, url_prefix="/verify")

_LONGEST_NUMBER = 64


@verification_pages.get("")
def index() -> str | WerkzeugResponse:
    """Asks for a number."""
    number = request.args.get("number", "").strip()[:_LONGEST_NUMBER]
    if number and "/" not in number:
        return redirect(url_for("verification.show", number=number), code=HTTPStatus.SEE_OTHER)
    return render_template("public/verify.html", number="")


@verification_pages.get("/<number>")
def show(number: str) -> str | Response:
    """What the permit is worth now."""
    now_ms = runtime().clock()
    try:
        with runtime().reading() as session:
            found = verification(session, number, now_ms=now_ms)
    except NotFound:
        page = render_template("public/verify.html", number=number, unknown=True)
        return make_response(page, HTTPStatus.NOT_FOUND)
    return render_template(
        "public/verified.html",
        found=found,
        now_ms=now_ms,
        standing=STANDINGS[found.standing],
        stage=STAGES[found.stage].said(language()),
        vehicles=group_text(found.vehicle_count),
    )
