# Everything is built and tested from here; what is missing on a machine is said, or installed by .ci/parts.
GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
COMMIT  ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
DATE    ?= $(shell git log -1 --format=%cs 2>/dev/null)
EPOCH   ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT) -X main.date=$(DATE)
DEMO    ?= $(CURDIR)/bin/demo
FUZZTIME ?= 10s
SOAK     ?= 10

.PHONY: build demo check test races test-all lint race e2e bench cover fuzz soak clean

# where make install puts things; DESTDIR is before all of them
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
DATADIR ?= $(PREFIX)/share
TARGETS ?= linux/amd64,linux/arm64,linux/arm,linux/ppc64le,linux/s390x,darwin/amd64,darwin/arm64,windows/amd64,freebsd/amd64

.PHONY: install uninstall dist packages images

build: ## bin/regsweep, static and stripped
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/regsweep ./cmd/regsweep

install: build ## the binary, the manual pages and the completions, below DESTDIR and PREFIX
	install -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(DATADIR)/man/man1' '$(DESTDIR)$(DATADIR)/bash-completion/completions' \
		'$(DESTDIR)$(DATADIR)/zsh/site-functions' '$(DESTDIR)$(DATADIR)/fish/vendor_completions.d'
	install -m 755 bin/regsweep '$(DESTDIR)$(BINDIR)/regsweep'
	bin/regsweep man '$(DESTDIR)$(DATADIR)/man/man1'
	bin/regsweep completion bash >'$(DESTDIR)$(DATADIR)/bash-completion/completions/regsweep'
	bin/regsweep completion zsh >'$(DESTDIR)$(DATADIR)/zsh/site-functions/_regsweep'
	bin/regsweep completion fish >'$(DESTDIR)$(DATADIR)/fish/vendor_completions.d/regsweep.fish'

uninstall: ## what install put there
	rm -f '$(DESTDIR)$(BINDIR)/regsweep' '$(DESTDIR)$(DATADIR)'/man/man1/regsweep.1 '$(DESTDIR)$(DATADIR)'/man/man1/regsweep-*.1 \
		'$(DESTDIR)$(DATADIR)/bash-completion/completions/regsweep' '$(DESTDIR)$(DATADIR)/zsh/site-functions/_regsweep' \
		'$(DESTDIR)$(DATADIR)/fish/vendor_completions.d/regsweep.fish'

# .ci/parts installs it; without it Go runs it, after a minute the first time
BILL ?= $(shell command -v cyclonedx-gomod || echo $(GO) run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0)

dist: ## archives for all platforms, with checksums and bills of materials, in dist/; two of them are equal
	$(GO) run ./deploy/dist -version '$(VERSION)' -commit '$(COMMIT)' -time '$(EPOCH)' -targets '$(TARGETS)' -o dist -bill '$(BILL)'

# .ci/parts installs it; without it Go runs it, after some minutes the first time
NFPM ?= $(shell command -v nfpm || echo $(GO) run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.0)
PACKAGED ?= linux/amd64,linux/arm64
PACKAGES ?= dist/packages

IMAGES ?= dist/images

images: ## one container image for each of PACKAGED, as an OCI layout in IMAGES; two of them are equal
	$(GO) run ./deploy/dist -version '$(VERSION)' -commit '$(COMMIT)' -time '$(EPOCH)' -targets '$(PACKAGED)' -o '$(IMAGES)' -images

packages: ## a deb and an rpm for each of PACKAGED, with checksums, in PACKAGES; two of them are equal
	$(GO) run ./deploy/dist -version '$(VERSION)' -commit '$(COMMIT)' -time '$(EPOCH)' -targets '$(PACKAGED)' -o '$(PACKAGES)' -nfpm '$(NFPM)'

demo: build ## the main job on a sample store: dry run, sweep, and a second run that finds nothing
	@rm -rf $(DEMO)
	@$(GO) run ./layout/layouttest/makestore $(DEMO) < testdata/sample.store
	@echo '$$ regsweep gc -m --dry-run --root DEMO'; bin/regsweep gc -m --dry-run --root $(DEMO); case $$? in 0|3) ;; *) exit 1;; esac
	@echo; echo '$$ regsweep gc -m --yes --root DEMO'; bin/regsweep gc -m --yes --root $(DEMO); case $$? in 0|3) ;; *) exit 1;; esac
	@echo; echo '$$ regsweep gc -m --yes --root DEMO   (again: nothing is left to remove)'; bin/regsweep gc -m --yes --root $(DEMO)

# Every EVERY-th step of long tables is taken, from an offset that changes with the commit. From 5 on there are fewer
# random stores and kills, too.
EVERY  ?= 32
OFFSET := $(shell git rev-list --count HEAD 2>/dev/null || echo 0)
SINCE  ?= HEAD

# with the stores of tests in memory
TEST := .ci/in-memory $(GO) test

# So many parallel tests run at a time, whatever the number of processors: most of
# them wait for other processes, for clocks and for mounts.
ATONCE ?= 6

