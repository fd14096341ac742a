# `make` shows the targets. Everything is installed into .venv of this clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# Tests wait more than they work: twice the processors.
WORKERS ?= $(shell expr 2 '*' $$(nproc))

.DEFAULT_GOAL := help
.PHONY: help install up test faults test-large lint fmt bench pictures tools lock clean

help:  ## show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(INSTALLED)  ## bring uv and the locked environment into .venv

# uv itself is pinned, with its hashes, in the lock file that it then installs.
$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("sendto needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	sed -n '/^uv==/,/# via/p' requirements.lock > $(VENV)/uv.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(VENV)/uv.lock
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip sync --quiet --require-hashes requirements.lock
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --offline --no-deps --no-build-isolation --editable .
	@touch $@

up: install  ## run everything on this machine
	@$(BIN)/sendto up

test: install tools lint  ## lint, and run all tests that take minutes together
	$(BIN)/python -m pytest -m "not large and not faults" -n $(WORKERS) --dist loadgroup

# ARGS chooses among campaigns; without it all is done: planted bugs, campaigns, figures.
UNDER_FIRE := failing-share one-down outage kill recovery rate-limit throttled
faults: install tools  ## plant bugs, strike a whole system with faults drawn from a seed, measure; ARGS chooses
	$(if $(ARGS),,$(BIN)/python -m pytest -m "not large" tests/faults)
	$(BIN)/python -m tests.faults $(ARGS)
	$(if $(ARGS),,$(BIN)/python -m tests.bench $(UNDER_FIRE) --out build/faults/figures)

test-large: install tools  ## the tests that need a million rows or hours
	$(BIN)/python -m pytest -m large

lint: install  ## formatting, style, types, who may import whom
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: install  ## format, and mend what can be mended by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install  ## measure what matters, each figure beside its limit in the same run; ARGS chooses
	$(BIN)/python -m tests.bench $(ARGS)

pictures: install tools  ## take the README's pictures of the console anew
	$(BIN)/python -m tests.pictures

# kcat speaks to Kafka as a stranger would, Chromium looks at the pages, Prometheus reads the metrics, faketime sets
# clocks, ip lays networks. Without them their tests are skipped, or fail where SENDTO_TEST_TOOLS is `required`;
# `make faults` says which kinds need them.
tools:
	@missing=; for tool in kcat chromium prometheus faketime ip:iproute2; do \
		command -v $${tool%:*} >/dev/null || missing="$$missing $${tool#*:}"; done; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing$$missing"; \
		(apt-get -qq install --yes --no-install-recommends $$missing || \
			(apt-get -qq update && apt-get -qq install --yes --no-install-recommends $$missing)) >/dev/null; \
	fi

clean:  ## remove what was installed and built, but not the data of `make up`
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache dist

lock:  ## resolve the versions anew (needs the registry)
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --extra dev pyproject.toml -o requirements.lock
