# What a person runs. `make help` lists it.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
QUICK := tests/common tests/auth_server tests/mcp_gateway tests/architecture
SOURCES := packages/common/src services/auth_server/src services/mcp_gateway/src
CHECKED := $(SOURCES) tests scripts examples
SUITE := tests/conformance/node_modules
CHECKOV := .venv-checkov
# Whether overlays can be run: whoever is root can; CI has to.
RIG := $(or $(CI),$(filter 0,$(shell id -u)))

.DEFAULT_GOAL := help
.PHONY: help install up down login test test-rig quick bench-transport conformance-suite checkov image image-test compose-secrets manifests storage-schema check format requirements requirement-files clean

help: ## list what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 20

install: $(VENV)/.installed ## make .venv with everything in it, from hashed requirement files

$(VENV)/.installed: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with PYTHON=python3.x")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

up: install ## run both services, a development provider, a sample MCP server, and WITH=web_app, WITH=edge (one origin) or both; Ctrl-C stops them
	@exec $(BIN)/python -m scripts.up

down: ## stop what `make up` started, from another terminal
	@exec $(BIN)/python -m scripts.down

login: install ## play an MCP client: sign in, call a tool, show the answer
	@exec $(BIN)/python -m scripts.login

test: install checkov $(if $(shell command -v npm),conformance-suite) ## every test: a few minutes
	$(BIN)/python -m pytest -n auto -m "not rig"
	$(if $(RIG),$(MAKE) --no-print-directory test-rig,@echo "The overlays were not run: that takes root, see CONTRIBUTING.md.")

test-rig: install ## the Kubernetes overlays in use, and what fails there; takes root, and a machine that does nothing else
	$(BIN)/python -m pytest -m rig tests/deploy/running

quick: install ## the tests that need no process beside them, in under two minutes; for use while working
	$(BIN)/python -m pytest -n auto $(QUICK)

bench-transport: install ## what a call to an MCP server costs, by our transport and by HTTP clients
	@$(BIN)/python -m tests.bench.transport

conformance-suite: $(SUITE)/.installed ## the official MCP conformance suite and a Node for it, from a hashed lock file

$(SUITE)/.installed: tests/conformance/package.json tests/conformance/package-lock.json
	cd tests/conformance && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

checkov: $(CHECKOV)/.installed ## the policy checks of the Kubernetes manifests, in an environment of their own

$(CHECKOV)/.installed: requirements/checkov.txt
	$(PYTHON) -m venv $(CHECKOV)
	$(CHECKOV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/checkov.txt
	@touch $@

image: install ## build the images: PYTHON_IMAGE=name@sha256:… or UNPINNED=1; docs/images.md
	@exec $(BIN)/python -m scripts.image

image-test: install ## build the images on a base of Debian's packages, and sign in through what Compose makes of them; as root
	@exec $(BIN)/python -m tests.deploy.image_test

compose-secrets: install ## secrets for a trial of deploy/compose.yaml
	@exec $(BIN)/python -m scripts.compose_secrets

manifests: install ## render the Kubernetes overlays anew into tests/deploy/golden, after a change that is meant
	$(BIN)/python -m scripts.manifests

storage-schema: install ## write docs/storage-schema.md anew, from the code
	$(BIN)/python -m scripts.storage_schema

check: install ## formatting, lint, types
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/mypy
	$(BIN)/mypy $(wildcard tests) scripts examples

format: install ## put the code into its form
	$(BIN)/ruff format $(CHECKED)
	$(BIN)/ruff check --fix-only $(CHECKED)

requirements: install ## the rows of docs/requirements.md that no test proves
	@$(BIN)/python -m scripts.requirements

requirement-files: install ## compile requirements/*.txt and the suite's lock file anew, hashed
	$(BIN)/python -m scripts.requirement_files

clean: ## remove what the targets above made
	rm -rf $(VENV) $(CHECKOV) $(SUITE) .run .mypy_cache .ruff_cache .pytest_cache
