#!/usr/bin/env bash
# `./x interop [NAME...]`: our program beside foreign ones. Runs every test here, or those whose folder names begin with a NAME.
# Exit: 0 nothing failed, 1 a test failed, 2 could not run. A test that may not run here is counted as skipped, with its reason.
# The first run installs foreign programs; after that it takes three to four minutes on two cores.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
export SELVEDGE=${SELVEDGE:-$root/target/release/selvedge}
export SELVEDGE_INTEROP_CACHE=${SELVEDGE_INTEROP_CACHE:-$HOME/.cache/selvedge/interop}
# What a test exits with when it skips itself: its last line of output is the reason.
readonly SKIPPED=77
# A test that hangs is ended: it stops its processes then, for which it has a while.
readonly TEST_SECONDS_MAX=240 STOP_SECONDS_MAX=60

[ -x "$SELVEDGE" ] || { echo "interop: no program at $SELVEDGE: run \`./x build\` first" >&2; exit 2; }
"$here/setup.sh" || { echo "interop: the foreign programs are not installed" >&2; exit 2; }

wanted() {
  local name=$1 prefix
  shift
  [ $# -gt 0 ] || return 0
  for prefix in "$@"; do [[ $name != "$prefix"* ]] || return 0; done
  return 1
}

passed=0 failed=0 skipped=0
for test in "$here"/[0-9]*/run.sh; do
  name=$(basename "$(dirname "$test")")
  wanted "$name" "$@" || continue
  echo "== $name"
  began=$SECONDS status=0
  log=$(mktemp)
  timeout --foreground -k "$STOP_SECONDS_MAX" "$TEST_SECONDS_MAX" "$test" 2>&1 | tee "$log" || status=${PIPESTATUS[0]}
  took=$((SECONDS - began))
  case $status in
    0) passed=$((passed + 1)); echo "ok $name (${took} s)" ;;
    "$SKIPPED") skipped=$((skipped + 1)); echo "skipped $name: $(tail -n 1 "$log")" ;;
    124 | 137) failed=$((failed + 1)); echo "FAILED $name (ended after $TEST_SECONDS_MAX s)" ;;
    *) failed=$((failed + 1)); echo "FAILED $name (exit $status, ${took} s)" ;;
  esac
  rm -f "$log"
done
[ $((passed + failed + skipped)) -gt 0 ] || { echo "interop: no test begins with: $*" >&2; exit 2; }
summary="$passed passed, $failed failed"
[ "$skipped" = 0 ] || summary="$summary, $skipped skipped"
echo "$summary"
[ "$failed" = 0 ]
