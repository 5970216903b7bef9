# `make help` lists the targets. Commands run in .venv, which is built from the lock files in requirements/.
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# where Python may not write bytecode when it imports a module, it is written once, here; else each start compiles TensorFlow
# again: 14 s of processor time instead of 5
BYTECODE = $(if $(PYTHONDONTWRITEBYTECODE),--compile)
PIP = .venv/bin/pip install --quiet --disable-pip-version-check --no-deps $(or $(BYTECODE),--no-compile)
# uv installs several times faster than pip; it does not read pip's configuration, so it is told pip's index, and takes the
# certificates of the system
INDEX = $${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$(.venv/bin/pip config get global.index-url 2> /dev/null)}}
UV = UV_NATIVE_TLS=true UV_DEFAULT_INDEX="$(INDEX)" uv pip install -qq --python .venv/bin/python --no-deps

.PHONY: help demo try repro test faults ui check smoke verify bench tune learning-curve lock sbom events pull pr-report resolve experiments

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

# train-all trains on all cores; the second `dvc repro` finds everything trained, and records it. If DVC keeps going after
# a failure (ARGS=--keep-going), so does make.
demo: .venv/main ## Compare four variants on few rows, in demo/: a verdict and its page in about two minutes
	python -m overfitting demo

try: .venv/main ## Compare on your own table: make try DATA=churn.csv LABEL=churn
	python -m overfitting try "$(DATA)" $(if $(LABEL),--label "$(LABEL)")

repro: .venv/main ## Run the whole comparison: environment, data, training, report
	dvc repro preprocess
	$(if $(findstring keep-going,$(ARGS)),-)python -m overfitting train-all
	dvc repro $(ARGS)
	@python -m overfitting verdict

pull: .venv/main ## Download results from DVC's remote, if one is configured
	@if [ -n "$$(dvc remote list)" ]; then dvc pull --run-cache --allow-missing $(ARGS); fi

test: .venv/dev ## Run all tests, including slow ones
	pytest -m "" -n 2 --dist worksteal

faults: .venv/dev ## Interrupt the stages at 500 operations on files (COUNT=100 SEED=1), and run each again
	python -m tests.faults.simulator $(or $(COUNT),500) --seed $(or $(SEED),0)

check: .venv/dev ## Lint, check types and run the fast tests
	ruff check
	ruff format --check
	mypy
	lint-imports
	pytest

smoke: .venv/main ## Run the whole pipeline on tiny settings in a scratch copy
	python -m overfitting smoke

verify: .venv/main ## Reproduce the commit in a fresh clone without any cache, and compare every output
	python -m overfitting verify

bench: .venv/bench ## Measure speed and memory against plain Keras, PyTorch and JAX in about an hour (GROUPS="epoch peak" runs two groups)
	python benchmarks/speed/bench.py $(GROUPS)

tune: .venv/main ## Search for the strengths of remedies on validation rows, or resume (SEARCH="l2 dropout" runs two searches)
	dvc repro preprocess
	python -m overfitting tune $(SEARCH)

learning-curve: .venv/main ## Measure what more data is worth: the comparison with 300 to 30,000 training rows
	dvc repro learning-curve/dvc.yaml
	cp learning-curve/curve.json results/learning-curve.json
	dvc repro report
	python -m overfitting readme

ui: .venv/main ## Open MLflow on 127.0.0.1, up to date with the files (PORT=5000)
	python -m overfitting ui

events: .venv/dev ## Simulate data/bundled/ again (Pythia 8, about 5 minutes on two cores)
	python -m overfitting events

experiments: .venv/main ## Compare the experiments of `dvc exp run`: changed settings and their results
	@python -m overfitting experiments

pr-report: .venv/main ## Print the pull-request comment for this branch against BASE=main (ARGS=--check exits 1 if a result got worse)
	@python -m overfitting changes $(or $(BASE),main) $(ARGS)

resolve: .venv/main ## After `git merge` or `git rebase`: settle the conflicts in computed files, and compute them again
	@python -m overfitting resolve

sbom: .venv/dev ## Write sbom.json, a CycloneDX list of all packages that the lock file pins
	rm -rf .venv/sbom && python -m venv .venv/sbom
	UV_NATIVE_TLS=true UV_DEFAULT_INDEX="$(INDEX)" uv pip install -qq --python .venv/sbom/bin/python --require-hashes --no-deps -r requirements/sbom.txt
	.venv/sbom/bin/cyclonedx-py requirements requirements/main.txt --pyproject pyproject.toml --output-reproducible --output-file sbom.json

COMPILE = uv pip compile --quiet --universal --generate-hashes --no-annotate --python-version 3.11
lock: .venv/dev ## Resolve pyproject.toml again and write the lock files in requirements/
	$(COMPILE) --extra cpu pyproject.toml -o requirements/main.txt
	$(COMPILE) --extra cpu --extra dev --extra simulate -c requirements/main.txt pyproject.toml -o requirements/dev.txt
	$(COMPILE) --extra gpu -c requirements/main.txt pyproject.toml -o requirements/gpu.txt
	$(COMPILE) --extra cpu --extra bench -c requirements/main.txt pyproject.toml -o requirements/bench.txt
	echo cyclonedx-bom | $(COMPILE) - -o requirements/sbom.txt
	echo uv | $(COMPILE) -c requirements/dev.txt - -o requirements/uv.txt

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { echo "expected Python 3.11 to 3.13, got $$($(PYTHON) --version); set PYTHON=" >&2; exit 2; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; echo "Python's venv is missing; on Debian: apt install python3-venv" >&2; exit 2; }

# The lock files pin every package with its hash; this package itself is installed from the checkout. If uv is not
# there, pip installs it. If uv fails, pip does its work. TensorFlow for GPUs replaces the one for processors and stays.
.venv/main .venv/dev .venv/gpu .venv/bench: .venv/%: requirements/%.txt pyproject.toml | .venv/bin/pip
	@echo "installing $<"
	@command -v uv > /dev/null || $(PIP) --require-hashes -r requirements/uv.txt || true
	@[ $* != gpu ] || .venv/bin/pip uninstall --quiet --yes tensorflow-cpu 2> /dev/null
	@awk -v gpu=$(wildcard .venv/gpu) '/^[a-z]/ {skip = gpu && /^tensorflow-cpu=/} !skip' $< > .venv/lock.txt
	@$(UV) $(BYTECODE) --require-hashes -r .venv/lock.txt 2> /dev/null || { \
		echo "uv cannot install $<; pip does, which takes longer" >&2; $(PIP) --require-hashes -r .venv/lock.txt; }
	@$(UV) --no-build-isolation --editable . 2> /dev/null || $(PIP) --no-build-isolation --editable .
	@touch $@
