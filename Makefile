# The two commands of a newcomer are "make playground" and "make test".
# Everything lands in .venv, in this directory.

.DEFAULT_GOAL := help
.PHONY: help playground down setup test check bench fuzz clean
.NOTPARALLEL:

help: ## list these targets
	@echo 'netarium: the Internet in miniature, behind glass'
	@echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 20

playground: setup ## bring the playground up: twelve nodes, ready to log in to
	@.venv/bin/netarium up playground

down: ## take the playground down
	@! [ -x .venv/bin/netarium ] || .venv/bin/netarium down playground || [ $$? = 4 ] # 4: none runs

setup: ## prepare .venv and the client tools; does nothing when all is there
	@tools/setup

test: ## check the code, then run every test
	@tools/setup --dev
	@tools/check
	@.venv/bin/python -m pytest

check: ## style, types and import rules
	@tools/setup --dev
	@tools/check

bench: ## measure beside other programs: labs, capturing, decoding; takes some minutes
	@tools/setup --bench
	@.venv/bin/python benchmarks/startup.py
	@.venv/bin/python benchmarks/packets_capture.py
	@.venv/bin/python benchmarks/packets_decoding.py

fuzz: ## read ten million spoiled packets; takes most of an hour
	@tools/setup --dev
	@.venv/bin/python tools/fuzz.py

clean: ## remove .venv and everything else that make created
	rm -rf .venv build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache
	rm -rf .import_linter_cache .hypothesis
	find src tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +
