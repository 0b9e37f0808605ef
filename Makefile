PYTHON ?= python3
VENV   := .venv
RUN    := $(VENV)/bin/python
ARGS   ?= k=2 n=3
# Tests: one worker per core. Each worker keeps torch to one thread.
WORKERS ?= auto
# Each worker takes a run of files, so that what a file prepares is prepared once; one that is done takes from another.
PYTEST  := $(RUN) -m pytest --numprocesses $(WORKERS) --dist worksteal

.PHONY: check test test-deep test-python-arithmetic lint docs formal bench clean
.DEFAULT_GOAL := check
# Else each of the many processes that tests start would compile all anew.
unexport PYTHONDONTWRITEBYTECODE

$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "installing into $(VENV) (once; a few minutes)" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test,docs]'
	@touch $@

check: $(VENV)/.installed  ## the main job; words pass through: make check ARGS="k=1 n=2 S=3"
	@$(RUN) -m verify.check $(ARGS)

test: $(VENV)/.installed  ## the whole suite, the same draws every time
	@$(PYTEST) $(TESTS)

test-deep: $(VENV)/.installed  ## the same laws on many more, random draws
	@HYPOTHESIS_PROFILE=deep $(PYTEST) $(TESTS)

test-python-arithmetic: $(VENV)/.installed  ## the exact layer once more, sympy without FLINT's numbers
	@SYMPY_GROUND_TYPES=python $(PYTEST) tests/proofs --ignore tests/proofs/test_coq.py

docs: $(VENV)/.installed  ## pages in docs/_build, warnings are errors, no network
	@rm -rf docs/_build
	@$(RUN) -m sphinx -W --keep-going -n -q -b html docs docs/_build

formal:  ## optional: compile and check the formal proofs (needs Coq; installs it by apt-get where missing, as root)
	@$(MAKE) --no-print-directory -C proofs/coq install
	@$(MAKE) --no-print-directory -C proofs/coq

lint: $(VENV)/.installed
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy
	@$(RUN) -m mypy examples/linear-attention/linear_attention examples/linear-attention/linear_attention_recheck
	@$(VENV)/bin/lint-imports --no-cache

bench: $(VENV)/.installed  ## cost of every engine as ratios; prints a table, see benchmarks/README.md
	@$(RUN) -m benchmarks $(ARGS)

clean:
	rm -rf $(VENV) docs/_build build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
