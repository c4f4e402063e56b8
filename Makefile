# SPDX-License-Identifier: Apache-2.0

# Kernels that everything is tested on, and the one that the demo uses.
KERNELS ?= 6.1 6.12
KERNEL  ?= 6.12

# Debian packages that the targets below need; a path that each one owns shows
# whether it is there without asking the package manager.
PACKAGES := \
	/usr/bin/qemu-system-x86_64:qemu-system-x86 \
	/bin/busybox:busybox-static \
	/usr/bin/clang-19:clang-19 \
	/usr/bin/llvm-strip-19:llvm-19 \
	/usr/include/bpf/bpf_helpers.h:libbpf-dev \
	/usr/include/linux/bpf.h:linux-libc-dev \
	/usr/bin/gcc:gcc \
	/usr/bin/node:nodejs \
	/usr/bin/npm:npm \
	/usr/bin/git:git \
	/bin/bash:bash

# Ordinary programs of the host that the guests' agents run, for the programs
# that they are and not for busybox's imitation of them.
GUEST_PROGRAMS := /bin/bash /bin/sh /bin/cat /bin/ls /bin/touch /bin/mkdir /bin/mv /bin/ln /bin/rm /bin/chmod /usr/bin/truncate /usr/bin/env /usr/bin/git /usr/bin/perl /usr/bin/node

# Where npm and what it is made of lie, whichever package it came from. It is asked when it is needed, after setup.
NPM_MODULES = $(patsubst %/npm/bin/npm-cli.js,%,$(shell readlink -f /usr/bin/npm))

# What a guest holds beside the program it runs: caisson as it is installed.
VM_FLAGS = \
	-file $(CURDIR)/bin/caisson=/usr/bin/caisson \
	-file $(CURDIR)/bin/caissond=/usr/sbin/caissond \
	-dir $(CURDIR)/testdata/policies=/etc/caisson/policies \
	$(addprefix -prog ,$(GUEST_PROGRAMS)) \
	-dir $(NPM_MODULES)=$(NPM_MODULES)

# The compiler of the programs in bpf/ is pinned: its output is committed, and
# check-generate compares byte for byte.
export BPF2GO_CC    := clang-19
export BPF2GO_STRIP := llvm-strip-19

GO     ?= go
VMRUN  := $(CURDIR)/bin/vmrun

# A recipe ends at its first command that fails, also where it has several.
.SHELLFLAGS := -ec

# The race detector makes tests many times slower, so it only sees what starts
# goroutines, and not the tests that cut a log at every byte. It needs cgo; the
# programs themselves are built without. It also makes every process wait for a
# second at its end, of which tests that start hundreds want less.
RACE_PACKAGES := ./audit ./daemon/... ./cmd/...
RACE_SKIP     := ^TestTornTail

# A build says which commit it is, whatever GOFLAGS says, where git can tell.
BUILDVCS := $(if $(shell git rev-parse HEAD 2>/dev/null),auto,false)

# VM tests are the packages of the daemon that have a test with the tag vm.
VM_PACKAGES = $(addprefix ./,$(sort $(patsubst %/,%,$(dir $(shell grep -rl --include='*_test.go' '^//go:build vm' daemon 2>/dev/null)))))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup build generate check check-format check-generate guard test test-unit fuzz test-vm bench bench-check project test-kernel demo kernels clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | sort | awk -F '\t' '{ printf "%-16s %s\n", $$1, $$2 }'

setup: ## Install the Debian packages that are missing (needs root if any is)
	@missing=''; \
	for row in $(PACKAGES); do [ -e "$${row%%:*}" ] || missing="$$missing $${row##*:}"; done; \
	[ -z "$$missing" ] && exit 0; \
	echo "setup: installing$$missing"; \
	if [ "$$(id -u)" != 0 ]; then echo "setup: not root (run: apt-get install$$missing)" >&2; exit 1; fi; \
	apt-get -qq update && \
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $$missing >/dev/null

build: ## Build the static binaries into bin/
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -buildvcs=$(BUILDVCS) -trimpath -o bin/ ./cmd/...

generate: ## Compile the programs in bpf/ and write their Go twins
	$(GO) generate ./bpf/...

check: check-format check-generate guard ## Format, vet, staticcheck, generated files, house rules
	$(GO) vet ./...
	$(GO) vet -tags vm ./...
	$(GO) tool staticcheck -tags vm ./...

check-format:
	@bad=$$(gofmt -l .); \
	if [ -n "$$bad" ]; then echo "gofmt these files:" >&2; echo "$$bad" >&2; exit 1; fi

