"""Schemathesis against every operation: what the description promises is kept, whatever is sent."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import load_all_checks, positive_data_acceptance

from app.models import Role
from tests.app.web.cast import City

#: Event streams do not end by themselves; tests/app/web/test_server.py reads them.
_STREAMS = r".*/stream$"
#: An input of the right form may still break a rule of the registry, which is told with 404, 409 or 422.
_NOT_PROMISED = [positive_data_acceptance]
_EXAMPLES = 12


def _operations(city: City) -> list[Any]:
    load_all_checks()
    schema = schemathesis.openapi.from_wsgi("/api/docs/openapi.json", city.app)
    return [found.ok() for found in schema.exclude(path_regex=_STREAMS).get_all_operations()]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("role", [Role.OPERATOR_MANAGER, Role.REGULATOR, Role.ADMINISTRATOR])
def test_the_api_keeps_what_its_description_promises(city: City, role: Role) -> None:
    headers = city.bearer(role)
    broken: dict[str, str] = {}
    for operation in _operations(city):
        for mode in GenerationMode:
            try:
                _try(operation, mode, headers)
            except Exception as error:  # noqa: BLE001 -- every operation is tried, and all failures told together
                broken[f"{operation.label} {mode.value}"] = str(error)[:1500]
    assert not broken, "\n\n".join(f"{label}: {what}" for label, what in broken.items())


def _try(operation: Any, mode: GenerationMode, headers: dict[str, str]) -> None:
    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def keeps(case: Case) -> None:
        case.call_and_validate(headers=headers, excluded_checks=_NOT_PROMISED)

    try:
        keeps()
    except Unsatisfiable:
        # An operation without any input cannot be sent a wrong one.
        assert mode is GenerationMode.NEGATIVE
        assert not operation.definition.raw.get("parameters")
