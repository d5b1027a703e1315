#!/usr/bin/env bash
# fuzz/run.sh [TARGET|all] [SECONDS] [SEED]: searches with cargo-fuzz on nightly where both are there, else with the
# same targets on stable (mutations of our own inputs, no coverage). fuzz/run.sh TARGET FILE runs one kept input.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
target="${1:-all}" what="${2:-60}" seed="${3:-}"
case "$what" in
  "" | *[!0-9]*) what="$(cd "$OLDPWD" && realpath -e -- "$what")" ;; # a kept input
esac
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/../target/fuzz}"

coverage_guided() {
  cargo fuzz --version >/dev/null 2>&1 && cargo +nightly --version >/dev/null 2>&1
}

# One target through libFuzzer. Our own inputs are its first ones.
guided() {
  local name="$1" corpus="corpus/$1"
  mkdir -p "$corpus"
  echo "$name: $what s with cargo-fuzz, seed ${seed:=$(date +%s)}"
  cargo run -q --bin drive -- --inputs "$name" "$corpus"
  cargo +nightly fuzz run --fuzz-dir . --features libfuzzer "$name" "$corpus" -- \
    -max_total_time="$what" -seed="$seed" -max_len=65536 -timeout=10 -print_final_stats=1
}

if [ ! -f "$what" ] && coverage_guided; then
  names="$target"
  [ "$target" = all ] && names="$(cargo run -q --bin drive -- --list)"
  for name in $names; do guided "$name"; done
else
  cargo run -q --bin drive -- "$target" "$what" ${seed:+"$seed"}
fi
