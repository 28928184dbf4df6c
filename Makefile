# Each target does its own set-up: a virtual environment in the checkout, from the hash-pinned lock.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PORT ?= 8000
export PORT

.PHONY: run test test-faults lint format lock

run: $(READY)
	$(BIN)/warmcall up

test: lint
	$(BIN)/pytest -q

# What breaks on purpose alone, and again and again: make test-faults TIMES=5
TIMES ?= 1
test-faults: $(READY)
	for time in $$(seq $(TIMES)); do $(BIN)/pytest -q tests/faults tests/journeys/test_a_worker_is_killed.py || exit 1; done

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Only for a change of dependencies; needs uv on the PATH.
lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate \
	  -o requirements.lock

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("warmcall needs Python 3.11 or newer; try: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)
