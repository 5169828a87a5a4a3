# Two commands do everything on a fresh machine: `make book` and `make test`.
# They need Python 3.11 or newer, make, and a network to the package registries for the first run.
PYTHON ?= python3
PROFILE ?= book
NAME ?= 03_toy_model
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

.PHONY: book test chapter serve clean environment

book: $(READY)
	$(BIN)/doit profile=$(PROFILE)

test: $(READY)
	$(BIN)/doit profile=smoke
	$(BIN)/python -m pytest --built

chapter: $(READY)
	$(BIN)/doit profile=$(PROFILE) chapter:$(NAME)

serve: $(READY)
	$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/$(PROFILE)/html

clean:
	rm -rf _build $(VENV)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; PYTHON=... names another one")'
	@$(PYTHON) book/lock.py $(MAKE) --no-print-directory environment

environment:
	@date +%s > .setup-started
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --constraint constraints.txt --editable ".[notebooks,cluster,report,training,benchmark,book,test]"
	@echo $$(( $$(date +%s) - $$(cat .setup-started) )) > $(READY)
	@rm .setup-started
	@echo "set-up: $$(cat $(READY)) s"
