#!/usr/bin/env bash
# Prepares `./x bench edge`: our side alone. Safe to run again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${SELVEDGE_BENCH_CACHE:?is set by bench/run.sh}
[ -x "$cache/venv/bin/python" ] || python3 -m venv "$cache/venv"
cd "$here/../.."
cargo build -q --release -p selvedge-bench --bin bench-edge
