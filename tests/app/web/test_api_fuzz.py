"""Schemathesis against every operation: what the description promises is kept, whatever is sent."""

from __future__ import annotations

import re
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import load_all_checks, positive_data_acceptance
from schemathesis.core.failures import FailureGroup

from app.models import Role
from app.web import access
from tests.app.web.cast import City

#: Event streams do not end by themselves; tests/app/web/test_server.py reads them.
_STREAMS = r".*/stream$"
#: An input of the right form may still break a rule of the registry, which is told with 404, 409 or 422.
_NOT_PROMISED = [positive_data_acceptance]
_EXAMPLES = 6
#: An operation is tried as the first of them that may: to everybody else it answers 403, whatever is sent.
_ROLES = (Role.OPERATOR_MANAGER, Role.REGULATOR, Role.ADMINISTRATOR)


def _operations(city: City) -> list[Any]:
    load_all_checks()
    schema = schemathesis.openapi.from_wsgi("/api/docs/openapi.json", city.app)
    return [found.ok() for found in schema.exclude(path_regex=_STREAMS).get_all_operations()]


def _role_for(city: City, operation: Any) -> Role:
    path = re.sub(r"\{\w+\}", "1", operation.path)
    endpoint, _ = city.app.url_map.bind("localhost").match(path, method=operation.method)
    action = access.PROTECTED.get(endpoint)
    return next(role for role in _ROLES if action is None or access.may(role, action))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_the_api_keeps_what_its_description_promises(city: City, mode: GenerationMode) -> None:
    # Schemathesis asks for compressed answers and, of an app in its own process, cannot read them.
    headers = {role: {**city.bearer(role), "Accept-Encoding": "identity"} for role in _ROLES}
    broken: dict[str, str] = {}
    for operation in _operations(city):
        try:
            _try(operation, mode, headers[_role_for(city, operation)])
        except (Exception, FailureGroup) as error:  # noqa: BLE001 -- every operation is tried, and all failures told together
            broken[operation.label] = str(error)[:1500]
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
