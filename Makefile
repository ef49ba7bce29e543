# The verbs of this repository. `make demo` and `make test` need nothing but Python 3.11+ and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FLEET := $(BIN)/python -m fleet

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo run agent test check fix migration bench screenshots vendor clean help

help:
	@echo "make demo         set up everything, serve, enroll this computer and 20 simulated hosts, run a live query"
	@echo "make run          serve; an empty instance opens the setup wizard"
	@echo "make agent SERVER=https://... SECRET=...   enroll this computer with the bundled agent"
	@echo "make test         all tests: SQLite, PostgreSQL, Valkey, Chromium"
	@echo "make check        lint, types, import rules, migrations, vendored files"
	@echo "make fix          format, and mend what the linter can mend"
	@echo "make migration NAME=add_x   write a migration from the models"
	@echo "make bench        a table of ratios: speed and memory"
	@echo "make screenshots  a picture of every page, in both themes, at 1440 and 390 px, in build/screenshots"

$(VENV)/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit("Fleet needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	@echo "Setting up $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --require-hashes --only-binary :all: -r requirements.txt
	@touch $@

# Browsers are sent the compressed copies; made again whenever a file changes. Styles and scripts the server compresses.
$(VENV)/compressed: $(VENV)/installed $(shell find static -name '*.svg')
	@$(BIN)/python -m whitenoise.compress --quiet static css js png toml sums gz
	@touch $@

$(VENV)/developing: $(VENV)/installed requirements-dev.txt
	@$(BIN)/pip install --quiet --require-hashes --only-binary :all: -r requirements-dev.txt
	@touch $@

demo: $(VENV)/compressed
	@$(FLEET) demo

run: $(VENV)/compressed
	@exec $(FLEET) serve

# The secret goes by the environment: command lines can be read by every user.
ifdef SECRET
agent: export FLEET_ENROLL_SECRET = $(value SECRET)
endif
agent: $(VENV)/installed
	@test -n "$(SERVER)" -a -n "$$FLEET_ENROLL_SECRET" || \
		(echo "make agent SERVER=https://fleet.example.com:8080 SECRET=... (it stands under Hosts, Add hosts)" && false)
	@exec $(FLEET) agent --server "$(SERVER)" $(ARGS)

test: $(VENV)/developing $(VENV)/compressed
	@./tests/chromium.sh
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

check: $(VENV)/developing
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(FLEET) vendor --check

fix: $(VENV)/developing
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

migration: $(VENV)/installed
	@test -n "$(NAME)" || (echo "make migration NAME=add_something" && false)
	@$(FLEET) migration "$(NAME)"

bench: $(VENV)/developing $(VENV)/compressed
	@$(BIN)/python -m tests.bench $(ARGS)

screenshots: $(VENV)/developing $(VENV)/compressed
	@./tests/chromium.sh
	@$(BIN)/python -m tests.screenshots

vendor: $(VENV)/installed
	@$(FLEET) vendor

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache
