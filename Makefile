PYTHON ?= python3
RUN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help prepare prepare-dev demo serve test faults check lint types audit bench docs lock cluster contract fuzz

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

prepare:
	@$(PYTHON) tools/prepare.py run

prepare-dev:
	@$(PYTHON) tools/prepare.py dev

demo: prepare ## everything set up, a worked example loaded, API and scheduler running (ONCE=1: print the reports and end)
	@exec $(RUN)/mla-tracker demo $(if $(ONCE),--once)

serve: prepare ## API and scheduler on your own data
	@exec $(RUN)/mla-tracker serve

cluster: prepare ## many nodes on this machine: primary, replica, PgBouncer, two API nodes, two schedulers
	@PYTHONPATH=. exec $(RUN)/python tools/cluster.py

test: prepare-dev ## all tests on a real PostgreSQL, with the coverage of domain/ (at least 98 %)
	@$(RUN)/python -m pytest -n 2 --dist loadgroup --cov --cov-report=term $(ARGS)

faults: prepare-dev ## an installation is hurt in rounds while officers write, and the books compared (ROUNDS=200, SEED=, FIRST=)
	@$(RUN)/python -m tests.faults.harness --rounds $(or $(ROUNDS),200) $(if $(SEED),--seed $(SEED)) $(if $(FIRST),--first $(FIRST))

check: lint types audit ## format, lint, strict types, the direction of imports, known vulnerabilities
	@$(RUN)/lint-imports

lint: prepare-dev ## format and lint
	@$(RUN)/ruff format --check .
	@$(RUN)/ruff check .

types: prepare-dev ## strict types
	@$(RUN)/mypy

audit: prepare-dev ## known vulnerabilities of the dependencies that are installed from requirements.lock
	@$(RUN)/python tools/audit.py

bench: prepare ## benchmarks, see bench/README.md
	@for each in bench/[a-z]*.py; do $(RUN)/python -m bench.$$(basename $$each .py) || exit 1; done

docs: prepare-dev ## write the pages that are made from the code
	@$(RUN)/python tools/make_docs.py

lock: ## renew the lock files (needs uv)
	uv pip compile pyproject.toml --group build --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --quiet -o requirements.lock
	uv pip compile pyproject.toml --group dev -c requirements.lock --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --quiet -o requirements-dev.lock

contract: prepare-dev ## accept a changed API contract that CHANGELOG.md names, and record examples of answers
	@MLA_RECORD_EXAMPLES=1 $(RUN)/python -m pytest -q tests/contract/test_examples.py -k is_taken_and_answered
	@$(RUN)/python -m tools.contract

fuzz: prepare-dev ## schemathesis against the API: every check, every phase, for an hour or so
	@MLA_FUZZ=thorough $(RUN)/python -m pytest -q tests/api/test_schema_fuzz.py
