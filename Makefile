# Two commands do everything on a fresh machine: `make book` and `make test`.
# They need Python 3.11 or newer, make, and a network to the package registries for the first run.
PYTHON ?= python3
PROFILE ?= book
NAME ?= 03_toy_model
PORT ?= 8000
# Processes of `make test`, one processor each. `make book` runs one chapter after the other, each on all processors.
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
EXTRAS := notebooks,cluster,report,training,foundation,benchmark,book,test
FAILED := The packages could not be installed; above is the end of _build/environment.txt. It takes a network to the \
  package registry (pip's settings may name another, or a proxy) and 10 GB of disk. Run the same command again.

.PHONY: book test chapter course serve clean environment

book: $(READY)
	$(BIN)/doit profile=$(PROFILE)

test: $(READY)
	LOKY_MAX_CPU_COUNT=1 $(BIN)/doit -n $(JOBS) profile=smoke
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --built -n $(JOBS) --dist worksteal

chapter: $(READY)
	$(BIN)/doit profile=$(PROFILE) chapter:$(NAME)

course: $(READY)
	$(BIN)/doit profile=$(PROFILE) course

serve: $(READY)
	$(BIN)/python -m book.serve --port $(PORT) _build/$(PROFILE)/html

clean:
	rm -rf _build $(VENV)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; PYTHON=... names another one")'
	@$(PYTHON) book/lock.py $(MAKE) --no-print-directory environment

# Where `begun` was left, a set-up was cut off, perhaps within a package, which pip would not notice: it begins anew.
# `ready` goes first and comes last; it is never older than what it was made of, whatever the clock says.
environment:
	@mkdir -p _build
	@[ ! -e $(VENV)/begun ] || rm -rf $(VENV)
	@rm -f $(READY)
	@mkdir -p $(VENV) && touch $(VENV)/begun
	@date +%s > .setup-started
	@echo "environment: downloads some gigabytes of packages, and prints to _build/environment.txt"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --constraint constraints.txt --editable ".[$(EXTRAS)]" > _build/environment.txt 2>&1 \
	  || { [ $$? -gt 128 ] || rm $(VENV)/begun; tail -n 30 _build/environment.txt; echo "$(FAILED)"; exit 1; }
	@rm $(VENV)/begun
	@echo $$(( $$(date +%s) - $$(cat .setup-started) )) > $(READY).part
	@for made_of in pyproject.toml constraints.txt; do \
	  [ ! $$made_of -nt $(READY).part ] || touch -r $$made_of $(READY).part; done
	@mv $(READY).part $(READY)
	@rm .setup-started
	@printf '%-32s%10s\n' environment "$$(cat $(READY)).0 s"
