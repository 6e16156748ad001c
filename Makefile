# Every command of the project. `make help` lists them.
#
# Needs Python 3.11 or later and make; the first command that runs fetches the packages of requirements.lock, checked
# against their hashes. Nothing is installed outside .venv/.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run example test test-all audit schemas check bench bench-serve goldens graphiql clean

PORT ?= 8000
BOOKINGS ?= 50000
# Per caller, engine and property: 600 make 21,600 questions over tables, and 19,200 over features and models.
LEAK_QUESTIONS ?= 600
EXAMPLE := examples/flights
PACKAGES := app schema policies resolvers
BIN := .venv/bin
READY := .venv/.ready
AUDIT := 1.23.1
SCHEMAS := @kubernetes-models/gateway-api@2.0.0 @kubernetes-models/envoy-gateway@2.0.0 typescript@5.9.3
GRAPHIQL := graphiql@3.9.0 react@18.3.1 react-dom@18.3.1

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

run: example ## Serve the example, its zone internal on 127.0.0.1:8000 (PORT=n), with demo keys (BOOKINGS=n passengers)
	@$(BIN)/python $(EXAMPLE)/welcome.py --port $(PORT)
	@export CUSTOMHOUSE_EXPLAIN=$${CUSTOMHOUSE_EXPLAIN:-roles:platform_admin} ; \
	exec $(BIN)/customhouse serve --project $(EXAMPLE) --env $${CUSTOMHOUSE_ENV:-dev} --port $(PORT) --dev-keys

example: $(READY) # The example's database, when it is not there or what it is made of has changed
	@$(BIN)/python $(EXAMPLE)/build.py --bookings $(BOOKINGS)

test: $(READY) ## The tests that need PyPI packages only (ARGS="tests/docs -k links" picks some)
	@$(BIN)/python -m pytest $(ARGS)

test-all: $(READY) audit schemas ## Also the long tests, and those that need parts from Debian or npm; names each part it did not find
	@CUSTOMHOUSE_LEAK_QUESTIONS=$(LEAK_QUESTIONS) $(BIN)/python -m pytest -m "slow_parts or not slow_parts" -rs $(ARGS)

audit: # The public audit of GraphQL over HTTP, for test-all: two packages from npm, where npm is
	@if command -v npm >/dev/null && ! grep -qs '"version": "$(AUDIT)"' .run/audit/node_modules/graphql-http/package.json ; then \
	  npm install --prefix .run/audit --no-save --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error \
	    graphql-http@$(AUDIT) graphql@16.15.0 || echo "npm could not install graphql-http: the public audit is left out" ; fi

schemas: # The schemas of Kubernetes' Gateway API and of Envoy Gateway, for test-all: packages from npm, where npm is
	@if command -v npm >/dev/null && ! grep -qsx '$(SCHEMAS)' .run/schemas/made ; then \
	  npm install --prefix .run/schemas --no-save --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error \
	    $(SCHEMAS) && echo '$(SCHEMAS)' > .run/schemas/made \
	    || echo "npm could not install them: the schemas of Kubernetes are left out" ; fi

check: $(READY) ## Format, lint, types, import directions, docs
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --check . ; echo "Run: $(BIN)/ruff format ." ; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --strict $(PACKAGES)
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q tests/docs

bench: $(READY) .venv/.ready-bench ## Measure this machine (ARGS="tpch --help", big-catalog ..): docs/benchmarks.md
	@$(BIN)/python -m benchmarks $(ARGS)

bench-serve: $(READY) .venv/.ready-bench ## Serve the benchmark's tables on 127.0.0.1:8010, and print the header to send
	@exec $(BIN)/python -m benchmarks serve $(ARGS)

.venv/.ready-bench: $(READY) benchmarks/requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement benchmarks/requirements.lock
	@touch $@

goldens: $(READY) ## Rewrite the golden files of the tests; read the difference before you commit it
	@CUSTOMHOUSE_GOLDENS=write $(BIN)/python -m pytest -q tests

graphiql: ## Optional: GraphiQL for browsers, its built files taken from npm into app/static/graphiql/ (needs npm)
	@command -v npm >/dev/null || { echo "make graphiql needs npm (Node); everything else works without it." ; exit 1; }
	@mkdir -p .run/graphiql app/static/graphiql
	@npm install --prefix .run/graphiql --no-save --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error $(GRAPHIQL)
	@cd .run/graphiql/node_modules && cp graphiql/graphiql.min.js graphiql/graphiql.min.css \
	  react/umd/react.production.min.js react-dom/umd/react-dom.production.min.js ../../../app/static/graphiql/
	@echo "GraphiQL is in app/static/graphiql; a browser sees it at /graphql from the next start on"

clean: ## Remove what the other commands made, but for .venv/
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .run $(EXAMPLE)/.run
	rm -f $(EXAMPLE)/stops.yaml $(EXAMPLE)/data/flights.duckdb $(EXAMPLE)/data/.flights.duckdb.*
	find $(PACKAGES) tests examples -name __pycache__ -type d -prune -exec rm -rf {} +

# The first of these that is Python 3.11 or later makes the environment; PYTHON=path chooses another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done)

# The command, as a file that stays right when the checkout moves: sh finds the environment's Python beside it.
define COMMAND
#!/bin/sh
'''exec' "$$(dirname "$$0")/python" "$$0" "$$@"
' '''
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from app.cli import main

    sys.exit(main())
endef
export COMMAND

$(READY): requirements.lock Makefile
	@test -n "$(PYTHON)" || { echo "Customhouse needs Python 3.11 or later, and found none. Name one: make PYTHON=/path/to/python3.11" ; exit 1; }
	@$(BIN)/python -c 'import pip' 2>/dev/null || { echo "Making .venv with $$($(PYTHON) --version)" && \
	  $(PYTHON) -m venv --clear .venv || { echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv" ; exit 1; } ; }
	@echo "Installing the packages of requirements.lock into .venv (once; one to three minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements.lock
	@echo "../../../.." > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/customhouse.pth"
	@printf '%s\n' "$$COMMAND" > $(BIN)/customhouse && chmod +x $(BIN)/customhouse
	@touch $@
