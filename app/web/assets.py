"""Leaflet, jQuery, Bootstrap and Font Awesome from their XStatic packages, at /assets/.

The packages are found by their installed metadata: importing them would need pkg_resources. Only
files that the installation lists as the package's own are served.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath

from flask import Blueprint, Response, abort, send_file

_DISTRIBUTIONS = {
    "leaflet": "XStatic-Leaflet",
    "jquery": "XStatic-jQuery",
    "bootstrap": "XStatic-Bootstrap",
    "font-awesome": "XStatic-Font-Awesome",
}
_MAX_AGE_SECONDS = 86_400

assets = Blueprint("assets", __name__)


@assets.get("/assets/<package>/<path:path>")
def asset(package: str, path: str) -> Response:
    """One file of a package; unknown names are not found."""
    if package not in _DISTRIBUTIONS:
        abort(HTTPStatus.NOT_FOUND)
    file = _files(package).get(path)
    if file is None:
        abort(HTTPStatus.NOT_FOUND)
    answer = send_file(file, conditional=True, max_age=_MAX_AGE_SECONDS)
    answer.headers["Cache-Control"] = f"public, max-age={_MAX_AGE_SECONDS}"
    return answer


@cache
def _files(package: str) -> Mapping[str, Path]:
    """The package's data files by their path below its data directory."""
    found: dict[str, Path] = {}
    for file in distribution(_DISTRIBUTIONS[package]).files or ():
        parts = PurePosixPath(file).parts
        if parts[:2] == ("xstatic", "pkg") and parts[3:4] == ("data",):
            found["/".join(parts[4:])] = Path(str(file.locate()))
    return found
