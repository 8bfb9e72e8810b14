# Thin front of the study: every target is one of tools/start.py, which works without make too.
#   make book PYTHON=python3.12 CORES=4          another Python, fewer cores (default: all)
#   make sweep ARGS="datasets=mnist seeds=0,1"   part of the sweep
#   make grade SUBMISSIONS=folder                mark the notebooks in a folder

CORES ?= all
export CORES
export SUBMISSIONS
ifdef PYTHON
export LATENTBOOK_PYTHON := named
else
PYTHON := $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell command -v $(name))))
endif

.DEFAULT_GOAL := help
TARGETS := help env book paper sweep claims student grade lab test lint bench lock clean
.PHONY: $(TARGETS)

$(TARGETS):
	@command -v "$(PYTHON)" > /dev/null || { echo "latentbook: there is no program '$(PYTHON)' here: \
	install Python 3.13, or name one that is there, as in 'make book PYTHON=python3.12'" >&2; exit 2; }
	@"$(PYTHON)" tools/start.py $@ $(ARGS)
