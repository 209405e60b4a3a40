# run: set up, start the sample hotline, make one call through it, stay until Ctrl-C.   test: set up, run the tests.
# check: what CI runs before interop.   interop: against SIPp, baresip, kamailio, sippy and pyVoIP.   bench: a table of measures.

PYTHON ?= python3
BIN := .venv/bin
# Programs that make interop runs, and their Debian packages.
PEERS := sipp:sip-tester baresip:baresip-core kamailio:kamailio ip:iproute2 nft:nftables sysctl:procps

.PHONY: run test check interop bench prompts clean

run: .venv/ready
	@HOTLINE_SIP_PORT=$(SIP_PORT) HOTLINE_CONSOLE_PORT=$(CONSOLE_PORT) $(BIN)/hotline demo --stay

test: .venv/ready-dev
	@$(BIN)/python -m pytest -m "not interop" -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

check: .venv/ready-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(MAKE) --no-print-directory test

interop: .venv/ready-dev .venv/peers/ready
	@missing=""; packages=""; for pair in $(PEERS); do \
	    PATH="$$PATH:/usr/sbin:/sbin" command -v $${pair%:*} >/dev/null || \
	        { missing="$$missing $${pair%:*}"; packages="$$packages $${pair#*:}"; }; done; \
	if [ -n "$$missing" ]; then \
	    echo "make interop needs:$$missing. On Debian: apt-get install --no-install-recommends$$packages"; exit 1; fi
	@$(BIN)/python -m pytest -m interop $(ARGS)

bench: .venv/ready-dev
	@$(BIN)/python bench/table.py $(ARGS)

prompts: .venv/ready
	@$(BIN)/hotline prompts build

clean:
	rm -rf .venv build *.egg-info

.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version). Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo "Python's venv module is missing. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing into .venv (pinned by constraints.txt) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/ready-dev: .venv/ready
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

# sippy brings a package called tests, so it has an environment of its own.
.venv/peers/ready: constraints.txt .venv/ready
	@test -x .venv/peers/bin/python || $(BIN)/python -m venv .venv/peers
	@.venv/peers/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt sippy
	@touch $@
