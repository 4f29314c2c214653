# Thin: every target is one script in tools/. `make help` lists them.
#
#   PYTHON=/path/to/python3   the Python to build with (3.11 to 3.15)
#   PORT=8001                 where `make serve` listens
#   PIP_ARGS="..."            more arguments for pip, such as --no-index --find-links DIR
#   ARGS="-k scgi -x"         more arguments for pytest
#   SCALE=10                  volume of the tests; `make soak` uses the full one
#   SECONDS_EACH=60           time for each fuzz target

PYTHON ?=
SECONDS_EACH ?= 60
export PORT PIP_ARGS ARGS SCALE JOBS VENV

RUN = @python="$$(tools/find-python $(PYTHON))" && exec "$$python"

.PHONY: help serve test test-deps lint format fuzz bench bench-full soak fresh-debian pythons docs check clean
.DEFAULT_GOAL := help

help:       ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

serve:      ## build, install into .venv and serve the guestbook
	$(RUN) tools/serve.py

test:       ## run all tests that can run here; changes nothing outside this folder
	$(RUN) tools/run_tests.py

test-deps:  ## install front ends and tools for the tests (root, Debian)
	$(RUN) tools/test_deps.py

lint:       ## ruff, mypy, clang-format, cython-lint, layer and manifest checks
	$(RUN) tools/lint.py

format:     ## rewrite Python and C in the project's style
	$(RUN) tools/lint.py --format

fuzz:       ## fuzz each codec and the engine for SECONDS_EACH
	$(RUN) fuzz/run.py $(SECONDS_EACH)

bench:      ## measure side by side with other servers, a selection in five minutes
	$(RUN) tools/run_bench.py

bench-full: ## all that the suite measures
	$(RUN) tools/run_bench.py --full

soak:       ## the tests at full volume, and those that take long
	$(RUN) tools/run_tests.py --soak

fresh-debian: ## follow the README on a Debian 12 made for it (root, mmdebstrap)
	$(RUN) tools/fresh_debian.py

pythons:    ## the tests on each newer Python, also without the GIL (root, mmdebstrap)
	$(RUN) tools/pythons.py

docs:       ## check the documentation and build it in build/docs
	$(RUN) tools/check_docs.py

check: lint test docs  ## lint, test and docs

clean:      ## remove what was built
	rm -rf .venv build dist
