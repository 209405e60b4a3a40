# run: set up, start the sample hotline, make one call through it, stay until Ctrl-C.   test: set up, run the tests.
# check: what CI runs before interop.   interop: against SIPp, baresip, kamailio, sippy and pyVoIP; the console in Chromium; on PostgreSQL;
# under systemd; behind nginx.
# bench: a table of measures.   docs: the schema and the tables of the menu language.   screens: the pictures in docs/screens.
# speech-model: trains the built-in speech model anew.

PYTHON ?= python3
BIN := .venv/bin
# What is imported is compiled then; the rest of 900 MB never. A Python's own pip may be old, and takes three times as long.
PIP := PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt
# Programs that make interop runs, and their Debian packages.
PEERS := sipp:sip-tester baresip:baresip-core kamailio:kamailio ip:iproute2 nft:nftables sysctl:procps chromium:chromium pg_createcluster:postgresql systemd-analyze:systemd nginx:nginx-light

# Compiled modules are kept: a test's hotline is six processes, each of which would compile them anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test check interop bench prompts docs screens speech-model clean

run: .venv/ready
	@HOTLINE_SIP_PORT=$(SIP_PORT) HOTLINE_CONSOLE_PORT=$(CONSOLE_PORT) $(BIN)/hotline demo --stay

test: .venv/compiled
	@$(BIN)/python -m pytest -m "not interop" -n 7 --dist loadfile --no-loadscope-reorder --max-worker-restart 0 $(ARGS)

# mypy works beside the tests, whose calls leave a part of the processor idle; it has the last word.
check: .venv/ready-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@said=$$(mktemp); $(BIN)/mypy >"$$said" 2>&1 & mypy=$$!; \
	trap 'kill $$mypy 2>/dev/null; rm -f "$$said"' EXIT; trap 'exit 1' INT TERM; \
	$(MAKE) --no-print-directory test; tests=$$?; \
	wait $$mypy; types=$$?; cat "$$said"; \
	exit $$((tests || types))

interop: .venv/compiled .venv/peers/ready
	@missing=""; packages=""; for pair in $(PEERS); do \
	    PATH="$$PATH:/usr/sbin:/sbin" command -v $${pair%:*} >/dev/null || \
	        { missing="$$missing $${pair%:*}"; packages="$$packages $${pair#*:}"; }; done; \
	if [ -n "$$missing" ]; then \
	    echo "make interop needs:$$missing. On Debian: apt-get install --no-install-recommends$$packages"; exit 1; fi
	@$(BIN)/python -m pytest -m interop -n 4 --dist loadfile --no-loadscope-reorder --max-worker-restart 0 $(ARGS)

bench: .venv/ready-dev
	@$(BIN)/python bench/table.py $(ARGS)
	@test -n "$(ARGS)" || $(BIN)/python bench/speech.py

docs: .venv/ready
	@$(BIN)/hotline flow schema >docs/menu.schema.json
	@$(BIN)/python -m ivr.flow.reference docs/menu-language.md

# Trains the built-in speech model anew (docs/speech.md): three hours or so; stopped, it goes on where it was.
speech-model: .venv/ready-speech
	@$(BIN)/python -m ivr.speech.tiny build $(ARGS)

# In Debian: chromium, chromium-l10n and fonts-noto-cjk.
screens: .venv/ready-dev
	@$(BIN)/python -m tests.interop.screens docs/screens

prompts: .venv/ready
	@$(BIN)/hotline prompts build

clean:
	rm -rf .venv build *.egg-info ivr/media/_fast.*.so

define install
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version). Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo "Python's venv module is missing. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing into .venv (pinned by constraints.txt) …"
	@$(PIP) --upgrade pip
	@$(PIP) -e '.$(1)'
	@touch .venv/ready $@
endef

WHAT_IT_IS_MADE_OF := pyproject.toml constraints.txt $(wildcard ivr/media/_fast*.[ch])

.venv/ready: $(WHAT_IT_IS_MADE_OF)
	$(call install,)

.venv/ready-dev: $(WHAT_IT_IS_MADE_OF)
	$(call install,[dev])

# What tests load is compiled here once; else each of their processes would do it at the same time. A fault is for the tests to tell.
.venv/compiled: .venv/ready-dev
	@echo "compiling what the tests load …"
	@$(BIN)/python -m pytest --collect-only --quiet >/dev/null 2>&1 || :
	@$(BIN)/python -c 'from ivr.nursery import LOADS, load; [load(one) for one in LOADS]'
	@touch $@

.venv/ready-speech: .venv/ready
	@$(PIP) -e '.[speech-model]' \
	    --extra-index-url https://download.pytorch.org/whl/cpu  # torch without CUDA's gigabytes
	@touch $@

# sippy brings a package called tests, so it has an environment of its own.
.venv/peers/ready: constraints.txt .venv/ready-dev
	@test -x .venv/peers/bin/python || $(BIN)/python -m venv .venv/peers
	@.venv/peers/bin/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt sippy
	@touch $@
