# Two commands matter: `make paper` runs the main job, `make test` passes the tests. Both install
# what they need on a bare Debian 12 with Swift 6.3 (as root, or through sudo).

PROFILE ?= quick
SWIFT ?= swift
VENV := .venv
PIPELINE := .build/release/pipeline
PREFIX ?= /usr/local
COMPLETIONS := bash-completion/completions zsh/site-functions fish/vendor_completions.d

APT_PACKAGES := pkg-config libssl-dev libsqlite3-dev libgit2-dev libcurl4-openssl-dev \
  libarchive-dev libcmark-gfm-dev libcmark-gfm-extensions-dev zlib1g-dev libyaml-dev \
  libtorch-dev libopenblas0-pthread coinor-libclp1 bubblewrap git python3-venv libjs-katex fonts-katex libjs-highlight.js

.PHONY: paper test build setup format lint benchmark install clean

paper: build
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(PIPELINE) run Pipelines/paper.yaml --profile $(PROFILE)
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(PIPELINE) report Pipelines/paper.yaml

# The tests of the live page drive a browser.
test: APT_PACKAGES += chromium
test: setup lint
	$(SWIFT) build --build-tests
	@folder=$$(mktemp -d); \
	TMPDIR="$$folder" PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(SWIFT) test --skip-build; \
	status=$$?; rm -rf "$$folder"; exit $$status

# Both with the same flags, or each would build again what the other has.
build: setup
	$(SWIFT) build -c release --product CTorch --static-swift-stdlib
	$(SWIFT) build -c release --product pipeline --static-swift-stdlib

# Asks dpkg first, so that a machine that has everything needs neither root nor a network.
setup: $(VENV)/.ready
	@missing=""; for package in $(APT_PACKAGES); do \
	  dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'ok installed' \
	    || missing="$$missing $$package"; done; \
	if [ -n "$$missing" ]; then echo "installing:$$missing"; \
	  $(if $(filter 0,$(shell id -u)),,sudo) apt-get update -q && \
	  DEBIAN_FRONTEND=noninteractive $(if $(filter 0,$(shell id -u)),,sudo) \
	    apt-get install -q -y --no-install-recommends $$missing; fi

$(VENV)/.ready: requirements.txt
	@python3 -m venv $(VENV) 2>/dev/null || { \
	  $(if $(filter 0,$(shell id -u)),,sudo) apt-get update -q && \
	  $(if $(filter 0,$(shell id -u)),,sudo) apt-get install -q -y python3-venv && \
	  python3 -m venv $(VENV); }
	$(VENV)/bin/pip install --quiet --requirement requirements.txt
	@touch $@

format:
	$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Stages Tests Plugins Docs

lint:
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Stages Tests Plugins Docs

benchmark: build
	Benchmarks/run
	python3 Benchmarks/tensor/measure.py

install: build
	install -D $(PIPELINE) $(DESTDIR)$(PREFIX)/bin/pipeline
	install -D .build/release/libCTorch.so $(DESTDIR)$(PREFIX)/lib/pipeline/libCTorch.so
	python3 Scripts/manual.py $(PIPELINE) $(DESTDIR)$(PREFIX)/share/man/man1
	mkdir -p $(COMPLETIONS:%=$(DESTDIR)$(PREFIX)/share/%)
	$(PIPELINE) --generate-completion-script bash \
	  > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/pipeline
	$(PIPELINE) --generate-completion-script zsh > $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_pipeline
	$(PIPELINE) --generate-completion-script fish \
	  > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/pipeline.fish

clean:
	rm -rf .build $(VENV)
