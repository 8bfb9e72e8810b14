# Thin front of the study; every target makes the environment first, which costs nothing twice.
#   make book PYTHON=python3.12 CORES=4          another Python, fewer cores (default: all)
#   make sweep ARGS="datasets=mnist seeds=0,1"   part of the sweep

PYTHON ?= python3
CORES ?= all
BIN := .venv/bin
STUDY := CORES=$(CORES) $(BIN)/python tools/study.py
export PYTHONUNBUFFERED := 1

.DEFAULT_GOAL := help
.PHONY: help env book paper sweep claims test lint bench lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-6s %s\n", $$1, $$2}' Makefile

env: ## make the environment .venv, nothing else
	@$(PYTHON) tools/setup_env.py

book: env ## run every chapter at profile quick and render the book
	@$(STUDY) book $(ARGS)
	@echo "The book is ready: open _build/html/index.html in a browser."

paper: env ## the same at full scale (profile paper): hours without a GPU
	@$(STUDY) paper $(ARGS)
	@echo "The book is ready: open _build/html/index.html in a browser."

sweep: env ## full scale on all data sets and seeds; stop and start it at will
	@$(STUDY) sweep $(ARGS)

claims: env ## rewrite the numbers of sentences after new records; say which words are not true
	@$(BIN)/python -m latentbook.book.claims

test: env ## run the fast tests
	@$(BIN)/python -m pytest -n $(CORES:all=auto) $(ARGS)

lint: env ## check form and types
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache > /dev/null || $(BIN)/lint-imports --no-cache

bench: env ## measure against the budgets
	@$(BIN)/python bench/budgets.py $(ARGS)

lock: env ## resolve requirements.lock anew
	@$(BIN)/python tools/lock.py $(ARGS)

clean: ## remove what make book made (.venv and finished sweep runs are kept)
	rm -rf _build/html _build/chapters _build/records _build/.[brh]*
	rm -rf book/chapters book/generated book/extra .snakemake
