# Few verbs. Each says what it does and how long it may take.
#
#   make run                 set up, build, serve with embedded stores; ARGS="--listen 127.0.0.1:9000" for flags,
#                            RELEASE=1 for an optimised build; PROMPTSTER_* variables are passed through
#   make demo                the same with a hiring day in it: nine candidates who are done, three at work, until Ctrl-C
#   make cluster             the same with many of each: three nodes behind a balancer, a Redis Cluster of three masters and
#                            three replicas, one ClickHouse; prints what to try, such as killing a master under load
#   make test                set up, build, run every test
#   make test-traces         the tests of what `--features otel` adds, with that feature: 3 minutes the first time
#   make check               what needs no stores: formatting, lints, layers, licences and advisories
#   make check-deploy        the files of deploy/ against their schemas, with tools of PyPI: a minute the first time
#   make fuzz-api            play the API's own description back to it, good and bad requests of every route: 15 minutes;
#                            ARGS="--max-examples 10" for a short form, one minute
#   make cli                 the candidate's tool as one small file to give away, static on Linux: two minutes the first time
#   make dashboard           build dashboard/ into dashboard/dist, which the next build of the server takes in; needs Node
#   make test-dashboard      check and test dashboard/, also against the real server and in a real browser: 2 minutes after the
#                            build; needs Node
#   make fmt                 format
#   make load                short load test against a running `make run`; ARGS="--candidates 50"
#   make load-run            events by a schedule against a running `make run`, with latencies and plots: 1 minute;
#                            ARGS="--stages 100:30s,100-500:1m --report a.json", ARGS=--own for a service of its own, RELEASE=1
#   make outage              ClickHouse away for minutes at 500 events/s, and what clients notice: 8 minutes, RELEASE=1
#   make overload            three times what the service can take, and what it still takes: 4 minutes, RELEASE=1
#   make idle                5,000 quiet sockets and 500 that never read: 3 minutes, RELEASE=1;
#                            ARGS=--short for a form of seconds of all three, which judges no times
#   make bench               what an optimised server takes at most, beside what its parts would do alone: a minute after the build;
#                            ARGS="--log-sizes 10000,100000,1000000,10000000" for a larger log
#   make chaos               nodes and stores of its own under 19 sorts of faults, and every promise checked: 4 minutes;
#                            ARGS="--minutes 30 --seed 7", ARGS=--self-test for the test of the checker, RELEASE=1

ARGS ?=
CARGO ?= cargo
# The folder of the binaries, whatever CARGO_TARGET_DIR says.
TARGET = $(or $(CARGO_TARGET_DIR),target)
PROFILE = $(if $(RELEASE),release,debug)
BINS = $(TARGET)/$(PROFILE)
RELEASE_FLAG = $(if $(RELEASE),--release)

.PHONY: run demo cluster test test-traces check check-deploy fuzz-api cli dashboard test-dashboard fmt load load-run outage overload idle bench chaos
.DEFAULT_GOAL := run

run:
	@echo "Setting up: at most a few minutes on a new machine, a moment later on."
	@dev/setup
	@dev/build-dashboard
	@echo "Building: 2 to 5 minutes the first time, seconds later on."
	@$(CARGO) build $(RELEASE_FLAG) -p promptster-server -p embedded-clickhouse -p cli
	@exec $(BINS)/promptster-server dev $(ARGS)

demo:
	@echo "Setting up: at most a few minutes on a new machine, a moment later on."
	@dev/setup
	@dev/build-dashboard
	@echo "Building: 2 to 5 minutes the first time, seconds later on."
	@$(CARGO) build $(RELEASE_FLAG) -p promptster-server -p embedded-clickhouse -p cli -p loadtest
	@dev/demo $(BINS) $(ARGS)

cluster:
	@echo "Setting up: at most a few minutes on a new machine, a moment later on."
	@dev/setup
	@dev/build-dashboard
	@echo "Building: 2 to 5 minutes the first time, seconds later on."
	@$(CARGO) build $(RELEASE_FLAG) -p promptster-server -p embedded-clickhouse -p cli -p loadtest
	@exec $(BINS)/promptster-server cluster $(ARGS)

test:
	@echo "Setting up: at most a few minutes on a new machine, a moment later on."
	@dev/setup
	@dev/install-mail-server
	@dev/install-zsh
	@dev/build-dashboard
	@echo "Building everything: 3 to 8 minutes the first time."
	@$(CARGO) build --workspace --bins
	@echo "Running every test, on real stores: 5 to 15 minutes."
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		$(CARGO) nextest run --workspace --no-fail-fast && $(CARGO) test --workspace --doc; \
	else \
		$(CARGO) test --workspace --no-fail-fast; \
	fi
	@PROMPTSTER_SERVER=$(abspath $(TARGET)/debug/promptster-server) dev/test-dashboard

test-traces:
	@dev/setup
	@$(CARGO) build -p embedded-clickhouse
	@echo "Building with traces: 2 to 5 minutes the first time."
	@$(CARGO) test -p promptster-server --features otel --test api traces::

check:
	@echo "Checking formatting, lints and layers: 2 to 5 minutes the first time."
	@$(CARGO) fmt --all --check
	@$(CARGO) clippy --workspace --all-targets -- -D warnings
	@$(CARGO) check -p domain
	@dev/check-macos
	@dev/check-dependencies
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
		$(CARGO) deny check; \
	else \
		echo "cargo-deny is not installed: known advisories are not looked for."; \
	fi

check-deploy:
	@echo "Checking deploy/: a minute the first time, seconds later on."
	@dev/check-deploy

fuzz-api:
	@dev/setup
	@$(CARGO) build -p promptster-server -p embedded-clickhouse
	@echo "Fuzzing the API: 15 minutes with 300 examples, a minute with 10."
	@dev/fuzz-api $(or $(ARGS),--max-examples 300)

cli:
	@dev/build-cli

dashboard:
	@dev/install-dashboard
	@dev/build-dashboard

test-dashboard:
	@dev/setup
	@dev/build-dashboard
	@$(CARGO) build -p promptster-server -p embedded-clickhouse
	@PROMPTSTER_SERVER=$(abspath $(TARGET)/debug/promptster-server) dev/test-dashboard

fmt:
	@$(CARGO) fmt --all

load:
	@echo "Building the load test, then running it against the server of \`make run\`: 1 to 3 minutes."
	@$(CARGO) build $(RELEASE_FLAG) -p loadtest
	@$(BINS)/loadtest smoke $(ARGS)

load-run:
	@echo "Building the load test, then running it: a minute after building."
	@$(CARGO) build $(RELEASE_FLAG) -p promptster-server -p embedded-clickhouse -p loadtest
	@$(BINS)/loadtest run $(ARGS)

outage overload idle:
	@dev/setup
	@echo "Building: 2 to 5 minutes the first time, seconds later on."
	@$(CARGO) build $(RELEASE_FLAG) -p promptster-server -p embedded-clickhouse -p loadtest
	@$(BINS)/loadtest $@ $(ARGS)

chaos:
	@dev/setup
	@echo "Building: 2 to 5 minutes the first time, seconds later on."
	@$(CARGO) build $(RELEASE_FLAG) -p promptster-server -p embedded-clickhouse -p loadtest
	@echo "Starting a service of its own and hurting it: 2 minutes of faults, then up to 2 minutes of checking."
	@$(BINS)/loadtest chaos $(ARGS)

bench:
	@dev/setup
	@echo "Building optimised: 5 to 10 minutes the first time."
	@$(CARGO) build --release -p promptster-server -p embedded-clickhouse -p loadtest
	@$(TARGET)/release/loadtest bench $(ARGS)
