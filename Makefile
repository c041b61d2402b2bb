# make demo   set everything up and run the showcase
# make test   set everything up and run all tests
# make check  ruff, mypy
# make bench  measurements as tables, against baselines in the same run
# make lock   write the lock files anew from pyproject.toml (needs uv)

SHELL := /bin/bash
BIN := .venv/bin

.PHONY: demo test check bench lock clean

demo:
	@deploy/setup/environment.sh requirements.lock
	@exec $(BIN)/pilotage demo

test:
	@deploy/setup/environment.sh requirements-dev.lock
	@deploy/setup/services.sh chromium-headless-shell fonts-noto-cjk mosquitto postgresql
	@# One process more than there are cores: there is always one that waits for a browser or a broker.
	@$(BIN)/python -m pytest -n $$(($$(nproc) + 1)) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

check:
	@deploy/setup/environment.sh requirements-dev.lock
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench:
	@deploy/setup/environment.sh requirements-dev.lock
	@deploy/setup/services.sh mosquitto
	@$(BIN)/python -m benchmarks

UV := uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -q
lock:
	echo 'setuptools>=75,<81' | $(UV) -o requirements-build.lock -
	$(UV) -o requirements.lock pyproject.toml
	$(UV) --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml

clean:
	rm -rf .venv .pilotage *.egg-info .mypy_cache .ruff_cache .hypothesis
