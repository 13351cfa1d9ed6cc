# Two commands do everything on a fresh machine with Python 3.11+ and git: make demo, make test.
# PYTHON=python3.13 make …  takes another interpreter (after make clean).

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# Other people's clients, for make interop alone: they hold openai and much else to versions of their own.
CLIENTS := .venv-clients/.installed
# What bench/plan.py measures beside ftops.
PEERS := .venv-peers/.installed
NODE_SDK := tests/interop/node_modules/.installed
# What editors ask about YAML, for make editor alone.
YAML_SERVER := tests/editor/node_modules/.installed
# One more than there are cores: much of the tests' time is waiting for servers, jobs and leases.
WORKERS ?= $$(( $$($(BIN)/python -c 'import os; print(os.cpu_count() or 1)') + 1 ))
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help install demo test kills storm interop editor package mutations peers lint format picture docs docs-outputs clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED) ## make .venv with ftops and everything to develop it

$(INSTALLED): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "make: there is no $(PYTHON); install Python 3.11 or newer, or name one: make PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "make: $(PYTHON) is $$($(PYTHON) -V 2>&1), but ftops needs Python 3.11 or newer; name one: make PYTHON=python3.13" >&2; exit 1; }
	@command -v git >/dev/null || { echo "make: there is no git; install it first" >&2; exit 1; }
	@echo "Installing into $(VENV) …"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(INSTALLED) ## plan, train, refuse, mend and promote two models, in a scratch repository
	@$(BIN)/python demo/run.py

test: $(INSTALLED) ## run all tests with branch coverage, and hold the coverage to its floors
	@$(BIN)/python -m coverage erase
	$(BIN)/python -m pytest --numprocesses "$(WORKERS)" --dist worksteal --cov --cov-report=
	$(BIN)/python -m coverage report --include='*/ftops/domain/*' --fail-under=100
	$(BIN)/python -m coverage report --fail-under=90

kills: $(INSTALLED) ## kill an apply between any two of its steps, run eight at once 20 times, pull every plug, kill the server and evaluations (an hour)
	FTOPS_KILLS=all $(BIN)/python -m pytest -s tests/faults/test_kill_points.py tests/faults/test_eight_at_once.py \
	  tests/faults/test_pulled_plugs.py tests/faults/test_pulled_machine.py tests/faults/test_server_kills.py tests/faults/test_killed_evaluations.py

storm: $(INSTALLED) ## play thousands of generated worlds with faults and kills (20 minutes at most; STORM="--seed 58" tells one in full)
	PYTHONPATH=tests $(BIN)/python tests/faults/storm/storm_main.py $(STORM)

interop: $(INSTALLED) $(CLIENTS) $(NODE_SDK) ## live a fine-tune's life in the SDKs for Python and Node, litellm, DSPy and LangChain
	FTOPS_INTEROP=1 $(BIN)/python -m pytest tests/interop

$(CLIENTS): tests/interop/requirements-clients.txt
	@echo "Installing litellm, DSPy and LangChain into $(@D) …"
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --requirement $<
	@touch $@

editor: $(INSTALLED) $(YAML_SERVER) ## ask yaml-language-server, as editors do, to complete and check manifests
	FTOPS_EDITOR=1 $(BIN)/python -m pytest tests/editor

package: $(INSTALLED) ## build wheel and sdist, install them into clean environments, and go from nothing to a promoted model
	$(BIN)/python tests/package/try_packages.py

$(NODE_SDK) $(YAML_SERVER): %/node_modules/.installed: %/package.json
	@command -v npm >/dev/null || { echo "make: there is no npm; install Node 20 or newer first" >&2; exit 1; }
	@echo "Installing into $(@D) …"
	@cd $(<D) && npm install --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error
	@touch $@

mutations: $(INSTALLED) ## break each rule of the protocol on purpose, and see which tests notice (half an hour)
	$(BIN)/python tests/faults/mutations.py

peers: $(PEERS) ## install octoDNS and Terraform, which bench/plan.py and bench/startup.py put beside ftops

$(PEERS): bench/requirements-peers.txt
	@echo "Installing octoDNS and Terraform into $(@D) …"
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --requirement $<
	@touch $@

lint: $(INSTALLED) ## check style, types, the rules of import, and the workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy demo
	$(BIN)/lint-imports
	$(BIN)/zizmor --offline --quiet --persona auditor --config .github/zizmor.yml .github/workflows action.yml src/ftops/templates/github/*.yml

format: $(INSTALLED) ## mend what ruff can mend
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

picture: $(INSTALLED) ## draw docs/images/demo.svg from a run of the demo, terminal-*.svg from screens of tmux, comment-*.png in Chromium
	$(BIN)/python demo/picture.py docs/images/demo.svg
	$(BIN)/python demo/terminal.py 80 docs/images/terminal-80.svg
	$(BIN)/python demo/terminal.py 140 docs/images/terminal-140.svg
	$(BIN)/python demo/comment_picture.py docs/images

docs: $(INSTALLED) ## build the documentation as a site in site/, which opens from files and asks no network
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "site/index.html"

docs-outputs: $(INSTALLED) ## run every command of the docs, and write into the pages what it prints (PAGES="docs/tutorial.md …" for some)
	$(BIN)/python tests/docs/docs_running.py $(PAGES)

clean: ## remove .venv and what tools leave behind
	rm -rf $(VENV) $(dir $(CLIENTS)) $(dir $(PEERS)) $(dir $(NODE_SDK)) $(dir $(YAML_SERVER)) build dist site htmlcov .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
