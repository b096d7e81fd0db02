# Two commands for a newcomer: `make train`, `make test`. Each target does all its own set-up, in .venv.
# Works with GNU make 3.81 (macOS) and newer, in a folder whose path may have spaces.

RECIPE ?=
ARGS ?=
PYTHON ?=
TORCH_INDEX ?=
KERAS ?=

PIP_INSTALL = .venv/bin/python -m pip install -c constraints.txt $(if $(TORCH_INDEX),--extra-index-url "$(TORCH_INDEX)")
NEEDS = .venv/.made pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.PHONY: help train test test-slow test-wheel fuzz load check format wheel clean

help: ## print this list
	@echo "make TARGET [RECIPE=NAME] [ARGS='...'] [PYTHON=python3.12] [TORCH_INDEX=URL]"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-11s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "RECIPE       the recipe to train; left out, the default one"
	@echo "ARGS         further arguments of tenfold train or pytest, such as ARGS='--seed 3'"
	@echo "PYTHON       the interpreter that .venv is made with (3.11 or newer)"
	@echo "KERAS        for make load: the python of an environment with Keras, to measure beside"
	@echo "TORCH_INDEX  a further package index for torch; on Linux this one has it without CUDA, gigabytes smaller:"
	@echo "             make train TORCH_INDEX=https://download.pytorch.org/whl/cpu"

train: .venv/.train ## train on MNIST, evaluate on the official 10,000, save the model and a report
	.venv/bin/tenfold train $(RECIPE) $(ARGS)

test: .venv/.dev ## run all tests but the slow ones
	OMP_NUM_THREADS=1 .venv/bin/python -m pytest -m "not slow" -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-slow: .venv/.dev ## run the tests that need minutes
	.venv/bin/python -m pytest -m slow $(ARGS)

test-wheel: wheel ## install the built wheel alone, predict with it, check its size
	.venv/bin/python scripts/check_wheel.py dist/*.whl

fuzz: .venv/.dev ## search for unsound answers to strangers' bytes, ten minutes a target (Linux)
	.venv/bin/python -m tests.fuzz.run $(ARGS)

load: .venv/.dev ## measure the service under load, half an hour and a quiet machine (Linux)
	.venv/bin/python -m pytest -m slow tests/serving
	.venv/bin/python benchmarks/load.py all $(if $(KERAS),--keras "$(KERAS)") $(ARGS)

check: .venv/.dev ## formatting, lint and types, changing nothing
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

format: .venv/.dev ## format the code and apply lint's safe fixes
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

wheel: .venv/.dev ## build the wheel into dist/
	rm -rf dist
	.venv/bin/hatchling build --target wheel

clean: ## remove .venv and what tools left behind; runs/ stays
	rm -rf .venv dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps are written last, so an interrupted set-up is repeated; a second `make` finds them and is instant.
# Whoever only trains gets no development tools.
.venv/.made: FORCE
	@sh scripts/venv.sh "$(PYTHON)"
FORCE:

.venv/.train: $(NEEDS)
	$(PIP_INSTALL) -e '.[train]'
	@touch $@

.venv/.dev: $(NEEDS)
	$(PIP_INSTALL) -e '.[train,serve,parquet,ray,track,dev]'
	@touch .venv/.train $@
