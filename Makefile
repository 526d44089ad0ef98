# Every target does the set-up it needs. PYTHON chooses the interpreter the environment is made of.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready

.PHONY: help setup qgis newer-qgis demo test test-core test-qgis test-minimum test-newer test-qt6 lint format bench package api site gate languages styles screenshots clean

help:
	@echo "make setup   environment in $(VENV)"
	@echo "make demo    map avalanches of a synthetic scene (SEED=5), or of your photo:"
	@echo "             IMAGE=photo.jpg CLICKS='COL,ROW,+ COL,ROW,-' MODEL=name|file"
	@echo "make test    all tests; those of the plugin run inside QGIS"
	@echo "make test-minimum   tests of core with the oldest versions of all packages"
	@echo "make test-newer     tests of the plugin inside a newer QGIS (TESTS=tests/qgis/test_mapping.py: some)"
	@echo "make test-qt6       what can be tested on Qt 6 without a QGIS that has it"
	@echo "make lint    ruff, mypy, import rules"
	@echo "make bench   speed as ratios against a named reference"
	@echo "make package the plugin's zip, in dist/: Plugins, Install from ZIP in QGIS"
	@echo "make gate    what the plugin site scans for: bandit, detect-secrets"
	@echo "make languages   the plugin's languages brought up to date with its texts"
	@echo "make api     API reference from docstrings, in build/api"
	@echo "make site    documentation site, in build/site; broken links and anchors are errors"
	@echo "make screenshots   pictures of the plugin at work, for the docs"

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "Python 3.10 or newer is needed: make PYTHON=/path/to/python3 …"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	  { [ "$$(id -u)" = 0 ] && apt-get update -q && apt-get install -qy --no-install-recommends python3-venv; } || \
	  { echo "The venv module is missing. Install it: sudo apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[fast,eval,training,dev]'
	@touch $(READY)

# QGIS itself, its server (a WMS to test with) and a screen for it, from the system's packages.
QGIS_PACKAGES := qgis python3-qgis qgis-server xvfb xauth python3-pytest python3-pytest-timeout
qgis:
	@command -v qgis >/dev/null && command -v xvfb-run >/dev/null && command -v qgis_mapserver >/dev/null && \
	  /usr/bin/python3 -c 'import qgis.core, pytest, pytest_timeout' 2>/dev/null || \
	  { [ "$$(id -u)" = 0 ] && apt-get update -q && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $(QGIS_PACKAGES); } || \
	  { echo "QGIS is missing. Install it: sudo apt-get install $(QGIS_PACKAGES)"; exit 1; }

MODEL ?= default
IMAGE ?=
CLICKS ?=
SEED ?= 5
OUT ?= build/demo
demo: $(READY)
ifeq ($(IMAGE),)
	@rm -rf $(OUT)/scene && mkdir -p $(OUT)
	$(RUN) -m training synthetic $(OUT)/scene --seed $(SEED)
	$(RUN) -m eval demo --dataset iseg=$(OUT)/scene --model "$(MODEL)" --out $(OUT)
	$(RUN) -m core camera to-map $(OUT)/labels.png --camera $(OUT)/scene/scene_000001/camera.json \
	  --dem $(OUT)/scene/scene_000001/dem.tif -o $(OUT)/on_map.gpkg
else
	@[ -n "$(CLICKS)" ] || { echo "Say where: make demo IMAGE=$(IMAGE) CLICKS='COL,ROW,+ COL,ROW,-'"; exit 2; }
	@mkdir -p $(OUT)
	$(RUN) -m core segment "$(IMAGE)" --model "$(MODEL)" --click $(CLICKS) \
	  --out $(OUT)/mask.png $(OUT)/overlay.png $(OUT)/avalanches.gpkg
	@echo "Look at $(OUT)/overlay.png"
endif

test: test-core test-qgis

# Training apart: its loaders end with signals, which kill a process that has computed with tiles (AMX) on
# some virtual machines, as OpenVINO does in bfloat16.
test-core: $(READY)
	$(RUN) -m pytest tests/training
	$(RUN) -m pytest tests/core tests/session tests/eval tests/compat tests/project

test-qgis: $(READY) qgis
	$(RUN) tests/qgis/run.py

# Long tests of what no package but PyTorch and OpenCV decides, which are the same everywhere.
SAME_WITH_ALL := architecture brs fuzz parity predictor published series_carrying series_run winter worker_process

# The oldest versions that pyproject.toml allows, in an environment of their own, without QGIS.
OLDEST := .venv-minimum
$(OLDEST)/.ready: pyproject.toml constraints.txt scripts/minimum_versions.py $(READY)
	$(PYTHON) -m venv $(OLDEST)
	@mkdir -p build
	$(PYTHON) scripts/minimum_versions.py > build/minimum.txt
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check -c build/minimum.txt \
	  -e '.[fast,eval,training]' pytest pytest-timeout babel packaging
	@touch $@

test-minimum: $(OLDEST)/.ready
	$(OLDEST)/bin/python -m pytest tests/core tests/session \
	  $(patsubst %,--ignore=tests/core/test_%.py,$(SAME_WITH_ALL))

# The same tests inside a newer QGIS, in a Debian tree that is made at the first use and kept.
TESTS ?= tests/qgis
newer-qgis: $(READY)
	scripts/newer_qgis.sh

test-newer: $(READY)
	scripts/newer_qgis.sh $(RUN) tests/qgis/run.py $(TESTS)

# Qt 6 as QGIS 4 has it, in an environment of its own; it uses libraries of the system that QGIS has brought.
QT6 := .venv-qt6
$(QT6)/.ready: constraints.txt $(READY)
	$(PYTHON) -m venv $(QT6)
	$(QT6)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
	  pyqt6 numpy mypy pytest pytest-timeout
	@touch $@

test-qt6: $(QT6)/.ready qgis
	$(QT6)/bin/python -m pytest tests/qt6

lint: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: $(READY)
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

bench: $(READY) qgis
	$(RUN) -m tests.bench.forward
	$(RUN) -m tests.bench.first_click
	$(RUN) -m tests.bench.worker
	$(RUN) -m tests.bench.training
	$(RUN) -m tests.bench.sight
	$(RUN) tests/qgis/run.py --script tests/bench/canvas.py
	$(RUN) tests/qgis/run.py --script tests/bench/series_in_qgis.py

api: $(READY)
	$(RUN) scripts/api.py build/api

site: $(READY)
	$(RUN) -m mkdocs build --quiet --strict

package: $(READY)
	$(RUN) scripts/package.py

languages: $(READY)
	$(RUN) scripts/translations.py

gate: $(READY)
	$(RUN) scripts/gate.py

screenshots: $(READY) qgis
	$(RUN) tests/qgis/run.py --script scripts/screenshots.py
	LC_ALL=de_DE.UTF-8 $(RUN) tests/qgis/run.py --script scripts/screenshots.py docs/de/images

# The styles shipped with the plugin follow from its schema.
styles: $(READY) qgis
	$(RUN) tests/qgis/run.py --script scripts/make_styles.py

clean:
	rm -rf $(VENV) $(OLDEST) $(QT6) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
