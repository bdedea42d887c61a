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
.PHONY: help build demo test model faults chaos nightly kill check bench generate clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## one static binary, bin/rekey
	@echo "building $(BIN) (the first time, Go fetches the modules)" >&2
	@$(GO) build -trimpath -ldflags "$(LDFLAGS)" -o $(BIN) ./cmd/rekey

demo: build ## see one secret renewed, in a pretended tenant on this machine
	@./$(BIN) demo

test: ## every test; installs what they need, or says exactly what is missing
	@scripts/test

model: ## the rules of a rotation through every state of a model, and without each rule in turn
	@$(GO) test ./internal/rotation -run 'TestModel$$' -count=1 -timeout 30m -v | grep -v '^=== '

faults: ## every effect of every plan and kind failing in every way, once and for hours
	@$(GO) test ./internal/rotation -run 'TestEveryEffect$$|TestCrashAnywhere$$|TestOneFaultAtATime$$' -count=1 -timeout 60m -v | grep -E '^(ok|FAIL|---|[0-9])|points|schedules'

chaos: ## random schedules under virtual time (REKEY_CHAOS: how many, REKEY_SEED: from which)
	@REKEY_CHAOS=$${REKEY_CHAOS:-10000} $(GO) test ./internal/rotation -run 'TestChaos$$|TestLostAnswers$$' -count=1 -timeout 600m -v | grep -E '^(ok|FAIL|---)|schedules|lost|seed'

nightly: ## what takes hours: the model with more going wrong, all ordered pairs of faults, 100,000 schedules, 10,000 lost answers, kills of full length
	REKEY_MODEL=nightly REKEY_PAIRS=all REKEY_CHAOS=100000 REKEY_LOST=10000 $(GO) test ./internal/rotation -count=1 -timeout 1440m
	@REKEY_KILL=60 scripts/kill

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