# The files are compared with what they were before, not with the last commit,
# so that this says the same in a tree that is being worked on.
check-generate: ## Fail if the generated files are not those of the sources
	@before=$$(sha256sum bpf/*_bpfel.*); \
	$(MAKE) --no-print-directory -s generate; \
	[ "$$before" = "$$(sha256sum bpf/*_bpfel.*)" ] || { echo "generated files were not up to date (they are now: commit them)" >&2; git diff --stat -- bpf >&2; exit 1; }
	@if [ $(BUILDVCS) = false ]; then echo "no git repository: whether every generated file is committed was not checked" >&2; exit; fi; \
	new=$$(git ls-files --others --exclude-standard -- 'bpf/*_bpfel.*'); \
	if [ -n "$$new" ]; then echo "generated but not committed:" $$new >&2; exit 1; fi

guard:
	$(GO) test -count=1 ./cmd/guard

test: setup check build test-unit fuzz test-vm ## Everything that CI runs

test-unit: ## Tests that need neither root nor a virtual machine
	$(GO) test ./...
	GORACE=atexit_sleep_ms=20 $(GO) test -race -skip '$(RACE_SKIP)' $(RACE_PACKAGES)

# How long fuzzing looks for a policy and a subject on which image and
# specification differ. What it found before is in testdata and runs as a test.
FUZZTIME ?= 60s

fuzz: ## Compare compiler and specification on input that a fuzzer chooses (FUZZTIME=60s)
	$(GO) test -run '^$$' -fuzz=FuzzEquality -fuzztime=$(FUZZTIME) ./policy

kernels: build ## Bring the newest Debian kernels into the cache
	@$(VMRUN) -fetch $(KERNELS)

# A guest takes one processor, so the kernels are tested side by side. What each
# prints goes to bin/vm-KERNEL.log, and from there to the output in one piece.
test-vm: build kernels ## Tests on real kernels, in virtual machines
	@for k in $(KERNELS); do \
		{ if $(MAKE) --no-print-directory test-kernel KERNEL=$$k >bin/vm-$$k.log 2>&1; then echo ok; else echo failed; fi >bin/vm-$$k.status; } & \
	done; wait; \
	failed=0; for k in $(KERNELS); do \
		echo "== kernel $$k"; cat bin/vm-$$k.log; \
		[ "$$(cat bin/vm-$$k.status)" = ok ] || failed=1; \
	done; exit $$failed

# Everything that one kernel is asked to do: tests, demonstration, costs.
test-kernel:
	CAISSON_KERNEL=$(KERNEL) $(GO) test -tags vm -count=1 -p 1 -run '^TestVM' ./cmd/vmrun ./cmd/caissond
	CGO_ENABLED=0 $(GO) test -tags vm -count=1 -p 1 -timeout 40m \
		-exec '$(VMRUN) -kernel $(KERNEL) -timeout 30m $(VM_FLAGS)' $(VM_PACKAGES)
	$(VMRUN) -kernel $(KERNEL) -timeout 10m $(VM_FLAGS) bin/demo
	$(BENCH) -kernel $(KERNEL) bin/bench -quick >bin/check-$(KERNEL).json
	bin/bench -check bin/check-$(KERNEL).json

# What the guest of a benchmark holds. -icount makes its clock count instructions.
BENCH = $(VMRUN) -icount -timeout 30m \
	-file $(CURDIR)/bin/caisson=/usr/bin/caisson \
	-file $(CURDIR)/bin/caissond=/usr/sbin/caissond \
	-prog /bin/true

# A compiler and what it needs for a program that uses the C library.
GCC_DIR   = $(dir $(shell gcc -print-libgcc-file-name))
LIBC_DIR  = $(dir $(realpath $(shell gcc -print-file-name=libc.so)))
C_HEADERS = alloca.h endian.h errno.h features.h features-time64.h stdc-predef.h stdio.h stdlib.h string.h strings.h unistd.h
WORK = $(VMRUN) -icount -mem 3G -timeout 60m $(VM_FLAGS) \
	$(addprefix -prog ,/usr/bin/gcc /usr/bin/as /usr/bin/ld /usr/bin/git-upload-pack $(GCC_DIR)cc1 $(GCC_DIR)collect2) \
	$(foreach f,liblto_plugin.so libgcc.a libgcc_s.so crtbeginS.o crtendS.o,-file $(GCC_DIR)$(f)=$(GCC_DIR)$(f)) \
	$(foreach f,libc.so libc_nonshared.a Scrt1.o crti.o crtn.o,-file $(LIBC_DIR)$(f)=$(LIBC_DIR)$(f)) \
	$(foreach f,$(C_HEADERS),-file /usr/include/$(f)=/usr/include/$(f)) \
	$(foreach d,/usr/share/git-core $(GCC_DIR)include /usr/include/x86_64-linux-gnu /usr/include/asm-generic /usr/include/linux,-dir $(d)=$(d)) \
	$(addprefix -dir ,$(addsuffix =/bench/work/project.git,$(shell ls -d $(PROJECT) 2>/dev/null)))

# This repository as somebody has it who cloned it: one pack. Without its
# history, in an archive or a shallow clone, it is not there, and bench says so.
PROJECT = $(CURDIR)/bin/project.git

project:
	@rm -rf $(PROJECT); \
	if [ "$$(git rev-parse --is-shallow-repository 2>/dev/null)" = false ]; then git clone -q --bare --no-local --single-branch . $(PROJECT); \
	else echo "the history of this repository is not there: its clone is not measured" >&2; fi

bench: build kernels project ## Measure what caisson costs and write docs/performance.md
	@set -e; for k in $(KERNELS); do \
		$(BENCH) -kernel $$k bin/bench >bin/bench-$$k.json; \
		$(WORK) -kernel $$k bin/bench -work >bin/work-$$k.json; \
	done
	@bin/bench -render $(KERNELS:%=bin/bench-%.json) $(KERNELS:%=bin/work-%.json) >docs/performance.md

bench-check: build kernels ## Fail if caisson costs more than it may
	@set -e; for k in $(KERNELS); do $(BENCH) -kernel $$k bin/bench -quick >bin/check-$$k.json; done
	@bin/bench -check $(KERNELS:%=bin/check-%.json)

demo: ## Show what caisson does (KERNEL=6.1 for another kernel, HOST=1 for this machine)
	@$(MAKE) --no-print-directory -s setup build
ifdef HOST
	@if [ -t 1 ] && [ -z "$$NO_COLOR" ]; then color=-color; fi; \
	bin/demo -host -bin bin -policies testdata/policies $$color
else
	@if [ -t 1 ] && [ -z "$$NO_COLOR" ]; then color=-color; fi; \
	$(VMRUN) -kernel $(KERNEL) -timeout 10m $(VM_FLAGS) bin/demo $$color
endif

clean: ## Remove what was built (the kernel cache stays)
	rm -rf bin
