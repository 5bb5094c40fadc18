# make demo   the flights example, from nothing to an answered request (ONCE=1 stops there)
# make test   all tests
# make check  format, lint, types, imports, docs
# make bench  the figures of the README
# make bench-serving  the kernel, the curve of overload, and serving beside other servers (MLSERVER=1 takes MLServer along)
# make bench-drift  drift of a million rows, beside Evidently
# make bench-nannyml  label-free estimates, beside NannyML
# make soak   long kill and simulation runs
.PHONY: demo test check bench bench-serving bench-nannyml bench-drift soak lock clean
.DELETE_ON_ERROR:
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Two workers: the tests are written for two cores; tests/conftest.py says which share a worker.
WORKERS ?= 2

$(VENV)/.ready: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Poise needs Python 3.11 or newer; set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(VENV)/.ready
	$(BIN)/python examples/flights/demo.py $(if $(ONCE),--once)

test: $(VENV)/.ready
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --durations=40 --durations-min=5

check: $(VENV)/.ready
	$(BIN)/ruff format --check src tests benchmarks examples
	$(BIN)/ruff check src tests benchmarks examples
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -p no:cacheprovider tests/test_house.py tests/test_docs.py

bench: $(VENV)/.ready
	$(BIN)/python -m benchmarks

# The other servers want other versions of things: each has a virtual environment of its own.
.venv-%/.ready: requirements/%.txt
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement $<
	@touch $@

bench-serving: $(VENV)/.ready .venv-peers/.ready $(if $(MLSERVER),.venv-mlserver/.ready)
	$(BIN)/python -m benchmarks kernel overload peers

bench-nannyml: $(VENV)/.ready .venv-nannyml/.ready
	$(BIN)/python -m benchmarks cbpe

bench-drift: $(VENV)/.ready .venv-evidently/.ready
	$(BIN)/python -m benchmarks drift

soak: $(VENV)/.ready
	$(BIN)/python -m pytest -q -m soak -o addopts="--import-mode=importlib -ra"

lock: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --extra dev --extra examples --extra fast --output-file requirements/dev.txt pyproject.toml requirements/build.in
	for name in peers mlserver evidently nannyml; do $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --output-file requirements/$$name.txt requirements/$$name.in || exit 1; done

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache examples/*/data examples/*/.poise
