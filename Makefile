# Aerobee: `make help` lists what can be made.
GO      ?= go
TOOL    := $(GO) tool -modfile=internal/tools/go.mod
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X github.com/aerobee-mq/aerobee.version=$(VERSION)
export CGO_ENABLED ?= 0

.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build the static binary into bin/
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/aerobee ./cmd/aerobee

# The interop suites come last and alone: clients in a JVM beside other tests run out of their own time limits. Nothing is
# taken from the test cache: what runs as a process of its own is not seen by it.
test: unit deploy-check interop ## run all tests, the interop suites with real clients among them (at most 25 minutes on 2 cores)

unit: ## run the tests without the interop suites
	$(GO) vet ./...
	$(GO) vet -tags numbers,rust,long ./interop
	$(GO) vet -tags faults,numbers . ./cli ./cmd/aerobee
	@command -v java >/dev/null && command -v mvn >/dev/null || echo 'skipped: the tests of ./store in which Apache RocketMQ opens our store: they need java and mvn'
	$(GO) test -count=1 -timeout 15m $(VERBOSE) $$($(GO) list ./... | grep -v '/interop$$')

# In a module of its own: Helm's and Kubernetes' modules take minutes to build for the first time, and are no part of the product.
deploy-check: ## test what lies in deploy/: chart, manifests, compose file, unit
	@command -v systemd-analyze >/dev/null || echo 'skipped: the test of deploy/systemd: it needs systemd-analyze'
	cd deploy/check && $(GO) test -count=1 -timeout 15m $(VERBOSE) ./...

interop: ## run the official clients against this tree
	$(GO) test -count=1 -timeout 25m -v ./interop

test-long: ## run the interop suites against Apache RocketMQ 5.5.0 too, our client's against 4.9 as well, and everything that is too long for `make test`
	AEROBEE_INTEROP_TARGET=all $(GO) test -tags rust,long -count=1 -timeout 60m -parallel 1 -v ./interop

bench-timers: ## what a million pending timer messages take of memory, and how late 10,000 a second are, on a quiet machine
	$(GO) test -v ./store -run '^$$' -bench TimersOnTime -benchtime 1x

bench-lights: ## what 100,000 light queues take of memory, and how soon they are back after a kill
	$(GO) test -tags numbers -count=1 -v -run '^TestLightQueuesSize$$' ./cmd/aerobee

bench-operate: ## what an operator waits for: each command of `aerobee admin`, topicList and a scrape with 10,000 topics, 100,000 topics registered; on a quiet machine
	$(GO) test -tags numbers -count=1 -p 1 -v -run '^Test(TopicList|Register|Admin|Scrape)Time$$' ./cmd/aerobee .

bench-client: ## compare our client's CPU time and memory with other clients', on a quiet machine, into bench/RESULTS.md
	AEROBEE_INTEROP_REQUIRED=1 $(GO) test -tags numbers -count=1 -timeout 60m -v -run '^TestNumbers$$' ./interop

# ROW=name[,name] measures these alone (ROW=none only renders), SERVERS=aerobee,… these servers alone, without keeping what they do.
COMPARE := ROW SERVERS ROUNDS DURATION WARM OTHERS SCALE OUT
bench-compare: ## compare Apache RocketMQ and this tree on a quiet machine, into BENCHMARKS.md; ROW=name for one row, ROUNDS=3, DURATION=10s
	AEROBEE_INTEROP_REQUIRED=1 $(foreach v,$(COMPARE),$(if $(filter-out file undefined,$(origin $(v))),AEROBEE_INTEROP_COMPARE_$(v)=$($(v)))) \
	  $(GO) test -tags numbers -count=1 -timeout 240m -v -run '^TestCompare$$' ./interop

# Where the detector's own runtime has given up (a failed CHECK in it, or a fault below racecall; no race and no failed test), its packages have no verdict and run again.
race: ## run the tests under the race detector (needs a C compiler)
	@log=$$(mktemp); trap 'rm -f "$$log"' EXIT; \
	run() { CGO_ENABLED=1 $(GO) test -race -short -timeout 25m "$$@" >"$$log" 2>&1; status=$$?; cat "$$log"; return $$status; }; \
	run $$($(GO) list ./... | grep -v '/interop$$') && exit 0; \
	grep -qE 'ThreadSanitizer: CHECK failed|^ +\^ <racecall\+' "$$log" || exit 1; \
	grep -qE 'DATA RACE|--- FAIL|^panic:' "$$log" && exit 1; \
	echo 'the race detector itself failed; its packages run again'; \
	run $$(awk '$$1 == "FAIL" && NF > 1 {print $$2}' "$$log")

CRASHTIME ?= 1m
SEED ?= 1
crash: ## crash stores in the crashable file system for CRASHTIME, from SEED on; a failure prints its seed
	AEROBEE_CRASH_SEED=$(SEED) AEROBEE_CRASH_TIME=$(CRASHTIME) $(GO) test -count=1 -timeout 0 -v -run '^TestCrashAtRandom$$' ./store

SCHEDULES ?= 100000
pop: ## play SCHEDULES of pops, crashes and clients against the pop machine, from SEED on; a failure prints its seed
	AEROBEE_POP_SEED=$(SEED) AEROBEE_POP_SCHEDULES=$(SCHEDULES) $(GO) test -count=1 -timeout 0 -v -run '^TestSimulate$$' ./projection/pop

