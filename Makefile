# Two commands on a fresh machine: `make run` and `make test`. Everything made at run time is in .venv and var/.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# Linux wheels of torch on the default registry bring CUDA. Where that is so, name an index of CPU builds:
#   make run PIP_FLAGS="--extra-index-url <PyTorch's index of CPU builds>"
PIP_FLAGS ?=
HOST ?= 127.0.0.1
PORT ?= 8000

export PATMATCH_HOME ?= var

.PHONY: run test test-all check clean

run: $(PATMATCH_HOME)/.demo
	@echo "patmatch: http://$(HOST):$(PORT)/"
	@$(BIN)/patmatch serve --host $(HOST) --port $(PORT)

test: .venv/.installed
	$(BIN)/patmatch model prepare --home var
	$(BIN)/pytest

test-all: .venv/.installed
	$(BIN)/patmatch model prepare --home var
	$(BIN)/pytest -m "slow or load or not slow"

check: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache

# torch first and pinned, so that no other package can pull another build of it.
.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet $(PIP_FLAGS) -c constraints.txt torch
	$(BIN)/pip install --quiet $(PIP_FLAGS) -c constraints.txt --editable ".[dev]"
	@touch $@

$(PATMATCH_HOME)/.demo: .venv/.installed $(wildcard sample/*.jsonl) sample/industries.csv
	$(BIN)/patmatch model prepare
	$(BIN)/patmatch ingest industries sample/industries.csv
	$(BIN)/patmatch ingest patents sample/patents.jsonl
	$(BIN)/patmatch ingest needs sample/needs.jsonl
	$(BIN)/patmatch ingest firms sample/firms.jsonl
	$(BIN)/patmatch index build all --publish
	@touch $@
