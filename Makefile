# `make run` and `make test` need nothing but Rust on a Debian machine: they install the rest, or name it.
# Everything else is for whoever works on Millstream; `make help` lists it.

CARGO ?= cargo
TARGET := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
CACHE := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/millstream
CLIENTS := $(if $(MILLSTREAM_CLIENTS),$(MILLSTREAM_CLIENTS),$(CACHE)/clients)
RESULTS := $(abspath $(TARGET))/operations.jsonl
MINUTES_FUZZ ?= 5
RECORDS_PRODUCER ?= 10000000
ROUNDS_KCL ?= 20
LOGS ?=

.DEFAULT_GOAL := help
.PHONY: help run release test lint unit clients test-year test-kcl test-agent test-producer test-long compatibility fuzz deny bench bench-peers bench-tables bench-consumers bench-producers bench-logs bench-push bench-20gb generate setup

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:
	@tools/setup

release: setup
	$(CARGO) build --release --locked -p millstream-cli

run: release ## build in release and serve on 127.0.0.1:4566, with the data in ./data
	@exec $(TARGET)/release/millstream serve --data-dir ./data

clients: setup
	@mkdir -p "$(CLIENTS)" && rm -f "$(CLIENTS)/skipped"
	@MILLSTREAM_CLIENTS="$(CLIENTS)" tools/clients

lint: setup ## formatting and lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

test: lint clients ## every test, with the real clients
	@export MILLSTREAM_CLIENTS="$(CLIENTS)"; \
	$(CARGO) test --workspace --locked; result=$$?; \
	if [ -s "$(CLIENTS)/skipped" ]; then sort -u "$(CLIENTS)/skipped"; fi; \
	exit $$result

unit: setup ## the tests of the crates, without clients, crashes and corruption
	$(CARGO) test --workspace --locked --exclude millstream-tests

test-year: clients ## all 336,776 flights of the year through put, tail and boto3
	$(CARGO) build --locked -p millstream-cli
	MILLSTREAM_CLIENTS="$(CLIENTS)" $(CARGO) test --locked -p millstream-tests --test flights -- --ignored

test-kcl: clients ## fleets of the KCL and of the consumer SDK, and mixed ones, for ROUNDS_KCL rounds each, on a stream that is resharded all the time; an hour
	$(CARGO) build --locked -p millstream-cli
	MILLSTREAM_CLIENTS="$(CLIENTS)" MILLSTREAM_KCL_ROUNDS="$(ROUNDS_KCL)" $(CARGO) test --locked -p millstream-tests --test kcl -- --ignored

test-agent: setup ## the agent on files that are rotated and truncated, killed at random, for 10 minutes
	$(CARGO) build --locked -p millstream-cli
	MILLSTREAM_AGENT_SECONDS=600 $(CARGO) test --locked -p millstream-tests --test agent

test-producer: setup ## RECORDS_PRODUCER records, ten million, of the producer SDK through throttles, faults, resharding and kills; minutes
	$(CARGO) build --release --locked -p millstream-cli
	MILLSTREAM_RECORDS="$(RECORDS_PRODUCER)" $(CARGO) test --release --locked -p millstream-tests --test producer_storm -- --nocapture

test-long: setup ## 10,000 each of kills, power cuts and corruptions; hours
	$(CARGO) build --locked -p millstream-cli
	MILLSTREAM_CYCLES=10000 $(CARGO) test --locked -p millstream-tests --test kill_nine --test power_cut --test corruption --test clock_jumps
	MILLSTREAM_CYCLES=2000 $(CARGO) test --locked -p millstream-tests --test sync_error
	MILLSTREAM_CYCLES=500 $(CARGO) test --locked -p millstream-tests --test disk_full

bench: setup ## Criterion benchmarks of storage, engine and codecs
	$(CARGO) bench --locked -p millstream-storage --features millstream-storage/rocksdb -p millstream-engine -p millstream-server --benches

bench-peers: release ## Millstream beside ferrokinesis and kinesalite; writes docs/benchmarks.md
	$(CARGO) run --release --locked -p millstream-benches --bin bench-peers -- --millstream $(TARGET)/release/millstream

bench-tables: release ## Millstream beside dynalite and DynamoDB Local; writes docs/benchmarks-tables.md
	$(CARGO) run --release --locked -p millstream-benches --bin bench-tables -- --millstream $(TARGET)/release/millstream

bench-consumers: setup ## Millstream's consumer beside KCL 3.x and kcl-rs; writes docs/benchmarks-consumers.md; ten minutes
	@mkdir -p "$(CLIENTS)" && MILLSTREAM_CLIENTS="$(CLIENTS)" tools/clients python kcl3
	$(CARGO) build --release --locked -p millstream-cli -p millstream-benches -p millstream-tests --bins
	$(TARGET)/release/bench-consumers --millstream $(TARGET)/release/millstream --counter $(TARGET)/release/consumer_counter --clients "$(CLIENTS)"

bench-producers: setup ## Millstream's producer beside the KPL; writes docs/benchmarks-producers.md; ten minutes
	@mkdir -p "$(CLIENTS)" && MILLSTREAM_CLIENTS="$(CLIENTS)" tools/clients kpl
	$(CARGO) build --release --locked -p millstream-cli -p millstream-benches -p millstream-tests --bins
	$(TARGET)/release/bench-producers --millstream $(TARGET)/release/millstream --load $(TARGET)/release/producer_load --clients "$(CLIENTS)"

bench-logs: setup ## Millstream's gRPC wire beside NATS JetStream, Redis Streams, Kafka and s2-lite, with the flags LOGS; writes docs/benchmarks-logs.md; 15 minutes
	@mkdir -p "$(CLIENTS)" && MILLSTREAM_CLIENTS="$(CLIENTS)" tools/clients logs redis kafka s2lite
	$(CARGO) build --release --locked -p millstream-cli -p millstream-benches --bins
	$(TARGET)/release/bench-logs --millstream $(TARGET)/release/millstream --clients "$(CLIENTS)" $(LOGS)

bench-push: release ## what subscribers get, and what they cost; writes docs/benchmarks-push.md
	@tools/bench-push $(TARGET)/release/millstream

bench-20gb: release ## bytes written, readiness and memory with 20 GB in 1,000 shards
	@tools/bench-20gb $(TARGET)/release/millstream

compatibility: clients ## the tables of operations and clients in docs/compatibility.md, from tests that pass now
	$(CARGO) build --locked -p millstream-cli
	@rm -f "$(RESULTS)"
	MILLSTREAM_CLIENTS="$(CLIENTS)" MILLSTREAM_RESULTS="$(RESULTS)" $(CARGO) test --locked -p millstream-cli -p millstream-tests \
		--test every_operation --test every_client --test every_table_operation --test every_table_client
	$(CARGO) run --locked -p millstream-tests --bin compatibility "$(RESULTS)" docs/compatibility.md

fuzz: setup ## every decoder, MINUTES_FUZZ minutes each
	@tools/fuzz $$(( $(MINUTES_FUZZ) * 60 ))

deny: ## licences, sources and duplicates of all dependencies
	@$(CARGO) deny --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-deny
	$(CARGO) deny --all-features check bans licenses sources

generate: ## the typed AWS wire from the service models
	$(CARGO) run --locked -p millstream-codegen
