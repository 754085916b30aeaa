# The daily commands. They need Python 3.11 or newer; everything else comes into .venv and var.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SERVICES := dockerd postgres mariadb openstack ceph azurite gcs moto

# Further arguments for pytest, such as TESTS="tests/unit -x".
TESTS ?=
# Arguments of the comparison, such as BENCH="--rounds 3 --only manifest".
BENCH ?=

.PHONY: help run test coverage lint bench services services-down
.DEFAULT_GOAL := help

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

run: $(VENV)/run ## serve on port 5000: local storage below var/registry, search in SQLite
	SETTINGS_FLAVOR=local STORAGE_PATH=$(CURDIR)/var/registry SEARCH_BACKEND=sqlalchemy \
		$(BIN)/docker-registry serve

test: $(VENV)/develop ## run the tests; what lacks a program or service is skipped and says so
# In the order of the directories: the slow ones come first, and the units fill what is left.
	$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(COVERAGE) $(TESTS)

coverage: COVERAGE := --cov --cov-report term:skip-covered
coverage: test ## run them, and tell which lines none of them reaches; takes twice as long

lint: $(VENV)/develop ## check format, style, types and the order of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/bench ## compare with Distribution 2.8 and 3, where they are installed
	$(BIN)/python contrib/bench/bench.py $(BENCH)

services: ## install and start the servers and clients that the tests can use (Debian, as root)
	contrib/stacks/install.sh
	@$(MAKE) --no-print-directory --jobs --output-sync $(SERVICES:%=up-%)

up-%:
	contrib/stacks/$*.sh up

services-down: ## stop what `make services` started
	for service in $(SERVICES); do contrib/stacks/$$service.sh down || exit; done

$(VENV)/develop: EXTRAS := [test,lint,postgresql,mysql,azure,gcs,oslo,redis]
$(VENV)/bench: EXTRAS := [bench]
$(VENV)/run $(VENV)/develop $(VENV)/bench: setup.cfg pyproject.toml
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.$(EXTRAS)'
	touch $@
