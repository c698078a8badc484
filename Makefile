# What a person does with a clone. Each target says its purpose; `make` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Built with: the C libraries we call, and libclang, which reads their headers.
BUILD_PACKAGES := build-essential ca-certificates pkg-config libclang-dev \
	libsane-dev libtesseract-dev libleptonica-dev
# Run with: scanner drivers, the eSCL driver, and Tesseract's language data.
RUN_PACKAGES := libsane1 libsane-common sane-airscan tesseract-ocr-eng tesseract-ocr-osd
# Judged by: the tests let other people's programs look at what we made.
TEST_PACKAGES := sane-utils tesseract-ocr qpdf poppler-utils mupdf-tools strace postgresql \
	curl openssl
# veraPDF comes through Maven.
CONFORMANCE_PACKAGES := maven default-jre-headless
PACKAGES := $(BUILD_PACKAGES) $(RUN_PACKAGES) $(TEST_PACKAGES)

RUST_VERSION := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

# demo, test, soak and conformance share cargo's dev profile: pixels and
# barcodes are optimised there too, and libraries are built once.
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help deps toolchain demo test bench soak conformance lint deny deb

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

# Installs those of the Debian packages $(1) that are not there.
define install
	@missing=(); \
	for package in $(1); do \
	  state=$$(dpkg-query -W -f '$${db:Status-Status}' "$$package" 2>/dev/null || true); \
	  [[ $$state == installed ]] || missing+=("$$package"); \
	done; \
	if (( $${#missing[@]} == 0 )); then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then \
	  echo "No apt-get here. Install what these Debian packages hold, then go on:"; \
	  echo "  $${missing[*]}"; exit 1; \
	fi; \
	as_root=(); if (( EUID != 0 )); then \
	  command -v sudo >/dev/null || { echo "Run this as root: apt-get install $${missing[*]}"; exit 1; }; \
	  as_root=(sudo); \
	fi; \
	echo "Installing: $${missing[*]}"; \
	"$${as_root[@]}" apt-get update -q; \
	"$${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
	  apt-get install -q -y --no-install-recommends "$${missing[@]}"
endef

deps: toolchain ## install what Debian has of what we need; asks for sudo only if something is missing
	$(call install,$(PACKAGES))

toolchain:
	@have=$$({ rustc --version 2>/dev/null || true; } | cut -d ' ' -f 2); \
	if [[ -z $$have ]] || ! command -v cargo >/dev/null; then \
	  echo "Rust is missing. Install it with rustup (https://rustup.rs), open a new shell,"; \
	  echo "and run make again. Outguide needs Rust $(RUST_VERSION) or newer."; exit 1; \
	fi; \
	if [[ $$(printf '%s\n' $(RUST_VERSION) "$$have" | sort -V | head -1) != $(RUST_VERSION) ]]; then \
	  echo "Rust $$have is too old: Outguide needs $(RUST_VERSION) or newer."; \
	  echo "Update it: rustup update stable"; exit 1; \
	fi

demo: deps ## scan a stack of made-up charts through libsane and file it into ./demo/repository
	cargo build --bins --example sane_folder
	$(TARGET_DIR)/debug/outguide demo

test: deps ## every test; with CI=true a test that had to skip is a failure
ifeq ($(CI),true)
	@mkdir -p $(TARGET_DIR)
	cargo test --no-fail-fast -- --show-output 2>&1 | tee $(TARGET_DIR)/test.log
	@if grep -n '^skipped: ' $(TARGET_DIR)/test.log; then \
	  echo "These tests did not run; here every one must."; exit 1; \
	fi
else
	cargo test --no-fail-fast
endif

soak: deps ## the tests that take long: more made-up cases, power cuts, kills and drops, and a day of 2,000 pages
	PROPTEST_CASES=20000 OUTGUIDE_POWER_CUT_SEEDS=10 OUTGUIDE_KILLS=1000 OUTGUIDE_DROPS=1000 \
	  OUTGUIDE_DAY_PAGES=2000 cargo test --no-fail-fast -- --show-output

bench: deps ## DATA=DIR: speed and reading rates on those pages, beside other programs
	@[[ -n "$(DATA)" ]] || { echo "Say where the pages are: make bench DATA=DIR"; exit 1; }
	cargo build --release --bins --example sane_folder
	benches/run "$(DATA)"

conformance: test ## let veraPDF judge every PDF the tests make
	$(call install,$(CONFORMANCE_PACKAGES))
	conformance/run.sh

lint: deps deny ## format, clippy, documentation and licences, warnings being errors
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --no-deps --document-private-items
	cargo deny check licenses bans sources

deny: toolchain
	@command -v cargo-deny >/dev/null || { \
	  echo "cargo-deny, which checks licences, is missing; building it takes some minutes."; \
	  cargo install cargo-deny --locked; \
	}

deb: deps ## a Debian package with the systemd service, in target/debian; debug symbols apart
	@command -v cargo-deb >/dev/null || { \
	  echo "cargo-deb, which builds the package, is missing; building it takes some minutes."; \
	  cargo install cargo-deb --locked; \
	}
	mkdir -p target/deb
	sed 's/^#! \(socket = \)/\1/' deploy/station.toml > target/deb/station.toml
	cargo deb --locked --dbgsym
