#!/usr/bin/env bash
# Builds SPIRE's server from its Go module. Safe to run again.
set -euo pipefail
place=${1:?where to} version=v1.13.3
[ ! -x "$place/bin/spire-server" ] || exit 0
mkdir -p "$place/src"
cd "$place/src"
[ -f go.mod ] || go mod init interop.test/spire
# As a tool of a module: the proxy lists no versions of it, so that `go install` with one is refused.
GOFLAGS=-mod=mod go get -tool "github.com/spiffe/spire/cmd/spire-server@$version"
GOBIN=$place/bin go install -ldflags '-s -w' github.com/spiffe/spire/cmd/spire-server
