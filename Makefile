# The two commands: make run, make test. make check looks at style, types and layers; make bench measures.
#   make run                      a made-up shop, or what lies in data/
#   make run DATA=ratings.csv     your own ratings or orders
#   make run DATA=orders.csv CATALOGUE=products.csv
#   make run PORT=8080
PYTHON ?= python3
PORT ?= 5000
DATA ?=
CATALOGUE ?=
AISLE_VAR ?= var
export PORT AISLE_VAR

BIN := .venv/bin
SETUP := .venv/.installed
SETUP_DEV := .venv/.installed-dev

.PHONY: run setup test check check-style check-types check-layers check-security lock bench bench-train bench-training bench-quality bench-search bench-serve bench-cold bench-similar chaos screenshots image clean

# It listens at once, and loads and trains beside.
run: setup
	@exec $(BIN)/python deploy/start.py $(if $(DATA),"$(DATA)") $(if $(CATALOGUE),"$(CATALOGUE)")

setup: $(SETUP)

$(SETUP): requirements.lock requirements-installer.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: $$($(PYTHON) --version) was found; expected Python 3.11 or newer. Install it, or name it: make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python deploy/install.py requirements.lock
	@$(BIN)/python -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null || \
	  echo "note: the system library libgomp.so.1 is missing. LightGBM, which orders the heads of lists, needs it and is left out without: apt-get install libgomp1 (Debian, Ubuntu) or dnf install libgomp"
	@touch $@

$(SETUP_DEV): $(SETUP) requirements-dev.lock
	$(BIN)/python deploy/install.py requirements-dev.lock
	@touch $@

test: $(SETUP_DEV)
	$(BIN)/python -m pytest -n auto --maxprocesses 3 --dist worksteal --durations=20 --durations-min=2

# make -j2 check runs them side by side.
check: check-style check-types check-layers check-security

check-style: $(SETUP_DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

check-types: $(SETUP_DEV)
	$(BIN)/mypy

check-layers: $(SETUP_DEV)
	$(BIN)/lint-imports

check-security: $(SETUP_DEV)
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml src app run.py data_processing.py train_model.py evaluate_model.py
	.ci/audit

# After a change of one of these requirements.
LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --no-header --no-annotate --generate-hashes --quiet
lock: setup
	$(LOCK) requirements-installer.txt -o requirements-installer.lock
	$(LOCK) requirements.txt -o requirements.lock
	$(LOCK) -c requirements.lock requirements-scale.txt -o requirements-scale.lock
	$(LOCK) -c requirements.lock -c requirements-scale.lock requirements-dev.txt -o requirements-dev.lock

bench: setup
	$(BIN)/python -m bench.anchors
	$(BIN)/python -m bench.loading
	$(BIN)/python -m bench.memory
	$(BIN)/python -m bench.first_list

# Speed of training compared with Surprise: on your ratings (make bench-train DATA=ratings.csv), else on synthetic ones.
GENERATOR := ../shared/tools/make_electronics.py
TRAINED_ON := $(or $(DATA),$(AISLE_VAR)/bench/ratings.csv)

bench-train: setup
	@if [ ! -f "$(TRAINED_ON)" ] && [ -z "$(DATA)" ] && [ -f "$(GENERATOR)" ]; then \
	  mkdir -p "$(AISLE_VAR)/bench" && $(BIN)/python "$(GENERATOR)" "$(TRAINED_ON)" --scale 0.5; fi
	@if [ -n "$(DATA)" ] || [ -f "$(TRAINED_ON)" ]; then $(BIN)/python -m bench.svd "$(TRAINED_ON)"; else \
	  echo "skipped: neither $(TRAINED_ON) nor $(GENERATOR), which makes it, is here; name a file: make bench-train DATA=ratings.csv"; fi

# A whole training at growing sizes, by phases, beside SVD alone with pandas and Surprise.
#   make bench-training OPTIONS="--scales 0.125 0.25 0.5 --json FILE"
bench-training: setup
	$(BIN)/python -m bench.training $(OPTIONS)

# Lists compared with implicit, LensKit and EASE, which are installed in an environment of their own.
#   make bench-quality OPTIONS="--seconds 20 --yelp --json FILE"; python -m bench.quality_table FILE … > docs/quality.md
bench-quality: setup .venv-bench/.installed
	$(BIN)/python -m bench.quality $(OPTIONS)

.venv-bench/.installed: requirements-bench.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	@touch $@

# Search at 20,000, 200,000 and 1,000,000 products, and recommendations of new products.
#   make bench-search OPTIONS="--sizes 20000 --json FILE"
bench-search: setup
	$(BIN)/python -m bench.search $(OPTIONS)

# Requests per second beside a program that answers a constant list; the first run builds the release, which takes long.
#   make bench-serve OPTIONS="--scale 0.125 --short"
bench-serve: setup
	$(BIN)/python -m bench.serve $(OPTIONS)
	$(BIN)/python -m bench.trend

bench-cold: setup
	$(BIN)/python -m bench.cold $(OPTIONS)

bench-similar: setup
	$(BIN)/python -m bench.similar $(OPTIONS)

# Kill, damage, fill, lock and swap a running service, and count wrong answers: up to an hour; as root with a real full disk.
#   make chaos OPTIONS="--kills 10 --leaders 5 --nights 5 --seconds 20 --json FILE"
chaos: setup
	$(BIN)/python -m bench.chaos $(OPTIONS)

# Pictures of every page of the shop in AISLE_VAR, at 1280 and 390 pixels, light and dark: make screenshots OPTIONS="--folder FOLDER"
screenshots: $(SETUP_DEV)
	$(BIN)/python -m bench.screenshots $(OPTIONS)

# Build the image with Debian's buildah, without an engine, start it read-only and take a list from it: as root, four minutes.
image:
	deploy/try_image.sh

clean:
	rm -rf .venv
