# Everything starts from a bare checkout: make run, make test. PYTHON picks the interpreter that makes .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test bench constraints clean

run: .venv/installed
	$(BIN)/fastp2p run --overwrite
	$(BIN)/fastp2p run pv-sweep --overwrite

test: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest -n 2 -q
	NUMBA_DISABLE_JIT=1 $(BIN)/pytest -n 2 -q -m small
	NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=.venv/boundscheck $(BIN)/pytest -n 2 -q -m small

# The exact versions the tests passed with; run after a change of dependencies.
constraints: .venv/installed
	$(BIN)/pip freeze --exclude-editable | grep -v '^fastp2p' > constraints.txt

.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf .venv results .pytest_cache .mypy_cache .ruff_cache .hypothesis
