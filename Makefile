# `make help` lists what there is. Everything runs in .venv, made from the hashed lock files in requirements/.
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
INSTALL = .venv/bin/pip install --quiet --disable-pip-version-check

.PHONY: help repro test ui check smoke bench tune lock events pull pr-report experiments

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

repro: .venv/main ## the whole comparison: environment, data, training, report
	dvc repro $(ARGS)
	@python -m overfitting verdict

pull: .venv/main ## what DVC's remote has of the results, where one is configured
	@if [ -n "$$(dvc remote list)" ]; then dvc pull --run-cache --allow-missing $(ARGS); fi

test: .venv/dev ## all tests, slow ones too
	pytest -m "" -n 2 --dist worksteal

check: .venv/dev ## lint, types and the fast tests
	ruff check
	ruff format --check
	mypy
	pytest

smoke: .venv/main ## the whole pipeline on tiny settings, in a scratch copy
	python -m overfitting smoke

bench: .venv/bench ## speed and memory against plain Keras, PyTorch and JAX (about an hour; GROUPS="epoch peak" for some)
	python benchmarks/speed/bench.py $(GROUPS)

tune: .venv/main ## search for the strengths of remedies on validation rows (SEARCH="l2 dropout" for some); resumes
	dvc repro preprocess
	python -m overfitting tune $(SEARCH)

ui: .venv/main ## MLflow, brought up to date with the files, on 127.0.0.1 (PORT=5000)
	python -m overfitting ui

events: .venv/dev ## simulate data/bundled/ anew (Pythia 8, about 5 minutes on two cores)
	python -m overfitting events

experiments: .venv/main ## what `dvc exp run` tried: the settings that differ, and what they did
	dvc exp show --only-changed --drop 'State|Executor|src/|data/|runs|results/'

pr-report: .venv/main ## what this branch changes against BASE=main, as a pull request's comment says it (ARGS=--check: fail as it does)
	@python -m overfitting changes $(or $(BASE),main) $(ARGS)

lock: .venv/dev ## resolve pyproject.toml anew into requirements/
	uv pip compile --quiet --universal --generate-hashes --no-annotate --python-version 3.11 pyproject.toml -o requirements/main.txt
	uv pip compile --quiet --universal --generate-hashes --no-annotate --python-version 3.11 --extra dev --extra simulate -c requirements/main.txt pyproject.toml -o requirements/dev.txt
	uv pip compile --quiet --universal --generate-hashes --no-annotate --python-version 3.11 --extra gpu -c requirements/main.txt pyproject.toml -o requirements/gpu.txt
	uv pip compile --quiet --universal --generate-hashes --no-annotate --python-version 3.11 --extra bench -c requirements/main.txt pyproject.toml -o requirements/bench.txt

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { echo "expected Python 3.11 to 3.13, got $$($(PYTHON) --version); set PYTHON=" >&2; exit 2; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; echo "Python's venv is missing; on Debian: apt install python3-venv" >&2; exit 2; }

# the locks pin every package with its hash; the package itself is installed from the checkout
.venv/main .venv/dev .venv/gpu .venv/bench: .venv/%: requirements/%.txt pyproject.toml | .venv/bin/pip
	$(INSTALL) --require-hashes -r $<
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@
