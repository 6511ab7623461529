# All commands of this project. `make` alone lists them.
#
# PYTHON names the Python that .venv is made with (3.11 or newer), PORT where `make run`
# serves. Settings in the environment, such as DATABASE_URL, reach what is run unchanged.

PYTHON ?= python3
PORT ?= 8000

VENV_BIN := .venv/bin
LOCK := $(VENV_BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run test test-long test-races test-faults test-servers test-all services services-stop browser node bench bench-profile lint lock

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what the product runs on into .venv
	@$(PYTHON) scripts/setup.py

setup-dev: ## the same, with what it is built and tested with
	@$(PYTHON) scripts/setup.py --dev

run: setup ## serve with demo data on http://127.0.0.1:8000 (PORT=... changes it)
	@exec $(VENV_BIN)/python manage.py demo --port $(PORT)

test: setup-dev ## run the tests, on SQLite
	@$(VENV_BIN)/python -m pytest -n 2

test-long: setup-dev ## run what takes long: stories through a browser, races on each database there is, any input to each address
	@$(VENV_BIN)/python -m pytest -n 2 tests/journeys tests/races tests/fuzz
	@$(VENV_BIN)/python -m pytest -n 2 -m long

test-races: setup-dev services ## let a thousand people at once race for seats on all three databases; takes an hour
	@RACES=full $(VENV_BIN)/python -m pytest tests/races tests/registrations/test_states.py

test-faults: setup-dev ## replay an attack, and take away what we lean on; ATTACK=10000 makes the attack that large
	@$(VENV_BIN)/python -m pytest tests/faults

test-servers: setup-dev services ## run the tests again, on PostgreSQL and on MariaDB
	@set -eu; set -a; . ./.services/env; set +a; \
	for url in "$$TEST_POSTGRES_URL" "$$TEST_MARIADB_URL"; do \
		echo "Testing on $${url%%:*}"; \
		DATABASE_URL="$$url" $(VENV_BIN)/python -m pytest -n 2 tests tests/fuzz; \
	done

test-all: ## run the tests on SQLite, PostgreSQL and MariaDB
	@$(MAKE) --no-print-directory test
	@$(MAKE) --no-print-directory test-long
	@$(MAKE) --no-print-directory test-faults
	@$(MAKE) --no-print-directory test-servers

services: ## install and start private PostgreSQL, MariaDB and Redis for tests
	@$(PYTHON) scripts/services.py start

services-stop: ## stop them and remove their data
	@$(PYTHON) scripts/services.py stop

browser: ## install Chromium, with which tests walk the pages
	@$(PYTHON) scripts/services.py browser

node: ## install the programs for Node with which tests check ours from outside
	@npm ci --prefix tests/node --no-audit --no-fund --loglevel=error

# SIZES="1000 20000", DURATION, REPETITIONS, CLIENTS, WORKERS, THREADS, ONLY="list search", OUTPUT, QUICK=1: bench/README.md.
BENCH_OPTIONS = $(if $(QUICK),--quick) $(if $(SIZES),--sizes $(SIZES)) $(if $(DURATION),--duration $(DURATION)) \
	$(if $(REPETITIONS),--repetitions $(REPETITIONS)) $(if $(CLIENTS),--clients $(CLIENTS)) \
	$(if $(WORKERS),--workers $(WORKERS)) $(if $(THREADS),--threads $(THREADS)) $(if $(ONLY),--only $(ONLY)) $(if $(OUTPUT),--output $(OUTPUT))

bench: setup-dev ## measure speed on PostgreSQL beside bare SQL; QUICK=1 takes two minutes
	@$(VENV_BIN)/python -m bench $(BENCH_OPTIONS)

bench-profile: setup-dev ## tell where the time of a request goes
	@$(VENV_BIN)/python -m bench --profile --output bench/PROFILE.md

lint: setup-dev ## check style, types, imports between parts, and migrations
	$(VENV_BIN)/ruff check .
	$(VENV_BIN)/ruff format --check .
	$(VENV_BIN)/mypy
	$(VENV_BIN)/lint-imports
	$(VENV_BIN)/python manage.py makemigrations --check --dry-run

lock: setup-dev ## choose versions anew for requirements/*.in, and write them down with hashes
	@$(VENV_BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(LOCK) requirements/base.in -o requirements/base.txt
	$(LOCK) requirements/dev.in -o requirements/dev.txt