# Results are not cached: to know whether one still holds, go test would look at every file that a test has touched, which
# takes longer than the tests.
check: ## the inner loop: vet, lint of what changed since SINCE, short tests
	$(GO) vet ./...
	@if command -v golangci-lint >/dev/null; then golangci-lint run --new-from-rev '$(SINCE)' ./...; else echo 'not linted: golangci-lint is missing, which .ci/run installs'; fi
	$(TEST) -count=1 -short -vet=off -parallel $(ATONCE) -timeout 10m $(TESTFLAGS) ./...

test: ## all tests of the module; of long tables of steps a part
	$(GO) vet ./...
	REGSWEEP_STEPS=$(EVERY) REGSWEEP_STEP_OFFSET=$(OFFSET) $(TEST) -count=1 -parallel $(ATONCE) -timeout 40m $(TESTFLAGS) ./...

races: ## what a registry, or a stop, may do between any two calls of a sweep: all steps, and that each push is accepted somewhere
	REGSWEEP_STEPS=1 $(TEST) -count=1 -timeout 40m -run '^Test(Race|RaceAway|StopAway.*)$$' $(TESTFLAGS) ./sweep

# Of long tables test-all takes every STEPS-th step.
STEPS ?= 1

test-all: ## all tests, with all steps
	$(GO) vet ./...
	REGSWEEP_STEPS=$(STEPS) REGSWEEP_STEP_OFFSET=$(OFFSET) $(TEST) -count=1 -parallel $(ATONCE) -timeout 40m $(TESTFLAGS) ./...

# Of the program's tests, those in which goroutines or signals meet, or whole runs: the rest asks for words.
MEETING := ^Test(Progress|Hangup|GC|Swept|CheckFinds|LsTotals|Model|Shards|ChecksThat|Undelete|RepairTakes|TagIs|Prune|Apply|PageNames)
PROGRAM := ./cmd/regsweep

# Few of the random stores, and none of the tests that take long and have no races in them.
SHORT := REGSWEEP_STEPS=16 $(TEST) -count=1 -short -timeout 40m $(TESTFLAGS)

race: ## the same under the race detector, and through the portable file access
	$(SHORT) -race $$($(GO) list ./... | grep -v '/cmd/regsweep$$')
	$(SHORT) -race -run '$(MEETING)' $(PROGRAM)
	$(SHORT) -tags portable ./walker/... ./mark/... ./sweep/...
	$(SHORT) -tags portable -run '$(MEETING)' $(PROGRAM)

PLATFORMS := linux/arm64 linux/arm linux/ppc64le linux/s390x darwin/arm64 freebsd/amd64 windows/amd64

lint: ## formatting, program and tests compile on every platform, golangci-lint
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	@for t in $(PLATFORMS); do GOOS=$${t%/*} GOARCH=$${t#*/} CGO_ENABLED=0 $(GO) build -trimpath -o /dev/null ./cmd/regsweep || exit 1; done
	cd e2e && $(GO) run ./internal/platforms -dir .. $(PLATFORMS) # the tests, too
	golangci-lint run ./...
	cd e2e && golangci-lint run ./...
	cd bench && golangci-lint run ./...

e2e: build ## real registries and clients; .ci/parts installs them; one package at a time, since each waits for daemons of its own
	cd e2e && REGSWEEP=$(CURDIR)/bin/regsweep $(GO) test -count=1 -p 1 -parallel 4 -timeout 25m $(TESTFLAGS) ./...

.PHONY: e2e-containers
e2e-containers: build ## those of them in containers, with a Docker daemon of their own; as root
	cd e2e && REGSWEEP=$(CURDIR)/bin/regsweep $(GO) test -count=1 -timeout 10m $(TESTFLAGS) ./containers

.PHONY: e2e-mounts
e2e-mounts: build ## those of them on network filesystems, slow ones too; as root, after .ci/parts TOOLS mounts; with MOUNTED=DIR, or DIR:DIR for two mounts of one filesystem, on that one only
	cd e2e && REGSWEEP=$(CURDIR)/bin/regsweep REGSWEEP_E2E_MOUNTS=all REGSWEEP_E2E_MOUNTED='$(MOUNTED)' $(GO) test -count=1 -timeout 15m $(TESTFLAGS) -run TestOnMounts .

bench: build ## ratios to the least work, to find and to the registry's own collector
	cd bench && $(GO) run . -regsweep ../bin/regsweep $(BENCHFLAGS)

cover: ## coverage of the module
	$(GO) test -coverpkg=./layout,./walker/...,./mark/...,./sweep/...,./cmd/... -coverprofile=bin/cover.out ./... && $(GO) tool cover -func=bin/cover.out | tail -1

fuzz: ## each fuzz test for FUZZTIME, or so many times with an x
	@for p in $$($(GO) list ./...); do for f in $$($(GO) test -list '^Fuzz' $$p | grep ^Fuzz); do \
		echo "$$p $$f"; $(TEST) -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; done; done

soak: ## the tests on random stores, SOAK times with other stores, in both builds
	@for i in $$(seq $(SOAK)); do for tags in '' portable; do \
		REGSWEEP_SOAK=1 $(GO) test -count=1 -tags "$$tags" -run '^TestModel(Away|Prune)?$$' ./sweep || exit 1; done; done

clean:
	rm -rf bin dist
