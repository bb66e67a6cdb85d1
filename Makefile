# Needs Python 3.11 or later with pip, and make. Everything else is set up here, below .tox.
PYTHON ?= python3
BOOTSTRAP := .tox/bootstrap
TOX = PYTHONPATH=$(BOOTSTRAP) $(PYTHON) -m tox
PLUGINS := store net crypto log router company tracking auth xmpp im server shell
comma := ,
empty :=
space := $(empty) $(empty)

.PHONY: run test test-all bench lint clean

run: .tox/run/ready  ## set up and open the demo; ARGS="--reset" passes options on
	@exec .tox/run/bin/tulou demo $(ARGS)

test: .tox/ready  ## everything that fits into a quarter of an hour
	@sh tests/install_system_packages.sh
	$(TOX) run -e lint,py

test-all: .tox/ready  ## also what takes long: each plugin installed alone, fresh environments
	@sh tests/install_system_packages.sh
	$(TOX) run -e lint,all,$(subst $(space),$(comma),$(PLUGINS:%=plugin-%))

bench: .tox/ready  ## ONLY=kernel for one part
	$(TOX) run -q -e bench

lint: .tox/ready
	$(TOX) run -q -e lint

.tox/run/ready: .tox/ready
	@$(TOX) run -q --notest -e run >.tox/run.log 2>&1 || { cat .tox/run.log; exit 1; }
	@touch $@

# When a distribution requires something else than before, every environment is made anew:
# tox notices changes of tox.ini, but not of what `-e .` stands for.
.tox/ready: tox.ini setup.cfg $(wildcard plugins/*/setup.cfg)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tulou needs Python 3.11 or later; this is %s. Say make PYTHON=python3.11 ..." % sys.version.split()[0])'
	@echo "Setting up in .tox; the first time takes a minute or two."
	@rm -rf .tox
	@$(PYTHON) -m pip install -q --disable-pip-version-check --root-user-action=ignore --target $(BOOTSTRAP) 'tox >= 4.11'
	@touch $@

clean:
	rm -rf .tox build dist *.egg-info kernel/*.egg-info plugins/*/*.egg-info plugins/*/build .pytest_cache .mypy_cache .hypothesis
