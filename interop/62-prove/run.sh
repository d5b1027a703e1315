#!/usr/bin/env bash
# `selvedge prove` with the real solver: a change that widens nothing is proved, one that widens access is shown by an example.
# Not run by default, since the feature is a second build of the program: SELVEDGE_PROVE=1 runs it.
source "$(dirname "$0")/../lib.sh"

[ "${SELVEDGE_PROVE:-}" = 1 ] || skip "builds the program again, with its feature \`prove\`: set SELVEDGE_PROVE=1"
command -v cargo >/dev/null || skip "needs cargo, to build the feature \`prove\`"
if ! command -v cvc5 >/dev/null; then
  [ "$(id -u)" = 0 ] || skip "needs cvc5: run \`sudo apt-get install cvc5\`"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends cvc5; } >"$WORK/apt.log" 2>&1 ||
    skip "cvc5 cannot be installed: $(tail -n 1 "$WORK/apt.log")"
fi
TARGET=$CACHE/prove
# Cached. The first time it takes longer than a test may, and goes on where it was the next time.
built=0
timeout 200 cargo build -q --locked --manifest-path "$LIB/../Cargo.toml" -p selvedge --features prove --target-dir "$TARGET" 2>"$WORK/build.log" || built=$?
[ "$built" != 124 ] || skip "the feature \`prove\` is not built yet: run this again, it goes on where it was"
[ "$built" = 0 ] || die "the feature does not build: $(tail -n 1 "$WORK/build.log")"
PROVE=$TARGET/debug/selvedge

# In what replaces a text, bash takes `&` for that text.
repository() { WHEN=${2//&/\\&} && fill "$HERE/mesh.yaml" "$WORK/$1/mesh.yaml" WHEN; }
# prove AFTER BEFORE: sets SAID and STATUS.
prove() { STATUS=0 && SAID=$("$PROVE" prove "$WORK/$1" --against "$WORK/$2" 2>&1) || STATUS=$?; }

repository wide "'context has client && context.client.isInRange(ip(\"10.0.0.0/8\")) && context.time.hour >= 6'"
repository narrow "'context has client && context.client.isInRange(ip(\"10.1.0.0/16\")) && context.time.hour >= 7'"
prove narrow wide
is "what is narrower is proved" 0 "$STATUS"
has "and said" "proved: whatever is allowed was allowed before" "$SAID"
prove wide narrow
is "what is wider is refuted" 1 "$STATUS"
has "by an example" "GET /orders/" "$SAID"
has "that can be explained" "selvedge explain --from gateway:edge@api.interop.test --to web:http" "$SAID"

printf '%s\n' '@id("night") forbid(principal, action, resource) when { context.time.hour < 7 };' >"$WORK/wide/night.cedar"
prove narrow wide
is "with a guardrail that both rules keep it is proved" 0 "$STATUS"
rm "$WORK/wide/night.cedar"
cp -r "$WORK/wide" "$WORK/guarded"
printf '%s\n' '@id("night") forbid(principal, action, resource) when { context.time.hour < 8 };' >"$WORK/guarded/night.cedar"
prove wide guarded
is "without a guardrail access widens" 1 "$STATUS"
PATH=/nowhere "$PROVE" prove "$WORK/wide" --against "$WORK/narrow" >"$WORK/without.log" 2>&1 || STATUS=$?
is "without the solver nothing is proved" 2 "$STATUS"
finish
