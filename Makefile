# Each target does its own set-up: a virtual environment in the checkout, from the hash-pinned lock.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PEERS := .venv-bench
PEERS_READY := $(PEERS)/.ready
ARGS ?=
PORT ?= 8000
export PORT

NODE_PARTS := tests/conformance/node_modules
NODE_READY := $(NODE_PARTS)/.ready

.PHONY: run test test-mcp test-faults hostile slack-preview lint format lock bench bench-growth soak bench-lock

run: $(READY)
	$(BIN)/warmcall up

test: lint
	PYTHONHASHSEED=0 $(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder # the seed: both collect the same names

# Other people's MCP clients and the public conformance suite against ours; needs npm, brings a Node.
test-mcp: $(READY) $(NODE_READY)
	$(BIN)/pytest -v --durations=5 tests/conformance/checks.py

# What breaks on purpose alone, and again and again: make test-faults TIMES=5
TIMES ?= 1
test-faults: $(READY)
	for time in $$(seq $(TIMES)); do $(BIN)/pytest -q tests/faults tests/journeys/test_a_worker_is_killed.py || exit 1; done

# The same hostile input as in the tests, forty times as much of it (some minutes).
hostile: $(READY)
	HOSTILE_EXAMPLES=1000 $(BIN)/pytest -q tests/hostile

# Every state of the Slack card on one local page, for people without a workspace.
slack-preview: $(READY)
	$(BIN)/python -W ignore -m tests.slack_preview build/slack.html

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Warmcall and its peers side by side; ARGS=--quick is short, ARGS="--only warmcall" leaves others out.
bench: $(READY) $(PEERS_READY)
	$(BIN)/python -m bench $(ARGS)

# Work by the size of the store; ARGS=--full goes up to a million prospects (12 GB of disk).
bench-growth: $(READY)
	$(BIN)/python -m bench.growth $(ARGS)

# Twenty minutes at half load; ARGS="--minutes 2" is shorter.
soak: $(READY)
	$(BIN)/python -m bench.soak $(ARGS)

# Only for a change of dependencies; needs uv on the PATH.
lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate \
	  -o requirements.lock

bench-lock:
	uv pip compile bench/requirements.in --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate \
	  -o bench/requirements.lock

$(PEERS_READY): bench/requirements.lock
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r bench/requirements.lock
	@touch $(PEERS_READY)

$(NODE_READY): tests/conformance/package.json tests/conformance/package-lock.json
	cd tests/conformance && npm ci --loglevel=error
	@touch $(NODE_READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("warmcall needs Python 3.11 or newer; try: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)
