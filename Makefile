# The two commands of the README, and what CI adds to them. Each target sets up what it needs.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# Tests in the real TensorFlow 2.0.0 need a Python 3.7; without one they are skipped.
PYTHON37 ?= $(firstword $(wildcard $(or $(PYENV_ROOT),$(HOME)/.pyenv)/versions/3.7.*/bin/python) \
	$(wildcard /usr/bin/python3.7 /usr/local/bin/python3.7))

.PHONY: chromium shells fuzz verify test quick check fixtures benchmarks clean

verify: .venv/.installed
	$(BIN)/czcheck verify fixtures/models/nuclei.czmodel

# Tests start hundreds of commands: compiled modules save each of them a tenth of a second, also
# where the environment forbids Python to write them.
COMPILE := $(BIN)/python -m compileall -q czcheck fixtures schemas

test: .venv/.installed-test .venv-tf200/.ready chromium shells
	$(COMPILE)
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder \
		--durations 25 --cov --cov-report= $(PYTEST_ARGS)
	@echo "coverage: $$($(BIN)/coverage report --format=total) % of the lines, child processes not counted"

# What needs no TensorFlow.
quick: .venv/.installed-test
	$(COMPILE)
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile \
		-m "not tensorflow and not tf200 and not slow" $(PYTEST_ARGS)

check: .venv/.installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python schemas/compile_proto.py --check

fixtures: .venv/.installed-dev
	$(BIN)/python -m fixtures.make

# Warnings are errors: links, anchors, names that the interface no longer has.
.PHONY: docs
docs: .venv/.installed-docs
	$(BIN)/python -m docpages.rules --check
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "build/site/index.html"

# A minute for each reader; `make fuzz FUZZ_ARGS="--seconds 600 graph"`.
fuzz: .venv/.installed-test
	$(PIP) install --editable '.[test,fuzz]'
	$(BIN)/python -m fuzz.run $(FUZZ_ARGS)

benchmarks: .venv/.installed
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/verify.py
	$(BIN)/python benchmarks/many.py
	$(BIN)/python benchmarks/segment.py

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.installed: pyproject.toml | .venv/bin/python
	@echo "installing czcheck and TensorFlow into .venv: some 600 MB the first time, minutes without a word"
	$(PIP) install --editable .
	touch $@

.venv/.installed-test: pyproject.toml | .venv/bin/python
	$(PIP) install --editable '.[test]'
	touch $@ .venv/.installed

.venv/.installed-docs: pyproject.toml | .venv/bin/python
	$(PIP) install --editable '.[docs]'
	touch $@ .venv/.installed

.venv/.installed-dev: pyproject.toml | .venv/bin/python
	$(PIP) install --editable '.[test,dev]'
	touch $@ .venv/.installed .venv/.installed-test

.venv-tf200/.ready:
	@if [ -n "$(PYTHON37)" ]; then \
		echo "$(PYTHON37) -m venv .venv-tf200, with TensorFlow 2.0.0" && \
		"$(PYTHON37)" -m venv .venv-tf200 && \
		.venv-tf200/bin/python -m pip --quiet --disable-pip-version-check install \
			"tensorflow==2.0.0" "protobuf<3.21" "numpy<1.20" && \
		touch $@; \
	else \
		echo "no Python 3.7 here: tests in TensorFlow 2.0.0 are skipped"; \
	fi

# Tests of the HTML page need a browser; without one they are skipped.
chromium:
	@for name in chromium chromium-browser google-chrome; do \
		if command -v $$name >/dev/null; then exit 0; fi; \
	done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "apt-get install chromium" && \
		{ { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
			--no-install-recommends chromium; } >/dev/null 2>&1 || \
			echo "no Chromium: tests of the HTML page in a browser are skipped"; }; \
	else \
		echo "no Chromium here: tests of the HTML page in a browser are skipped"; \
	fi

# Completion is tested in the shells themselves; those that are not there are skipped.
shells:
	@if command -v zsh >/dev/null && command -v fish >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "apt-get install zsh fish" && \
		{ { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
			--no-install-recommends zsh fish; } >/dev/null 2>&1 || \
			echo "no zsh or fish: tests of completion in them are skipped"; }; \
	else \
		echo "no zsh or fish here: tests of completion in them are skipped"; \
	fi

clean:
	rm -rf .venv .venv-tf200 .mypy_cache .ruff_cache .pytest_cache