ROUNDS ?= 50
TARGET ?= aerobee
torture: ## kill -9 the server ROUNDS times under load and judge the history; TARGET=aerobee, apache or both, SEED=n
	AEROBEE_INTEROP_TORTURE_ROUNDS=$(ROUNDS) AEROBEE_INTEROP_TORTURE_SEED=$(if $(filter file,$(origin SEED)),,$(SEED)) AEROBEE_INTEROP_TARGET=$(TARGET) AEROBEE_INTEROP_REQUIRED=1 \
	  $(GO) test -count=1 -timeout 60m -v -run '^TestTorture(Machines|Kinds)?$$' ./interop

MINUTES ?= 30
torture-faults: ## have the server bear kills, stops, failing writes and syncs, full disks, clock jumps and cut clients for MINUTES, and judge the history; SEED=n
	AEROBEE_INTEROP_TORTURE_MINUTES=$(MINUTES) AEROBEE_INTEROP_TORTURE_SEED=$(if $(filter file,$(origin SEED)),,$(SEED)) AEROBEE_INTEROP_REQUIRED=1 \
	  $(GO) test -count=1 -timeout $$(($(MINUTES) + 20))m -v -run '^TestTortureFaults$$' ./interop

FUZZTIME ?= 10s
FUZZERS ?= 2
# Two targets at a time with a worker each: a target's compiling and first inputs keep one processor busy. The fuzzer sometimes
# reports the end of its own time as a failure, without an input: then nothing was found.
DRAWS ?= 5000

properties: ## draw DRAWS new cases for every rule that is checked by drawn cases
	AEROBEE_PROPERTY_DRAWS=$(DRAWS) $(GO) test -count=1 -timeout 60m -run "$$(git grep -h -B9 'property.Check(t' -- '*_test.go' | sed -n 's/^func \(Test[A-Za-z0-9_]*\).*/^\1$$/p' | paste -sd '|')" \
	  $$(git grep -l 'property.Check(t' -- '*_test.go' | xargs -n 1 dirname | sort -u | sed 's|^|./|')

fuzz: ## run every fuzz target for FUZZTIME each, FUZZERS at a time
	@git grep -o '^func Fuzz[A-Za-z0-9_]*' -- '*_test.go' | sed 's|/[^/]*:func | |' | xargs -P $(FUZZERS) -n 2 sh -c '\
	  out=$$($(GO) test -run "^$$" -fuzz "^$$2\$$" -parallel 1 -fuzztime $(FUZZTIME) -fuzzminimizetime 20x "./$$1" 2>&1) && { echo "fuzz $$1 $$2"; echo "$$out" | tail -n 2; exit 0; }; \
	  echo "fuzz $$1 $$2"; echo "$$out"; \
	  echo "$$out" | grep -q "^ *context deadline exceeded$$" && ! echo "$$out" | grep -qE "Failing input|panic:|_test.go:" || exit 1; \
	  echo "the time ran out between two inputs: no failure"' fuzz

# G115 (integer conversions) is off: codecs move signed fields to bytes and back by design, and check lengths by fuzzing.
lint: ## gofmt, vet, staticcheck, gosec
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo 'gofmt -w the files above'; exit 1; }
	$(GO) vet ./...
	$(TOOL) staticcheck ./...
	$(TOOL) gosec -quiet -exclude-generated -exclude=G115 -exclude-dir=interop -exclude-dir=internal/tools -exclude-dir=deploy/check ./...
	cd deploy/check && $(GO) vet ./...

vuln: ## look for known vulnerabilities in what the code calls (asks vuln.go.dev)
	$(TOOL) govulncheck ./...

generate: ## make the Go code of the .proto files, docs/configuration.md, and deploy/kubernetes from the chart
	cd internal/tools && $(GO) run ./protogen ../../proxy/pb apache/rocketmq/v2
	gofmt -w proxy/pb
	$(GO) test -count=1 ./config -run '^TestReferenceIsUpToDate$$' -update
	cd deploy/check && $(GO) test -count=1 . -run '^TestManifestsAreUpToDate$$' -update

image: ## write the container image for amd64 and arm64, bin/aerobee-image.tar
	@set -e; for arch in amd64 arm64; do \
	  GOOS=linux GOARCH=$$arch CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/aerobee-linux-$$arch ./cmd/aerobee; done
	$(GO) run ./internal/ociimage/mkimage -o bin/aerobee-image.tar -version '$(VERSION)' amd64=bin/aerobee-linux-amd64 arm64=bin/aerobee-linux-arm64

cross: ## check that the binary builds for every platform
	@set -e; for os in linux darwin windows; do for arch in amd64 arm64; do \
	  echo "build $$os/$$arch"; GOOS=$$os GOARCH=$$arch $(GO) build -o /dev/null ./cmd/aerobee; done; done

size: build ## print the binary's size, its start time and its idle memory
	$(GO) test -count=1 -v -run '^TestSize$$' ./cmd/aerobee

.PHONY: help build generate image test unit deploy-check interop test-long bench-client bench-compare bench-timers bench-lights bench-operate race crash pop torture-faults fuzz properties lint vuln cross size
