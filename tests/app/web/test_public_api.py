"""The public API answers as it is described, with and without content, and to a caller without a login."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import load_all_checks, positive_data_acceptance

from tests.app.web.cast import City, small_city
from tests.app.web.public_secrets import fill

_MINE = r"^/api/v1/public/(now|operators|permits|places|safety|street|trials)"


@pytest.fixture(scope="module", params=["empty", "filled"])
def some_city(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, registry: Path
) -> Iterator[City]:
    with small_city(tmp_path_factory.mktemp("public-api"), registry) as city:
        if request.param == "filled":
            fill(city)
        yield city


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_answers_are_as_described(some_city: City, mode: GenerationMode) -> None:
    load_all_checks()
    schema = schemathesis.openapi.from_wsgi("/api/docs/openapi.json", some_city.app).include(path_regex=_MINE)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= 7
    for operation in operations:
        if mode is GenerationMode.POSITIVE or operation.definition.raw.get("parameters"):
            _holds(operation.as_strategy(generation_mode=mode))


def test_lists_may_be_kept_by_anything_on_the_way_and_what_moves_by_nobody(some_city: City) -> None:
    kept = {path: _cache(some_city, path) for path in ("permits", "trials", "operators", "places", "safety")}
    assert set(kept.values()) == {"public, max-age=30"}
    assert {_cache(some_city, path) for path in ("now", "street/QH-R-01")} == {"no-store"}


def _holds(strategy: object) -> None:
    @settings(
        max_examples=5,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)  # type: ignore[arg-type]  # a strategy of cases
    def holds(case: Case) -> None:
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    holds()


def _cache(city: City, path: str) -> str:
    answer = city.client().get(f"/api/v1/public/{path}")
    assert answer.status_code == 200
    return answer.headers["Cache-Control"]
