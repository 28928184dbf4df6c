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

MCPB := $(NODE_PARTS)/.bin/mcpb
MCPB_PARTS := dist/mcpb
PACKAGE := integrations/mcp/package

.PHONY: run test test-mcp test-browser mcpb owner test-faults hostile slack-preview lint format lock bench bench-growth soak bench-lock

run: $(READY)
	$(BIN)/warmcall up

# What a test writes need not outlive it: in memory, where there is room for it.
MEMORY := /dev/shm
ROOM := $(shell df -Pk $(MEMORY) 2>/dev/null | awk 'NR == 2 && $$4 > 4000000 {print "TMPDIR=$(MEMORY)"}')
test: lint
	$(ROOM) PYTHONHASHSEED=0 $(BIN)/pytest -q -n 4 --dist loadfile --no-loadscope-reorder # the seed: all collect the same names

# Other people's MCP clients and the public conformance suite against ours; needs npm, brings a Node.
test-mcp: $(READY) $(NODE_READY) mcpb
	$(BIN)/pytest -v --durations=5 tests/conformance/checks.py

# The card of MCP Apps in a real browser: needs Node 20, and brings Debian's Chromium if there is none.
CHROMIUM ?= /usr/bin/chromium
export CHROMIUM
BROWSER_READY := tests/browser/node_modules/.ready
test-browser: $(BROWSER_READY)
	@test -x $(CHROMIUM) || { apt-get -qq update && \
	  apt-get -qq install -y --no-install-recommends chromium fonts-dejavu-core; }
	cd tests/browser && node --test --test-concurrency=1

# dist/warmcall.mcpb, the bundle that desktop clients install: the relay to a deployed server.
mcpb: $(NODE_READY)
	rm -rf $(MCPB_PARTS) dist/warmcall.mcpb
	mkdir -p $(MCPB_PARTS)/server
	cp $(PACKAGE)/manifest.json $(PACKAGE)/icon.png $(PACKAGE)/pyproject.toml LICENSE $(MCPB_PARTS)
	cp integrations/cli/relay.py $(MCPB_PARTS)/server
	$(MCPB) validate $(MCPB_PARTS)/manifest.json
	$(MCPB) pack $(MCPB_PARTS) dist/warmcall.mcpb

# Before the first release: whose name the public registry of MCP servers has this under.
owner:
	test -n "$(OWNER)" # make owner OWNER=the-account-on-github
	sed -i.before 's|io\.github\.[^/]*/warmcall|io.github.$(OWNER)/warmcall|' README.md $(PACKAGE)/server.json
	rm README.md.before $(PACKAGE)/server.json.before

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

$(BROWSER_READY): tests/browser/package-lock.json
	cd tests/browser && npm ci --silent
	@touch $(BROWSER_READY)

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
