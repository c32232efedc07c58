# The two commands: make demo, make test. `make help` lists the others.

PYTHON ?= python3
MODEL ?= models/all-MiniLM-L6-v2
VENV := .venv
RUN := $(VENV)/bin/python

# a result is rebuilt when its inputs change, and never left half-made
.DELETE_ON_ERROR:
.SECONDARY: out/depparse/train.json out/depparse/dev.json
.PHONY: help demo test lint bench

help:
	@echo "make demo    environment, a small real BERT, and the whole chain on examples/"
	@echo "make test    all tests"
	@echo "make lint    linter and formatter, without changing anything"
	@echo "make bench   speed and memory (EWT=<folder of UD English EWT>)"

$(VENV)/installed: requirements.txt constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or \
	  sys.exit("Python 3.11 to 3.13 is needed, this is %d.%d: make PYTHON=..." % v)'
	$(PYTHON) -m venv --clear $(VENV)
	$(RUN) -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

models/all-MiniLM-L6-v2/model.safetensors: | $(VENV)/installed
	$(RUN) -m examples.fetch_model $(@D)

out/unlabeled.json: examples/unlabeled.txt | $(VENV)/installed $(MODEL)/model.safetensors
	$(RUN) preprocess_unlabeled.py --data-file $< --bert-dir $(MODEL) --outfile $@

out/unlabeled_attn.pkl: out/unlabeled.json
	$(RUN) extract_attention.py --preprocessed-data-file $< --bert-dir $(MODEL) --resume

out/unlabeled_head_distances.pkl: out/unlabeled_attn.pkl
	$(RUN) head_distances.py --attn-data-file $<

out/depparse/%.json: examples/depparse/%.txt | $(VENV)/installed
	$(RUN) preprocess_depparse.py --data-file $< --outdir $(@D)

out/coref/dev.json: $(wildcard examples/coref/*) | $(VENV)/installed $(MODEL)/model.safetensors
	$(RUN) preprocess_coref.py --data-dir examples/coref --bert-dir $(MODEL) --outfile $@

WORD_LEVEL = $(RUN) extract_attention.py --preprocessed-data-file $< --bert-dir $(MODEL) --word-level --resume

out/depparse/%_attn.pkl: out/depparse/%.json | $(MODEL)/model.safetensors
	$(WORD_LEVEL)

out/depparse/random/%_attn.pkl: out/depparse/%.json | $(MODEL)/model.safetensors
	$(WORD_LEVEL) --random-init keep-embeddings --outfile $@

out/coref/dev_attn.pkl: out/coref/dev.json
	$(WORD_LEVEL)

out/beyond/dev.json: out/depparse/dev.json
	mkdir -p $(@D) && cp $< $@

QUANTITY = $(RUN) extract_attention.py --preprocessed-data-file $< --bert-dir $(MODEL) --resume --quantity

out/beyond/dev_attn.pkl: out/beyond/dev.json | $(MODEL)/model.safetensors
	$(QUANTITY) attention

out/beyond/dev_norms.pkl: out/beyond/dev.json | $(MODEL)/model.safetensors
	$(QUANTITY) norms

out/beyond/dev_layer-norms.pkl: out/beyond/dev.json | $(MODEL)/model.safetensors
	$(QUANTITY) layer-norms

out/beyond/dev_layer-norms-%.pkl: out/beyond/dev.json | $(MODEL)/model.safetensors
	$(QUANTITY) layer-norms --with $*

# Figure 6 names heads by the scores that the other two save
out/General_Analysis.ipynb: out/unlabeled_head_distances.pkl out/Syntax_Analysis.ipynb out/Coreference_Analysis.ipynb
out/Syntax_Analysis.ipynb: $(foreach part,train dev,out/depparse/$(part)_attn.pkl out/depparse/random/$(part)_attn.pkl)
out/Coreference_Analysis.ipynb: out/coref/dev_attn.pkl
out/Beyond_Attention.ipynb: out/depparse/dev_attn.pkl $(foreach quantity,attn norms layer-norms layer-norms-residual layer-norms-residual-ln,out/beyond/dev_$(quantity).pkl)
out/%.ipynb: %.ipynb
	ATTN_DATA_DIR=out $(RUN) -m nbconvert --log-level ERROR --KernelManager.transport=ipc --to notebook --execute --output-dir out $<

out/look.html: out/depparse/dev.json out/General_Analysis.ipynb out/Syntax_Analysis.ipynb out/Coreference_Analysis.ipynb $(wildcard figures/page/*)
	$(RUN) look.py --file $< --example 0 1 2 --bert-dir $(MODEL) --words --statistics out/general.stats.pkl out/depparse/syntax.stats.pkl out/coref/coreference.stats.pkl --outfile $@

demo: out/General_Analysis.ipynb out/Syntax_Analysis.ipynb out/Coreference_Analysis.ipynb out/Beyond_Attention.ipynb out/look.html
	@$(RUN) -m examples.summarize out

test: $(VENV)/installed
	$(RUN) -m pytest

lint: $(VENV)/installed
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

bench: $(VENV)/installed | $(MODEL)/model.safetensors
	@test -n "$(EWT)" || { echo "make bench EWT=<folder of UD English EWT>"; exit 1; }
	$(RUN) -m pip install --quiet --requirement benchmarks/requirements.txt --constraint constraints.txt
	$(RUN) -m benchmarks.head_distances
	$(RUN) -m benchmarks.syntax --bert-dir $(MODEL) --treebank $(EWT)/en_ewt-ud-dev.conllu
	$(RUN) -m benchmarks.probes --treebank $(EWT)/en_ewt-ud-train.conllu
	$(RUN) -m benchmarks.norms
	$(RUN) -m benchmarks.gradients --vocabulary $(MODEL)/vocab.txt
	$(RUN) -m benchmarks.extraction --vocabulary $(MODEL)/vocab.txt --treebank $(EWT)/en_ewt-ud-dev.conllu
