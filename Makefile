# make demo    the bot on a page in the browser, with nothing to sign up for
# make test    all tests
# make help    the rest

SHELL := /bin/bash
GO ?= go
PROGRAM := bin/procurabot

.PHONY: help demo test lint golden bench eval nightly fuzz faults build tools

help:
	@echo "make demo      start the bot on a page in the browser, on an embedded database"
	@echo "make test      all tests (race detector on, but for the slowest, which have it nightly)"
	@echo "make lint      gofmt, go vet, staticcheck"
	@echo "make bench     speed, as ratios against raw limits in the same run"
	@echo "make eval      how right the answers are: public data, and questions held out"
	@echo "make nightly   the long tests: 1,000 seeds, 1,000 kills, half an hour's soak, fuzzing"
	@echo "make faults    plant twelve faults one by one: the tests must find each"
	@echo "make golden    write golden files and scripts anew"
	@echo "make build     $(PROGRAM)"

# What the build needs beyond the modules that Go fetches itself.
tools:
	@command -v $(GO) >/dev/null || { echo "Go 1.26 is missing: https://go.dev/dl/"; exit 2; }
	@command -v gcc >/dev/null || { echo "gcc is missing (for SQLite): install your system's C compiler, on Debian: apt-get install gcc libc6-dev"; exit 2; }

build: tools
	$(GO) build -o $(PROGRAM) ./cmd/procurabot

demo: build
	@exec $(PROGRAM) demo

# With the race detector the whole program's tests take three times as long, and
# those of pure code eight times: here those have it in which most goes on at once,
# nightly all.
PURE := internal/(markup|retrieval)$$
TOGETHER := TestEndToEnd|TestStorm|TestSoak|TestDeliveredBadlyByThePlatforms|TestARevokedTokenIsTold|TestPrivateListener|TestBackupsBesideTheBot|TestStopWhileItStarts|TestFullDisk|TestFaultInTheMiddle

test: tools
	@if ! command -v npm >/dev/null; then echo "npm is missing: accessibility is not checked"; \
	elif [ ! -d tools/node_modules/axe-core ]; then npm install --no-package-lock --no-audit --no-fund --prefix tools; fi
	$(GO) test -race -timeout 40m $$($(GO) list ./... | grep -Ev '/cmd/|$(PURE)')
	$(GO) test -timeout 40m $$($(GO) list ./... | grep -E '$(PURE)')
	$(GO) test -race -timeout 40m -run '^($(TOGETHER))$$' ./cmd/procurabot
	$(GO) test -timeout 40m -skip '^($(TOGETHER))$$' ./cmd/procurabot

# ROUNDS=3 is quicker and less sure. The packages' own first, the whole program last.
ROUNDS ?= 10
bench: tools
	$(GO) test -run '^$$' -bench . -benchtime 0.5s ./internal/database ./internal/outbox ./internal/markup ./internal/retrieval
	$(GO) test -run '^$$' -bench 'Memory|Start|Pace' -benchtime 3x ./cmd/procurabot
	$(GO) test -run '^$$' -bench 'Turn' -benchtime $(ROUNDS)x -timeout 30m ./cmd/procurabot

# SQLite's full-text search is there to compare with; the program does without.
eval: tools
	@set -o pipefail; $(GO) test -tags sqlite_fts5 -count=1 -timeout 30m -run '^(TestPublicTables|TestOwnKnowledge)$$' -v ./cmd/procurabot | grep -v '^=== RUN'

lint: tools
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "not gofmt-ed: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...

faults: tools
	$(GO) test -count=1 -timeout 60m ./internal/faults -plant -v

golden: tools
	$(GO) run ./cmd/procurabot play --update cmd/procurabot/testdata/scripts
	$(GO) test ./adapters/slack ./adapters/discord ./internal/markup -update
	$(GO) test ./cmd/procurabot -run '^TestReference$$' -update

# How long each fuzz target runs.
FUZZTIME ?= 10m

fuzz: tools
	@set -e; for package in $$(grep -rl '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u); do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z]*\).*/\1/p' $$package/*_test.go); do \
			$(GO) test $$package -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME); \
		done; \
	done

nightly: tools faults fuzz eval
	$(GO) test -race -count=1 -timeout 4h ./cmd/procurabot -seeds 1000 -kills 1000 -messages 10000 -weathers 50 -soak 30m
	$(GO) test -race -count=1 -timeout 1h ./internal/... -rapid.checks=10000
