# Two commands on a fresh machine: `make demo` and `make test`. Both set up what they need.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.installed

.PHONY: help install demo gui test lint types layers tests benchmarks clean

help:
	@echo "make demo        the whole road on the simulated bench, with a report (about 2 minutes)"
	@echo "make gui         the window on the simulated bench"
	@echo "make test        lint, types, layers and tests"
	@echo "make benchmarks  every figure the project claims, measured now"
	@echo "make install     only the virtual environment, in $(VENV)"

install: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "labctl needs Python 3.11 or later; this is $$($(PYTHON) --version)."; \
	    echo "Name another one: make PYTHON=python3.12 ..."; exit 1; }
	@PYTHON="$(PYTHON)" .ci/system-libraries
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint constraints.txt --editable ".[dev]"
	@touch $@

demo: $(READY)
	$(BIN)/labctl demo

gui: $(READY)
	$(BIN)/labctl gui

test: lint types layers tests

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

layers: $(READY)
	$(BIN)/lint-imports

tests: $(READY)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --quiet

benchmarks: $(READY)
	@# The solver of badcrossbar needs none of what its drawing needs (cairo), hence --no-deps.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
	  --constraint constraints.txt badcrossbar pathvalidate || \
	  echo "badcrossbar cannot be installed here: the figure beside it is left out." >&2
	$(BIN)/python -m tests.benchmarks

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
