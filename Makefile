# Netrender. `make demo` and `make test` do all their own set-up on a fresh machine.
.DEFAULT_GOAL := build
SHELL := /bin/bash
export CGO_ENABLED := 0
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w
PACKAGES := ./...

build: ## build the program into bin/
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/netrender ./cmd/netrender

pages: ## bundle the pages after a change in internal/web/app (needs Node); what comes out is committed
	cd internal/web/app && npm ci --silent && npm run -s types && npm run -s check && npm run -s build

setup: ## get what tests and the demo need: Blender, a browser, a virtual display, network namespaces
	tools/setup

demo: setup build ## render an animated scene on a farm of this machine and compare every frame with a local render
	go run ./tools/demo

test: setup format cross ## everything: unit, property, conformance and end-to-end tests with real Blender, and a short run of every fuzz test
	NETRENDER_TEST_BLENDER=required NETRENDER_TEST_BROWSER=required go test -timeout 40m -parallel 4 $(PACKAGES)
	FUZZTIME=2s tools/fuzz

format: ## whether gofmt would change a file
	@out=$$(gofmt -l addon cmd internal test tools); [ -z "$$out" ] || { echo "gofmt would change these:"; echo "$$out"; exit 1; }

unit: ## what is quick: no Blender, no network namespaces
	go test -short -timeout 5m ./internal/... ./cmd/...

race: ## unit tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race -short -timeout 15m ./internal/... ./cmd/...

cross: ## build for every platform
	@for t in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64; do \
		echo "building for $$t"; GOOS=$${t%/*} GOARCH=$${t#*/} go build -o /dev/null ./cmd/netrender || exit 1; done

lint: ## gofumpt, go vet, staticcheck; ruff and mypy for the Python
	tools/lint/run

bench: build ## speed and memory of a master on this machine
	bin/netrender bench dispatch --workers 64 --tasks 20000
	bin/netrender bench idle --workers 5000 --for 20s
	bin/netrender bench start
	go test -run '^$$' -bench . -benchtime 1s ./internal/... | grep -E '^(Benchmark|pkg|ok)'

bench-stills: ## how much faster a still of 60 s is on 2, 4 and 8 workers (fake renderers)
	NETRENDER_BENCH_STILLS=60s go test -count=1 -v -run TestBenchStills ./test | grep faster

bench-classic: ## what 200 slaves of the original Netrender cost a master (Linux)
	NETRENDER_BENCH_CLASSIC=20s go test -count=1 -v -run TestBenchClassic ./test | grep 'of a core'

bench-pages: ## how fast the pages of a large farm are there, in Chromium
	go test ./test -run TestBenchPages -pages -v -count 1

bench-f12: ## how long F12 takes of a frame that the farm has, 1080p with ten passes, in a window of every Blender
	NETRENDER_TEST_F12=$${NETRENDER_TEST_F12:-1920,1080,7} go test ./test -run TestF12 -v -count 1 -timeout 30m

pictures: build ## take the pictures of docs/pages.md again, of a farm on this machine (needs Blender and Chromium)
	go run ./tools/pictures

fuzz: ## every fuzz test for FUZZTIME (10 s) each
	tools/fuzz

soak: ## do harm to a whole farm for SOAK (10m), with new seeds, and look for what was lost; SEED=7 begins with that seed
	NETRENDER_SEED=$${SEED:-} go test ./test/soak -run TestNothingIsLost -v -count 1 -timeout 0 -soak $${SOAK:-10m}

simulate: ## run the engine RUNS (10000) times in virtual time under every kind of harm; FROM=7 begins with seed 7
	go test ./internal/master -run '^TestSimulation$$' -v -count 1 -timeout 0 -sim.runs $${RUNS:-10000} -sim.from $${FROM:-1}

release: ## archives for every platform, with checksums, in dist/
	tools/release

clean: ## remove what was built
	rm -rf bin dist demo pictures

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

.PHONY: build pages setup demo test format unit race cross lint bench bench-stills bench-classic bench-pages pictures bench-f12 fuzz soak simulate release clean help
