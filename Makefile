# Every target sets up what it needs and is missing, and says so. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

# Installs a Debian package that is missing, or names the command to someone who may not.
debian = { echo "$(1) is missing: apt-get install -y $(1)"; [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq $(1); }

.PHONY: help serve test lint unit e2e perf perf-analysis perf-product perf-shelf perf-steps fmt freeze clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

serve: $(VENV)/.serve ## run Triton and the gateway in the foreground (Ctrl-C stops both)
	@exec $(BIN)/python -m serving

test: lint unit e2e ## everything that CI checks: lint, types, import rules, all tests

lint: $(VENV)/.test ## ruff, mypy strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(VENV)/.test ## tests that need no server
	OMP_NUM_THREADS=1 $(BIN)/pytest -m "not e2e" --numprocesses auto --maxprocesses 4 --dist loadfile

e2e: $(VENV)/.test ## tests against a real tritonserver, uvicorn and S3 endpoint
	$(BIN)/pytest -m e2e

perf: $(VENV)/.serve ## perf_analyzer on pipeline and network beside bare ONNX Runtime; writes perf/results/
	$(BIN)/python -m perf serving

perf-analysis: $(VENV)/.test ## four tasks about one picture beside a plain service in torch; writes perf/results/
	$(BIN)/python -m perf analysis

perf-product: $(VENV)/.test ## time and memory of each step of a product photo, every option on; writes perf/results/
	$(BIN)/python -m perf product --out perf/results/product.md

perf-shelf: $(VENV)/.test ## shelf videos: streams, files, stages and live cameras beside the bare network; writes perf/results/
	$(BIN)/python -m perf shelf

perf-steps: $(VENV)/.test ## time of each step around the network for a 4000x4000 JPEG
	$(BIN)/python -m perf steps

fmt: $(VENV)/.test ## format and fix what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

freeze: $(VENV)/.test ## write constraints.txt from what is installed now
	@set -o pipefail; { echo "# What the environment resolved to, so that two machines get the same. Written by: make freeze"; \
		$(BIN)/python -m pip list --format=freeze | grep -viE '^(darkroom|pip|setuptools|nvidia-.*|cuda-.*)==' | sed 's/+cpu$$//'; } > constraints.txt.new \
		&& mv constraints.txt.new constraints.txt || { rm -f constraints.txt.new; exit 1; }

clean: ## remove both environments and all caches (models and results stay)
	rm -rf $(VENV) .triton .perf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 <target>")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(call debian,python3-venv)
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.serve: $(BIN)/python pyproject.toml constraints.txt
	@echo "installing the gateway and the launcher into $(VENV)"
	@$(PIP) .
	@touch $@

$(VENV)/.test: $(BIN)/python pyproject.toml constraints.txt
	@command -v curl >/dev/null || $(call debian,curl)
	@command -v chromium >/dev/null || { $(call debian,chromium); } || echo "tests of the page /live are skipped"
	@echo "installing exporter, training and test tools into $(VENV) (a few minutes the first time)"
	@$(PIP) '.[export,training,tools,dev]'
	@touch $@ $(VENV)/.serve
