# On a fresh machine, run `make demo` or `make test`. Both do all the setup themselves.

# One target directory and one profile for the demo, the tests and CI: the AWS SDK is compiled once.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/stackctl/target

STACKCTL = $(CARGO_TARGET_DIR)/debug/stackctl

.PHONY: help setup tools build demo demo-down generate test torture format lint bench

help:
	@echo "make demo       bring up stack.yaml on the sandbox; ends with a URL that answers"
	@echo "make demo-down  remove all of it"
	@echo "make torture    kill up, deploy and destroy at every write, and complete them in every way; takes hours"
	@echo "make test       format, lints, unit, plan-case, end-to-end and fault tests"
	@echo "make generate   write the JSON schema and the tables in the pages from what the source declares"
	@echo "make bench      measure a release build on the sandbox, and write docs/internals/performance.md"

setup:
	@./scripts/setup

# The tools for tests and lints. The demo does not need them, so it does not wait for their compilation.
tools:
	@./scripts/setup tests

# Always the whole workspace: a part of it would unify features differently and compile the AWS SDK again.
build: setup
	cargo build --workspace --locked

demo: build
	$(STACKCTL) sandbox start
	$(STACKCTL) up --sandbox --yes
	@echo "It goes on running. Try: curl -k the URL above; $(STACKCTL) --sandbox status; make demo-down"

demo-down:
	@if [ -x $(STACKCTL) ]; then \
	  $(STACKCTL) sandbox status >/dev/null 2>&1 && $(STACKCTL) --sandbox destroy --confirm demo/default --unprotect; \
	  $(STACKCTL) sandbox stop --forget; \
	else echo "Nothing was built, so nothing runs."; fi

# The test that compares these files writes them.
generate: setup
	STACKCTL_GENERATE=1 cargo test --workspace --locked --lib --test docs -- generated_files_are_current resources_page messages_folder

test: tools format lint
	./scripts/test

# Kills commands at each of their calls. It takes hours; `make test` tries a sample of the same points.
torture: tools
	./scripts/test --run-ignored only -E 'binary(e2e) and test(/^torture::every_write/)' --success-output immediate

format:
	cargo fmt --all --check

lint: tools
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo deny check bans licenses sources

# A separate build with the release profile, which takes half an hour the first time.
bench: setup
	cargo build --workspace --locked --release
	$(CARGO_TARGET_DIR)/release/stackctl-bench --write docs/internals/performance.md
