# The only door. Everything runs in .venv, which is made from requirements.lock.
# Another Python than `python3`:  make setup PYTHON=python3.13
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
DIST := dist
INNER := src/qupersync/domain/*,src/qupersync/application/*
# More than cores: a test waits for servers and processes as long as it computes.
WORKERS := 4 --dist worksteal
# Under the eyes of coverage; the simulator would take ten times as long there.
TRACED := tests/unit tests/pipeline
# Where our SQL is; the stories around it run on the newest server only.
SQL_TESTS := $(patsubst %,tests/pipeline/test_%.py,comparing guesses incremental keys last_commit leases \
	load_paths merge names recognising reject_replay rejects retention round_trip snapshot staged_ahead state \
	types values verify wal)

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-oldest faults storm check lint types imports bench docs lock build sbom audit

help: ## list what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: .venv/.project ## create .venv with the locked packages and the project itself

demo: setup ## run all jobs twice, from a stand-in Redshift into a throw-away PostgreSQL
	$(BIN)/qupersync demo

test: setup ## run the whole test suite and hold the coverage of domain and application at 95 %
	$(BIN)/pytest --numprocesses $(WORKERS) --cov --cov-report= $(TRACED)
	$(BIN)/coverage report --include '$(INNER)' --fail-under 95
	$(BIN)/pytest --numprocesses $(WORKERS) $(TRACED:%=--ignore %)

test-oldest: setup ## run the database tests on PostgreSQL 14, the oldest server supported (Linux x86-64)
	.ci/oldest-postgres $(BIN)/pytest --numprocesses $(WORKERS) -m postgres -k "not many and not 1600" $(SQL_TESTS)

faults: setup ## break everything that one machine can break (20 min; as root; strace, faketime, pgbouncer, pgbench)
	$(BIN)/pytest --numprocesses $(WORKERS) tests/faults tests/faults/exhaustive

storm: setup ## change rows with pgbench while runs are killed at random; how long: MINUTES=10
	$(BIN)/python -m tests.faults.storm $(or $(MINUTES),10)

check: lint types imports ## run every check that is not a test

lint: setup ## check style and formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: setup ## check types
	$(BIN)/mypy

imports: setup ## check that imports go one way
	$(BIN)/lint-imports

# With BENCH=--quick: two minutes, to see that it works. QUPERSYNC_BENCH_CACHE holds the other tools.
bench: setup ## load the same tables with QuperSync, psql and other tools (half an hour)
	$(BIN)/python -W ignore -m bench $(BENCH)

docs: setup ## write the generated parts of docs/ anew
	$(BIN)/python -m tests.docs.reference

lock: setup ## write requirements.lock anew: the newest versions that pyproject.toml allows
	CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --upgrade --extra alerts --extra demo --extra dev \
		--generate-hashes --allow-unsafe --no-strip-extras --no-emit-options \
		--constraint constraints.txt --output-file requirements.lock pyproject.toml

build: sbom ## write the wheel, and beside it what it is installed with, to dist/
	$(BIN)/python -m hatchling build -t wheel -d $(DIST)

sbom: setup ## write dist/sbom.json: every package of the lock, in the words of CycloneDX
	@mkdir -p $(DIST)
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible \
		--output-file $(DIST)/sbom.json requirements.lock

# Not a check: it asks the network, and fails where that has no advisories for a package.
audit: setup ## ask the advisory database about every package of the lock
	$(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement requirements.lock

# Made anew when the lock changes, so that nothing stays behind that the lock no longer names.
.venv/.locked: requirements.lock
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		"QuperSync needs Python 3.11 or newer, and $(PYTHON) is %d.%d. Try: make setup PYTHON=python3.11" \
		% sys.version_info[:2])'
	"$(PYTHON)" -m venv --clear .venv
	$(PIP) install --require-hashes --requirement requirements.lock
	@touch $@

.venv/.project: .venv/.locked pyproject.toml
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
