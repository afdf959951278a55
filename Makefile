# Targets for people; `make` alone lists them.
SHELL := /bin/bash
GO ?= go
PREFIX ?= /usr/local
export CGO_ENABLED ?= 0

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

.PHONY: build
build: ## static binary bin/holdfast
	$(GO) build -trimpath -ldflags '-s -w' -o bin/holdfast ./cmd/holdfast

.PHONY: demo
demo: build ## a two-director cluster in namespaces: election, failover, balancing (root)
	integration/demo/demo.sh

.PHONY: packages
packages: ## install what the tests need (root, Debian)
	integration/packages.sh

.PHONY: test
test: packages ## everything: unit, namespaces, virtual machine (root)
	integration/testall.sh

.PHONY: unit
unit: ## what needs no root, in seconds
	$(GO) test ./...

.PHONY: netns
netns: build ## real sockets and keepalived in network namespaces (root)
	HOLDFAST_NETNS=1 $(GO) test -count=1 -p 1 -timeout 20m ./integration/netns/... ./integration/lifecycle/... ./integration/corpus/... ./integration/checkers ./integration/bench ./host/... ./nft/...

.PHONY: vm
vm: build ## real ip_vs in an emulated machine (root)
	HOLDFAST_VM=1 $(GO) test -count=1 -timeout 25m ./integration/vm/...

.PHONY: check
check: ## vet, staticcheck, gofmt, house rules
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	$(GO) test -count=1 -run . .

.PHONY: race
race: ## unit tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race ./...

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (default 30s)
	integration/fuzz.sh $(or $(FUZZTIME),30s)

.PHONY: sim
sim: ## networks of routers in virtual time, new seeds for FOR (default 30s)
	$(GO) test -count=1 -timeout 0 -v -run Settle ./integration/sim -for $(or $(FOR),30s) $(if $(BASE),-base $(BASE))

.PHONY: bench
bench: build ## benchmarks; beside keepalived: configuration, idle routers, failover, health checks in a virtual machine (root)
	$(GO) test -run '^$$' -bench . -benchmem ./...
	$(GO) run ./integration/bench

.PHONY: install
install: build ## program, manual page, completion, below PREFIX (default /usr/local)
	install -D -m 0755 bin/holdfast $(DESTDIR)$(PREFIX)/sbin/holdfast
	install -D -m 0644 docs/holdfast.conf.5 $(DESTDIR)$(PREFIX)/share/man/man5/holdfast.conf.5
	bin/holdfast completion bash | install -D -m 0644 /dev/stdin $(DESTDIR)$(PREFIX)/share/bash-completion/completions/holdfast
	bin/holdfast completion zsh | install -D -m 0644 /dev/stdin $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_holdfast
	bin/holdfast completion fish | install -D -m 0644 /dev/stdin $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/holdfast.fish

.PHONY: docs
docs: ## write what is generated under docs/ anew
	$(GO) test ./daemon/config -run Manual -update
	$(GO) test ./daemon/doctor -update

.PHONY: clean
clean: ## remove what build made
	rm -rf bin
