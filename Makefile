# The verbs of daily work; .ci/run is the whole proof.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: dev fmt lint test goldens lock build bench

dev:
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q -c requirements-dev.lock -e '.[dev]'

fmt:
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test:
	$(BIN)/pytest

# Rewrite the golden files; then read `git diff`.
goldens:
	$(BIN)/pytest -q --regen

# Newest versions that the ranges in pyproject.toml allow.
lock:
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install -q '.[dev]'
	.venv-lock/bin/pip freeze --exclude provision > requirements-dev.lock
	rm -rf .venv-lock

build:
	$(BIN)/python -m build --outdir build

bench:
	$(BIN)/python benchmarks/rollout.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/roster.py
