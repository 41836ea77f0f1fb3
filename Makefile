# Every target prepares .venv by itself; all it needs is Python 3.11 or newer, with venv.
PYTHON ?= python3
JOBS ?= 2
PYTEST_ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: demo test check lint changelog bench corpus suites peers matrix cpython format clean help

demo: .venv/.stamp-http  ## show a race being found, shrunk and explained
	@$(BIN)/interlace demo

test: .venv/.stamp-test  ## run the tests, those of the docs included
	$(BIN)/pytest -n $(JOBS) -m "not corpus and not suites and not peers and not matrix and not cpython" $(PYTEST_ARGS)

# TESTED=1 leaves the tests out, for a caller who has just run them.
check: lint changelog $(if $(TESTED),,test)  ## run all checks and the tests

lint: .venv/.stamp-dev  ## formatting, lint, types, floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports --no-logo

changelog: .venv/.stamp-dev  ## check the changelog and its fragments
	$(BIN)/python scripts/check_changelog.py

bench: .venv/.stamp-test  ## run the benchmarks
	$(BIN)/python -m benchmarks

# As soon as the folder exists, selecting no test is a failure like any other.
corpus: .venv/.stamp-test  ## run the real bugs of released packages
	@if [ -d tests/corpus ]; then $(BIN)/pytest -m corpus $(PYTEST_ARGS); else echo "tests/corpus: not there yet"; fi

# pytest-asyncio's own tests, those of anyio's plugin, and those of projects that use them.
suites: .venv/.stamp-test  ## run other projects' test suites on the plugin
	$(BIN)/pytest -n $(JOBS) -m suites tests/suites $(PYTEST_ARGS)

# The fifteen pains under the other async runners, the plugin under older pytests, and beside other plugins.
peers: .venv/.stamp-test  ## run the tests beside other runners, plugins and pytests
	$(BIN)/pytest -n $(JOBS) -m peers $(PYTEST_ARGS)

# Real clients and servers on the simulated network, pinned, in an environment of their own.
matrix: .venv/.stamp-test  ## run real libraries in a world, under many schedules
	$(BIN)/pytest -n $(JOBS) -rs -m matrix tests/matrix $(PYTEST_ARGS)

# The asyncio tests of the Python that runs, which not every one brings along: on our loop, the stock one and uvloop.
cpython: .venv/.stamp-test  ## run CPython's own asyncio tests on the loop
	$(BIN)/pytest -m cpython tests/cpython $(PYTEST_ARGS)

format: .venv/.stamp-dev  ## format the code and apply the safe fixes
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

clean:  ## remove whatever the other targets made
	rm -rf .venv .nox .interlace build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*  ## /  \1	/p' Makefile | expand -t 14

.venv/.stamp-venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "interlace needs Python 3.11 or newer, and $(PYTHON) is: $$($(PYTHON) --version 2>&1)" >&2; \
	  echo "Name another one: make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv .venv
	@touch $@

# One stamp for each extra of pyproject.toml.
.venv/.stamp-%: .venv/.stamp-venv pyproject.toml
	@$(PIP) -e '.[$*]'
	@touch $@
