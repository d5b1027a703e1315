#!/usr/bin/env bash
# Prepares `./x bench policy`: our side, which has Cedar's authorizer in it, and OPA. Safe to run again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${SELVEDGE_BENCH_CACHE:?is set by bench/run.sh}

missing=()
for pair in taskset:util-linux python3:python3; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" != 0 ]; then
    echo "bench: missing packages: run \`sudo apt-get install ${missing[*]}\`" >&2
    exit 2
  fi
  echo "bench: installing ${missing[*]}" >&2
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
[ -x "$cache/venv/bin/python" ] || python3 -m venv "$cache/venv"

# With the program, so that both stand on the same builds of what they share.
cargo build -q --release --manifest-path "$root/Cargo.toml" -p selvedge -p selvedge-bench

# OPA is a Go module; Debian's Go is too old for it. Without Go, OPA is a dash in the table.
if command -v go >/dev/null; then
  (cd "$here/opa" && go build -o "$cache/bench-opa" .)
else
  echo "bench: no Go: OPA is left out. Install Go 1.26 or newer (https://go.dev/dl) to have it" >&2
fi
