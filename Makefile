# The two commands that matter: `make deploy` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := $(CURDIR)/.venv
BIN := $(VENV)/bin
export PATH := $(BIN):$(PATH)
# Ansible without compiled modules starts twice as slowly, each time.
unexport PYTHONDONTWRITEBYTECODE
INVENTORY ?= inventory/local
ARGS ?=

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-zA-Z_-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: deploy
deploy: $(VENV)/.run ## Bring this machine to the running stack (INVENTORY=inventory/local, ARGS="--check")
	python runner.py deploy -i $(INVENTORY) $(ARGS)

.PHONY: status
status: $(VENV)/.run ## Look at what runs, changing nothing
	python runner.py status -i $(INVENTORY) $(ARGS)

.PHONY: destroy
destroy: $(VENV)/.run ## Remove containers and networks; volumes, secrets and images stay
	python runner.py destroy -i $(INVENTORY) $(ARGS)

.PHONY: test
test: $(VENV)/.dev ## Run the tests: lint, unit, backend, molecule, end to end; more are in faults and long
	tests/as_root tests/run

.PHONY: test-fast
test-fast: $(VENV)/.dev ## Run the unit tests, and beside them one deploy to a fresh host; less than five minutes
	tests/as_root tests/fast

.PHONY: faults
faults: $(VENV)/.dev ## Break a stack in 26 ways and print how each was told and mended (ARGS="-k F05" for one)
	tests/as_root tests/faults/run $(ARGS)

.PHONY: long
long: $(VENV)/.dev ## Run the long tests: damaged backups, killed restores, lost hosts
	tests/as_root tests/long

.PHONY: lint
lint: $(VENV)/.dev ## Run the linters only
	tests/lint

.PHONY: unit
unit: $(VENV)/.dev ## Run the unit tests only (a minute or two, no Docker)
	pytest tests/unit

.PHONY: molecule
molecule: $(VENV)/.dev ## Run every molecule scenario (SCENARIO=postgres for one)
	tests/as_root tests/molecule $(SCENARIO)

.PHONY: bench
bench: $(VENV)/.dev ## Measure deploys beside docker compose, backups beside other tools; figures, not gates
	tests/as_root bench/run
	tests/as_root bench/backups

.PHONY: docs
docs: $(VENV)/.dev ## Write docs/checks.md, thresholds and the tables of the role READMEs anew
	docs/generate

.PHONY: site
site: $(VENV)/.dev ## Write the documentation as a site with search to site/; a dead link is an error
	rm -rf build/site site && mkdir -p build/site
	git ls-files -z | xargs -0 cp --parents -t build/site
	cp .config/site/index.md build/site
	sphinx-build --builder html --conf-dir .config/site --doctree-dir build/doctrees --fail-on-warning --keep-going --quiet build/site site

.PHONY: venv
venv: $(VENV)/.run ## Make the virtual environment that deploy needs
	@echo "ready: . .venv/bin/activate"

# For the oldest Python that there may be: some packages want a later one of the same minor version.
LOCK = uv pip compile --upgrade -q --no-header --no-annotate --no-emit-index-url --python-version 3.11
.PHONY: lock
lock: $(VENV)/.dev ## Resolve the pins under requirements/ anew
	$(LOCK) --extra dev --extra backend pyproject.toml -o requirements/dev.txt
	$(LOCK) -c requirements/dev.txt pyproject.toml -o requirements/run.txt

# The stamps make a second run free and offline; a changed pin file installs anew.
$(VENV)/.run: requirements/run.txt pyproject.toml .ci/venv
	.ci/venv $(VENV) requirements/run.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml .ci/venv
	.ci/venv $(VENV) requirements/dev.txt
	@touch $@ $(VENV)/.run
