# The two commands: make demo, make test. `make help` lists the others.

PYTHON ?= python3
MODEL ?= models/all-MiniLM-L6-v2
BASE := models/all-mpnet-base-v2
OUT ?= out
VENV := .venv
RUN := $(VENV)/bin/python

# a result is rebuilt when its inputs change, and never left half-made
.DELETE_ON_ERROR:
.SECONDARY: $(OUT)/depparse/train.json $(OUT)/depparse/dev.json
.PHONY: help demo demo-base test lint bench

help:
	@echo "make demo    environment, a small real BERT, and the whole chain on examples/"
	@echo "make demo-base  the same through an encoder of 12 layers x 12 heads (405 MB)"
	@echo "make test    all tests"
	@echo "make lint    linter and formatter, without changing anything"
	@echo "make bench   speed and memory (EWT=<folder of UD English EWT>)"

$(VENV)/installed: requirements.txt requirements-cluster.txt constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or \
	  sys.exit("Python 3.11 to 3.13 is needed, this is %d.%d: make PYTHON=..." % v)'
	$(PYTHON) -m venv --clear $(VENV)
	$(RUN) -m pip install --quiet --constraint constraints.txt --editable ".[cluster]"
	touch $@

models/all-MiniLM-L6-v2/model.safetensors $(BASE)/model.safetensors: | $(VENV)/installed
	$(RUN) -m examples.fetch_model $(notdir $(@D))

$(OUT)/unlabeled.json: examples/unlabeled.txt | $(VENV)/installed $(MODEL)/model.safetensors
	$(RUN) preprocess_unlabeled.py --data-file $< --bert-dir $(MODEL) --outfile $@

$(OUT)/unlabeled_attn.pkl: $(OUT)/unlabeled.json
	$(RUN) extract_attention.py --preprocessed-data-file $< --bert-dir $(MODEL) --resume

$(OUT)/unlabeled_head_distances.pkl: $(OUT)/unlabeled_attn.pkl
	$(RUN) head_distances.py --attn-data-file $<

$(OUT)/depparse/%.json: examples/depparse/%.txt | $(VENV)/installed
	$(RUN) preprocess_depparse.py --data-file $< --outdir $(@D)

$(OUT)/coref/dev.json: $(wildcard examples/coref/*) | $(VENV)/installed $(MODEL)/model.safetensors
	$(RUN) preprocess_coref.py --data-dir examples/coref --bert-dir $(MODEL) --outfile $@

WORD_LEVEL = $(RUN) extract_attention.py --preprocessed-data-file $< --bert-dir $(MODEL) --word-level --resume

$(OUT)/depparse/%_attn.pkl: $(OUT)/depparse/%.json | $(MODEL)/model.safetensors
	$(WORD_LEVEL)

$(OUT)/depparse/random/%_attn.pkl: $(OUT)/depparse/%.json | $(MODEL)/model.safetensors
	$(WORD_LEVEL) --random-init keep-embeddings --outfile $@

$(OUT)/coref/dev_attn.pkl: $(OUT)/coref/dev.json
	$(WORD_LEVEL)

$(OUT)/beyond/dev.json: $(OUT)/depparse/dev.json
	mkdir -p $(@D) && cp $< $@

QUANTITY = $(RUN) extract_attention.py --preprocessed-data-file $< --bert-dir $(MODEL) --resume --quantity

$(OUT)/beyond/dev_attn.pkl: $(OUT)/beyond/dev.json | $(MODEL)/model.safetensors
	$(QUANTITY) attention

$(OUT)/beyond/dev_norms.pkl: $(OUT)/beyond/dev.json | $(MODEL)/model.safetensors
	$(QUANTITY) norms

$(OUT)/beyond/dev_layer-norms.pkl: $(OUT)/beyond/dev.json | $(MODEL)/model.safetensors
	$(QUANTITY) layer-norms

$(OUT)/beyond/dev_layer-norms-%.pkl: $(OUT)/beyond/dev.json | $(MODEL)/model.safetensors
	$(QUANTITY) layer-norms --with $*

# Figure 6 names heads by the scores that the other two save
$(OUT)/General_Analysis.ipynb: $(OUT)/unlabeled_head_distances.pkl $(OUT)/Syntax_Analysis.ipynb $(OUT)/Coreference_Analysis.ipynb
$(OUT)/Syntax_Analysis.ipynb: $(foreach part,train dev,$(OUT)/depparse/$(part)_attn.pkl $(OUT)/depparse/random/$(part)_attn.pkl)
$(OUT)/Coreference_Analysis.ipynb: $(OUT)/coref/dev_attn.pkl
$(OUT)/Beyond_Attention.ipynb: $(OUT)/depparse/dev_attn.pkl $(foreach quantity,attn norms layer-norms layer-norms-residual layer-norms-residual-ln,$(OUT)/beyond/dev_$(quantity).pkl)
$(OUT)/%.ipynb: %.ipynb
	ATTN_DATA_DIR=$(OUT) $(RUN) -m nbconvert --log-level ERROR --KernelManager.transport=ipc --to notebook --execute --output-dir $(OUT) $<

KNOWN = $(addprefix $(OUT)/,depparse/syntax.stats.pkl coref/coreference.stats.pkl general.stats.pkl)

$(OUT)/look.html: $(OUT)/depparse/dev.json $(OUT)/General_Analysis.ipynb $(OUT)/Syntax_Analysis.ipynb $(OUT)/Coreference_Analysis.ipynb $(wildcard figures/page/*)
	$(RUN) look.py --file $< --example 0 1 2 --bert-dir $(MODEL) --words --quantity attention norms rollout --statistics $$(ls $(KNOWN) 2>/dev/null) --outfile $@

demo: $(OUT)/General_Analysis.ipynb $(OUT)/Syntax_Analysis.ipynb $(OUT)/Coreference_Analysis.ipynb $(OUT)/Beyond_Attention.ipynb $(OUT)/look.html
	@$(RUN) -m examples.summarize $(OUT)

demo-base:
	$(MAKE) demo MODEL=$(BASE) OUT=out/base

test: $(VENV)/installed
	$(RUN) -m pytest

lint: $(VENV)/installed
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

bench: $(VENV)/installed | $(MODEL)/model.safetensors
	@test -n "$(EWT)" || { echo "make bench EWT=<folder of UD English EWT>"; exit 1; }
	$(RUN) -m pip install --quiet --requirement benchmarks/requirements.txt --constraint constraints.txt
	$(RUN) -m benchmarks --bert-dir $(MODEL) --ewt $(EWT)
