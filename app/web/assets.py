"""Leaflet, jQuery, Bootstrap, Font Awesome and Swagger UI from their Python packages, at /assets/.

The packages are found by their installed metadata: importing the XStatic ones would need
pkg_resources. Only files that the installation lists as the package's own are served.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath

from flask import Blueprint, Response, abort, send_file

#: Distribution of each package, and the folder of it that is served ("*": any one name).
_PACKAGES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "leaflet": ("XStatic-Leaflet", ("xstatic", "pkg", "*", "data")),
    "jquery": ("XStatic-jQuery", ("xstatic", "pkg", "*", "data")),
    "bootstrap": ("XStatic-Bootstrap", ("xstatic", "pkg", "*", "data")),
    "font-awesome": ("XStatic-Font-Awesome", ("xstatic", "pkg", "*", "data")),
    "swagger-ui": ("flask-openapi3-swagger", ("flask_openapi3_swagger", "templates", "swagger")),
}
_MAX_AGE_SECONDS = 86_400

assets = Blueprint("assets", __name__)


@assets.get("/assets/<package>/<path:path>")
def asset(package: str, path: str) -> Response:
    """One file of a package; unknown names are not found."""
    if package not in _PACKAGES:
        abort(HTTPStatus.NOT_FOUND)
    file = asset_file(package, path)
    if file is None:
        abort(HTTPStatus.NOT_FOUND)
    answer = send_file(file, conditional=True, max_age=_MAX_AGE_SECONDS)
    answer.headers["Cache-Control"] = f"public, max-age={_MAX_AGE_SECONDS}"
    return answer


def asset_file(package: str, path: str) -> Path | None:
    """Where a file of one of the packages is; None: it has no such file."""
    return _files(package).get(path)


@cache
def _files(package: str) -> Mapping[str, Path]:
    """The files that are served, by their path below the package's folder."""
    name, folder = _PACKAGES[package]
    found: dict[str, Path] = {}
    for file in distribution(name).files or ():
        parts = PurePosixPath(file).parts
        if len(parts) > len(folder) and all(want in {"*", part} for want, part in zip(folder, parts, strict=False)):
            found["/".join(parts[len(folder) :])] = Path(str(file.locate()))
    return found
