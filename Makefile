# Needs Python 3.11 or later with pip, and make. Everything else is set up here, below .tox.
PYTHON ?= python3
TOX := .tox/bootstrap/bin/tox

.PHONY: run test test-all bench lint clean

run: $(TOX)  ## set up and open the demo; ARGS="--reset" passes options on
	@$(TOX) run -q --notest -e run
	@exec .tox/run/bin/tulou demo $(ARGS)

test: $(TOX)  ## everything that fits into a quarter of an hour
	@sh tests/install_system_packages.sh
	$(TOX) run -e lint,py

test-all: $(TOX)  ## also what takes long: each plugin installed alone, fresh environments
	@sh tests/install_system_packages.sh
	$(TOX) run -e lint,all,plugin-store,plugin-net,plugin-crypto,plugin-auth,plugin-xmpp,plugin-im,plugin-server,plugin-shell

bench: $(TOX)  ## ONLY=kernel for one part
	$(TOX) run -q -e bench

lint: $(TOX)
	$(TOX) run -q -e lint

$(TOX):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tulou needs Python 3.11 or later; this is %s. Say make PYTHON=python3.11 ..." % sys.version.split()[0])'
	$(PYTHON) -m venv .tox/bootstrap
	.tox/bootstrap/bin/pip install -q --disable-pip-version-check 'tox >= 4.11'

clean:
	rm -rf .tox build dist *.egg-info kernel/*.egg-info plugins/*/*.egg-info plugins/*/build .pytest_cache .mypy_cache .hypothesis
