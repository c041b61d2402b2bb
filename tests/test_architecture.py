"""Imports run app -> telemetry -> geofences and never back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOREIGN_TO_PLACES = {"flask", "sqlalchemy", "alembic", "paho", "amqtt", "telemetry", "app", "migrations"}
FOREIGN_TO_SAMPLES = {"flask", "sqlalchemy", "alembic", "folium", "app", "migrations"}


def _imports(path: Path) -> Iterator[str]:
    """Top-level names of every import of a file, those inside functions included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield str(node.module).split(".")[0]


@pytest.mark.parametrize(
    ("package", "forbidden"), [("geofences", FOREIGN_TO_PLACES), ("telemetry", FOREIGN_TO_SAMPLES)]
)
def test_a_lower_package_never_imports_what_lies_above(package: str, forbidden: set[str]) -> None:
    sources = list((ROOT / package).rglob("*.py"))
    assert sources
    offences = [(str(path.relative_to(ROOT)), name) for path in sources for name in _imports(path) if name in forbidden]
    assert offences == []


def test_wsgi_is_one_import_and_one_call() -> None:
    statements = ast.parse((ROOT / "wsgi.py").read_text(encoding="utf-8")).body
    code = [node for node in statements if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]
    assert len(code) == 2
    assert isinstance(code[0], ast.ImportFrom)
    assert isinstance(code[1], ast.Assign)
    assert isinstance(code[1].value, ast.Call)


def test_only_settings_reads_the_environment() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for package in ("app", "telemetry", "geofences")
        for path in (ROOT / package).rglob("*.py")
        if "os.environ" in path.read_text(encoding="utf-8") or "getenv(" in path.read_text(encoding="utf-8")
    }
    # The command line hands it to the settings; the supervisor asks whether it started this process.
    assert readers <= {"app/settings.py", "app/cli.py", "app/supervisor.py"}
