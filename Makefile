# Developers can run every target that CI runs. `make` lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# `make run PROFILE=dev` builds faster and runs slower.
PROFILE ?= release
BUILD := target/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))
CARGO ?= cargo
# The binaries that people run. The workspace also has binaries for tests, whose dependencies take minutes to build.
PROGRAMS := -p winserve-api -p winserve-admin-cli -p winserve-backfill-cli -p winserve-demo -p winserve-emulators

.PHONY: help
help: ## List the targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: run
run: system-packages ## Build and serve console and API on a private PostgreSQL with demo data (PHASE=legacy: not migrated).
	$(CARGO) build --locked --profile $(PROFILE) $(PROGRAMS)
	@exec $(BUILD)/demo $(if $(PHASE),--phase $(PHASE))

.PHONY: test
test: ## Run every test, and schemathesis for less than a minute.
	scripts/system-packages --server --tools
	scripts/test
	scripts/schemathesis short

.PHONY: chaos
chaos: ## Run the long tests: kills, faults and load, with tables of figures, versions, and schemathesis (an hour).
	scripts/system-packages --server --tools --load
	scripts/newer-pgbouncer >/dev/null || echo "SKIPPED: poolers with a PgBouncer that keeps prepared statements"
	TEST_LIMIT=7200 scripts/test --tests -- --ignored chaos_
	$(MAKE) load-faults
	$(MAKE) several-nodes
	$(MAKE) postgres-versions
	scripts/schemathesis long

.PHONY: load-faults
load-faults: ## Part of chaos: load and faults only, with a table of figures (three minutes).
	scripts/system-packages --server --load
	$(CARGO) build --locked --release $(PROGRAMS)
	WINSERVE__DATABASE__DATA_DIR=$(CURDIR)/target/bench/postgres target/release/demo -- \
		python3 scripts/load-faults target/release

.PHONY: several-nodes
several-nodes: ## Part of chaos: two nodes, poolers and a standby, with a table of figures (a minute).
	scripts/system-packages --server
	$(CARGO) build --locked --release $(PROGRAMS)
	scripts/several-nodes target/release

.PHONY: postgres-versions
postgres-versions: ## Part of chaos: the core of the suite on PostgreSQL 14, 16 and 18 (six minutes).
	scripts/system-packages --server
	scripts/postgres-versions

.PHONY: bare-machine
bare-machine: ## Run both README commands on a minimal Debian, with debootstrap, as root (25 minutes).
	@scripts/bare-machine

.PHONY: openapi
openapi: system-packages ## Update docs/openapi.json, unless that breaks clients.
	$(CARGO) run --locked --quiet -p winserve-testkit --bin write-openapi

.PHONY: openapi-examples
openapi-examples: ## Record the examples of the API description again.
	scripts/system-packages --server
	WINSERVE_RECORD=1 scripts/test the_examples_are_what_the_server_answers
	$(MAKE) openapi

.PHONY: validate-openapi
validate-openapi: ## Validate docs/openapi.json with a third-party tool.
	scripts/system-packages --tools
	scripts/validate-openapi

.PHONY: generated-clients
generated-clients: ## Generate clients from docs/openapi.json with three generators, and compile them.
	scripts/system-packages --tools
	scripts/generated-clients

.PHONY: mutants
mutants: ## Break the removal of political party in twelve ways; each must turn the suite red (20 minutes).
	scripts/system-packages --server
	scripts/mutants

BENCH := WINSERVE__DATABASE__DATA_DIR=$(CURDIR)/target/bench/postgres target/release/demo -- \
	python3 scripts/bench target/release

.PHONY: bench
bench: ## Measure sessions per second, organizations, contacts, and the backfill against plain SQL: make bench N=100000
	scripts/system-packages --load
	$(CARGO) bench --locked -p winserve-clerk --bench sessions
	$(CARGO) build --locked --release $(PROGRAMS)
	WINSERVE__DATABASE__DATA_DIR=$(CURDIR)/target/bench/postgres target/release/demo -- \
		python3 scripts/bench-contacts target/release
	WINSERVE__DATABASE__DATA_DIR=$(CURDIR)/target/bench/postgres target/release/demo -- \
		python3 scripts/bench-organizations target/release
	$(BENCH) rates $(or $(N),100000) clean $(or $(N),100000) live $(or $(N),100000) memory 100000 1000000 neighbour 4000

.PHONY: bench-memory
bench-memory: system-packages ## Part of bench: the backfill's peak memory only.
	$(CARGO) build --locked --release $(PROGRAMS)
	$(BENCH) memory 100000 1000000

.PHONY: bench-live
bench-live: system-packages ## Part of bench: the effect of the backfill on live writers.
	$(CARGO) build --locked --release $(PROGRAMS)
	$(BENCH) live $(or $(N),100000)

.PHONY: demo-data
demo-data: system-packages ## Add generated campaigns: make demo-data N=20000 SEED=1
	$(CARGO) build --locked --profile $(PROFILE) $(PROGRAMS)
	scripts/demo-data $(BUILD) $(or $(N),1000) $(or $(SEED),1)

.PHONY: format
format: ## Format the sources.
	$(CARGO) fmt --all

.PHONY: lint
lint: ## Check formatting, spelling and clippy, warnings denied.
	$(CARGO) fmt --all --check
	scripts/system-packages --tools
	scripts/spelling
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

.PHONY: prove-deletable
prove-deletable: ## Prove that the migration can be deleted: without it, the contract suite is green.
	scripts/system-packages --server
	scripts/prove-deletable

.PHONY: guards
guards: ## Check who may depend on whom, and which files may name what.
	scripts/guards

.PHONY: deny
deny: ## Check bans, licenses, sources and known vulnerabilities of dependencies with cargo-deny.
	scripts/system-packages --tools
	scripts/deny

.PHONY: doc
doc: ## Build the documentation, warnings denied.
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps

.PHONY: system-libpq
system-libpq: ## Build the binaries against the system's libpq, with TLS (target/system-libpq).
	scripts/system-packages --libpq
	$(CARGO) build --locked --profile $(PROFILE) -p winserve-api -p winserve-admin-cli -p winserve-backfill-cli \
		--no-default-features --features system-libpq --target-dir target/system-libpq

# With the features that the whole workspace has, so that CI compiles again only what depends on libpq.
.PHONY: check-system-libpq
check-system-libpq: ## Whether the binaries build against the system's libpq; in the folder of other builds.
	scripts/system-packages --libpq
	$(CARGO) build --locked -p winserve-api -p winserve-admin-cli -p winserve-backfill-cli -p winserve-emulators \
		-p winserve-testkit -p winserve-embedded-postgres --bin api --bin winserve-admin --bin backfill \
		--no-default-features \
		--features winserve-api/system-libpq,winserve-admin-cli/system-libpq,winserve-backfill-cli/system-libpq

.PHONY: system-packages
system-packages:
	@scripts/system-packages
