# Each target works on a fresh clone with nothing but Python 3.11 or later.
PYTHON ?= python3
BIN := .venv/bin
export OMP_NUM_THREADS := 1
# compiled files are kept: to compile all anew, in each process, is a seventh of the tests' work
unexport PYTHONDONTWRITEBYTECODE

# `make book STRICT=1` fails where an author has something to mend
STRICT ?=

.PHONY: help book unit test verify page room serve lint imports lock clean

help:
	@echo "make book    build the site into _build/html (STRICT=1: as authors do)"
	@echo "make unit    test the code, without a book"
	@echo "make test    build the site, then test the code and the site"
	@echo "make verify  the same, and run every downloaded notebook from top to bottom"
	@echo "make page PAGE=book/feedforward/digits    execute and build one page"
	@echo "make room    run pages under other seeds: how much room do their claims have?"
	@echo "make serve   show the site at http://127.0.0.1:8000"
	@echo "make lint    check style and types"
	@echo "make imports who may import whom: check it, and draw it into _build/imports.svg"
	@echo "make lock    resolve requirements.txt anew from pyproject.toml"
	@echo "make clean   remove the site and every output (not .venv, not the data)"

book: .venv/installed
	$(BIN)/python -m bookbuild html $(if $(STRICT),--strict)

# files in their order: the many small ones stand at the end, where they level the processes
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile \
	--no-loadscope-reorder

unit: .venv/installed
	$(PYTEST) --ignore tests/site

test: book
	$(PYTEST)

# make test runs the notebooks of pages that changed since $$DEEPBOOK_LANDED (or the upstream
# branch, or the last commit), and of all others a fifth, which the commit draws
verify: export DEEPBOOK_VERIFY := 1
verify: test

page: .venv/installed
	@test -n "$(PAGE)" || { echo "which page? make page PAGE=book/feedforward/digits"; exit 2; }
	$(BIN)/python -m bookbuild page $(PAGE)

room: .venv/installed
	$(BIN)/python -m bookbuild room

serve: book
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html 8000

lint: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/codespell
	.ci/javascript

imports: .venv/installed
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/python -m bookbuild imports

# torch's own CUDA packages are left to torch: its CPU and CUDA builds differ in them
lock: .venv/installed
	$(BIN)/python -m pip install --quiet uv
	{ echo "# The exact environment that builds and tests the book, for Linux, macOS and Windows."; \
	  echo "# Made from pyproject.toml by \`make lock\`; torch's CUDA packages are left to torch."; \
	  $(BIN)/uv pip compile --universal --python-version 3.11 --group book --group test \
	    --no-header --no-annotate --quiet --constraint requirements.txt pyproject.toml \
	    | grep -vE '^(nvidia-|cuda-|triton=)'; } > requirements.txt.new
	mv requirements.txt.new requirements.txt
	export MACOSX_DEPLOYMENT_TARGET=14.0; for platform in linux macos windows; do for version in 3.11 3.12 3.13; do \
	  $(BIN)/uv pip compile --quiet --python-platform $$platform --python-version $$version \
	    requirements.txt > /dev/null && echo "resolves: $$platform, Python $$version" || exit 1; \
	done; done

clean:
	rm -rf _build

# TORCH=cpu or TORCH=cuda: which build of torch; else the one that fits the machine, if uv finds it
.venv/installed: requirements.txt pyproject.toml code/bookbuild/pyproject.toml
	$(PYTHON) code/bookbuild/install.py
	touch $@
