# make help lists what there is.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
GO      ?= go
BIN     := bin/rekey
LDFLAGS := -s -w -X main.version=$(VERSION)
STATICCHECK := $(GO) tool -modfile=tools/staticcheck/go.mod staticcheck

# Where goroutines meet: the packages that the race detector looks at.
RACE := ./internal/daemon/... ./internal/rotation/... ./internal/inventory/... ./internal/connector/... ./internal/server/... ./client/... ./internal/sim

export CGO_ENABLED := 0

.DEFAULT_GOAL := help
.PHONY: help build demo test kill check bench generate clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## one static binary, bin/rekey
	@echo "building $(BIN) (the first time, Go fetches the modules)" >&2
	@$(GO) build -trimpath -ldflags "$(LDFLAGS)" -o $(BIN) ./cmd/rekey

demo: build ## see one secret renewed, in a pretended tenant on this machine
	@./$(BIN) demo

test: ## every test; installs what they need, or says exactly what is missing
	@scripts/test

kill: ## the real binary, ended at named points and at random, on SQLite and with three replicas (REKEY_KILL: how often)
	@scripts/kill

check: ## formatting, vet, static analysis, the walls, the race detector
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not formatted:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	@$(GO) fix -diff ./... > /dev/null || { echo "older Go than need be: go fix ./..."; $(GO) fix -diff ./...; exit 1; }
	$(STATICCHECK) ./...
	$(GO) test ./internal -run TestWalls
	CGO_ENABLED=1 $(GO) test -race -short $(RACE)

bench: ## side-by-side measurements, printed as ratios
	@for d in bench/*/; do $(GO) run "./$$d" || exit 1; done

generate: ## what is generated: the API's types and routes, the command line's reference
	$(GO) generate ./...

clean: ## remove what was built
	rm -rf bin
