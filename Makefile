# The commands of this project. Each sets up what it needs first; on a machine that has it all, that takes a moment.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The pinned Streamlink first; the proxies and browsers of the tests are in sbin on some systems.
export PATH := $(CURDIR)/.venv/bin:$(HOME)/.cargo/bin:$(PATH):/usr/sbin:/sbin

ARGS ?=
SEED ?= 1
MINUTES ?= 10
SECONDS_EACH ?= 600

.PHONY: help setup web run demo test browser e2e fmt storm bench bench-channels bench-web screenshots fuzz clean

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' Makefile | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup: ## what is needed to build and record: ffmpeg, Streamlink in .venv
	@scripts/setup.sh run

# What the page is made of; a change in any of it builds the page anew.
WEB := $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -path web/test-results -prune -o -type f -print)

web: web/dist/index.html ## the web page, built into web/dist; the next cargo build takes it into the program

web/dist/index.html: web/node_modules/.package-lock.json $(WEB)
	cd web && npm run --silent build

web/node_modules/.package-lock.json: web/package-lock.json web/package.json
	@scripts/setup.sh web
	cd web && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund --loglevel=error
	@touch $@

run: ## a running server at http://127.0.0.1:8000, data in ./data (ARGS="--listen …" for more)
	@scripts/setup.sh run
	@$(MAKE) --no-print-directory web
	@echo "building (a few minutes the first time)"
	@cargo build --quiet --locked -p holdfast
	@exec cargo run --quiet --locked -p holdfast -- serve $(ARGS)

demo: ## a recording survives a killed and a frozen proxy, in front of your eyes (about a minute)
	@scripts/setup.sh run
	@echo "building (a few minutes the first time)"
	@cargo build --quiet --locked -p holdfast -p holdfast-testkit --bins
	@cargo run --quiet --locked -p holdfast --example demo

test: ## formatting, lints, all tests, licences: what has to pass
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory web
	cd web && npm run --silent test
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo build --workspace --all-targets --locked
	cd web && npm run --silent e2e
	cargo test --workspace --locked --exclude holdfast-trials
	RUST_TEST_THREADS=$$((2 * $$(nproc))) cargo test --locked -p holdfast-trials
	@if cargo deny --version >/dev/null 2>&1; then \
	  cargo deny --offline check licenses bans sources; \
	else echo "cargo-deny is not installed: licences and sources were not checked"; fi

# The page in a browser needs the two programs and Streamlink, and nothing else of the tests.
browser:
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory web
	cargo build --locked -p holdfast -p holdfast-testkit --bins

e2e: browser ## only the web page, in a real browser over the real program (ARGS="recordings -g drill" for some of it)
	cd web && npm run --silent e2e -- $(ARGS)

screenshots: browser ## the pictures in docs/screenshots, taken anew
	cd web && npm run --silent screenshots

fmt: ## put the code in form
	cargo fmt --all

storm: ## faults at random for MINUTES=10 from SEED=1: nothing may be lost
	@scripts/setup.sh run
	cargo build --locked -p holdfast -p holdfast-testkit -p holdfast-trials --bins
	cargo run --locked -p holdfast-trials --bin storm -- --seed $(SEED) --minutes $(MINUTES)

bench: ## side by side with HAProxy and Squid
	@scripts/setup.sh bench
	bench/run.sh

bench-channels: ## 50 live channels recorded at once for five minutes; 16 GB of disk for a while (ARGS=--quick: half a minute)
	@scripts/setup.sh run
	cargo build --release --locked -p holdfast -p holdfast-testkit -p holdfast-bench --bins
	cargo run --release --locked -p holdfast-bench --bin holdfast-bench -- channels $(ARGS)

bench-web: browser ## the web page: its weight, its first paint, how smooth it is; best on a machine that does nothing else
	cd web && npm run --silent bench

fuzz: ## random input for SECONDS_EACH=600 at each parser
	@scripts/setup.sh run
	fuzz/run.sh $(SECONDS_EACH)

clean: ## remove what was built; .venv and recordings stay
	cargo clean
