# Two commands: `make demo` and `make test`. Each makes its own environment; PYTHON chooses the interpreter (3.11 or later).
PYTHON ?= python3
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
VENV := .venv/$(VERSION)
BIN := $(VENV)/bin
CONSTRAINTS := $(wildcard constraints/python$(VERSION).txt)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(addprefix -c ,$(CONSTRAINTS))
GLINER_PIP = $(GLINER)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints/gliner.txt
# The CPU build, or none: the plain name would fetch gigabytes of CUDA. `make test TORCH=torch` takes what pip offers.
TORCH ?= torch==2.13.0+cpu

.PHONY: demo test test-ui test-gliner fuzz bench clean

demo: $(VENV)/installed
	@$(BIN)/medtext annotate medtext/examples -o demo/notes.jsonl --overwrite --table
	@$(BIN)/medtext show demo/notes.jsonl -o demo/notes.html --overwrite
	@echo
	@echo "span file: demo/notes.jsonl    view: demo/notes.html (open it in a browser)"

test: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -n 2 -q

# The real Label Studio in an environment of its own (1 GB), driven by a headless Chromium; skips what is not to be had.
STUDIO ?= .venv/studio
test-ui: $(VENV)/installed-dev $(STUDIO)/installed
	MEDTEXT_STUDIO=$(STUDIO) $(BIN)/python -m pytest -q -rs tests/ui

$(STUDIO)/installed: | $(VENV)/installed-dev
	@echo "Installing Label Studio into $(STUDIO) (some minutes the first time) …"
	@$(PIP) 'playwright>=1.45' || echo "playwright could not be installed: the tests of the page skip."
	@$(PYTHON) -m venv $(STUDIO)
	@if $(STUDIO)/bin/python -m pip install --quiet --disable-pip-version-check 'label-studio==1.23.2'; \
		then touch $@; else echo "Label Studio could not be installed: its tests skip."; fi

# Zero-shot labels need another transformers than the rest, so GLiNER has an environment of its own (1 GB); skips without.
GLINER ?= .venv/gliner
test-gliner: $(GLINER)/installed
	@if [ -f $< ]; then $(GLINER)/bin/python -m pytest -q tests/stages/test_zero_shot.py; fi

$(GLINER)/installed: setup.cfg constraints/gliner.txt
	@echo "Installing GLiNER into $(GLINER) (some minutes the first time) …"
	@$(PYTHON) -m venv $(GLINER)
	@rm -f $@
	@if $(GLINER_PIP) '$(TORCH)' && $(GLINER_PIP) --editable '.[gliner]' 'pytest>=8' 'hypothesis>=6.100'; \
		then touch $@; else echo "GLiNER could not be installed: its tests skip."; fi

# The same laws on new examples: run it now and then, and before a release.
fuzz: $(VENV)/installed-dev
	HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest -n 2 -q

# All figures, or some: make bench ONLY="deid context"
bench: $(VENV)/installed-dev
	$(BIN)/python -m tests.benchmarks $(ONLY)

$(VENV)/installed: setup.cfg pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		(echo "medtext needs Python 3.11 or later, and $(PYTHON) is not. Try: make $(MAKECMDGOALS) PYTHON=python3.11" && exit 1)
	@echo "Making $(VENV) and installing medtext into it (a few minutes the first time) …"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	@echo "Installing what the tests need …"
	@$(PIP) --editable '.[dev]'
	@$(PIP) '$(TORCH)' 'transformers>=4.48' || echo "torch is not installed ('$(TORCH)' is not at hand): the tests that need it skip."
	@touch $@

clean:
	rm -rf .venv demo bench build *.egg-info
