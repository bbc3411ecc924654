# `make` prints what there is. Everything is installed into .venv; nothing else on the machine is touched.

# The first Python of 3.11 or later; another one: make PYTHON=python3.13 run
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; exit; }; done; \
	command -v python3 >/dev/null && echo python3 || echo missing)
PY := .venv/bin/python
ARGS ?=
FILE ?=
ONLY ?=
export UV_PYTHON_DOWNLOADS = never
unexport PYTHONDONTWRITEBYTECODE
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help run test check drill mutants bench replay fmt lock clean env env-dev

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  ARGS=… is handed on: make run ARGS=--no-trade   make run ARGS=--help   make test ARGS='-k ledger'"
	@echo "  PYTHON=… names the Python to use (3.11 or later), SYNC_VAR_DIR=… where data go (var/)."

run: env ## bring the platform up and keep it up until Ctrl-C
	@exec $(PY) -m runner run $(ARGS)

test: env-dev ## all tests, against a PostgreSQL and a broker of their own
	@exec $(PY) -m runner.suite $(ARGS)

check: env-dev ## linters, types, room borders, house rules, missing migrations
	@$(PY) -m runner.check $(ARGS)

drill: env-dev ## break everything by a seeded schedule, every campaign at length: ARGS="--smoke --seed 7" is short
	@exec $(PY) -m tests.chaos.drill $(ARGS)

mutants: env-dev ## break the code in known ways; every break must be caught
	@exec $(PY) -m tests.mutants $(ARGS)

replay: env ## run real transactions through: make replay FILE=lines.csv.gz ARGS="--expect expected.csv"
	@test -n "$(FILE)" || { echo "Name the file: make replay FILE=lines.csv.gz ARGS='--expect expected.csv'"; exit 2; }
	@exec $(PY) -m runner exec --workers -- $(PY) manage.py replay "$(FILE)" $(ARGS)

bench: env-dev ## ours beside a naive build, on a quiet machine: make bench ONLY=apply,hot_item ARGS=--quick
	@exec $(PY) -m benchmarks --only "$(ONLY)" $(ARGS)

fmt: env-dev ## format the code
	@$(PY) -m ruff check --fix-only --quiet . && $(PY) -m ruff format .

lock: env-dev ## pin the newest allowed packages anew: make lock ARGS=--upgrade
	@for name in base dev tools; do $(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --custom-compile-command "make lock" $(ARGS) \
		requirements/$$name.in -o requirements/$$name.txt >/dev/null || exit 1; done

clean: ## remove caches; what was installed and the data stay (.venv, var)
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache htmlcov .coverage
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

env:
	@$(if $(filter missing,$(PYTHON)),echo "Python 3.11 or later is needed and no python3 was found." >&2; exit 1,$(PYTHON) runner/bootstrap.py base)

env-dev:
	@$(if $(filter missing,$(PYTHON)),echo "Python 3.11 or later is needed and no python3 was found." >&2; exit 1,$(PYTHON) runner/bootstrap.py dev)
