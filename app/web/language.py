"""Which language a request is answered in, and where the translations are.

English is the language of the texts in the source; app/translations holds Simplified Chinese, under
`zh_Hans_CN` because that is what Babel makes of `zh_CN`. A test fails while a text is untranslated
or the compiled catalogue is older than its source. After a change of texts:

    pybabel extract -F app/translations/babel.cfg -k lazy_gettext -k lazy_pgettext:1c,2 -k _now \
        --no-location -o messages.pot app
    pybabel update -i messages.pot -d app/translations -l zh_Hans_CN --no-fuzzy-matching --ignore-obsolete
    pybabel compile -d app/translations
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from flask import Flask, request
from flask_babel import Babel, get_locale
from werkzeug.wrappers import Response

from app.settings import Locale

LANGUAGE_COOKIE = "language"
_COOKIE_SECONDS = 365 * 24 * 3600
TRANSLATIONS = Path(__file__).parents[1] / "translations"


def install(app: Flask, default: Locale) -> None:
    """Give the app its translations; `default` answers those who state no preference."""
    Babel(  # type: ignore[no-untyped-call]  # flask-babel has no annotations
        app,
        default_locale=Locale.ENGLISH.value,
        default_translation_directories=str(TRANSLATIONS),
        locale_selector=lambda: choose_locale(default),
    )


def choose_locale(default: Locale) -> str:
    """The visitor's own choice, then what the browser asks for, then the installation's language."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in set(Locale):
        return str(chosen)
    accepted = request.accept_languages.best_match(["zh-CN", "zh", "en"])
    if accepted is None:
        return default.value
    return Locale.ENGLISH.value if accepted == "en" else Locale.CHINESE.value


def language() -> Literal["zh", "en"]:
    """The key of names and wordings in the request's language."""
    return "zh" if str(get_locale()).startswith("zh") else "en"


def remember_language(answer: Response, code: str) -> None:
    """Keep the visitor's choice in a cookie, for a year."""
    answer.set_cookie(
        LANGUAGE_COOKIE, code, max_age=_COOKIE_SECONDS, secure=request.is_secure, httponly=True, samesite="Lax"
    )
