#!/usr/bin/env bash
# 100,000 requests over HTTP/2 and as many over HTTP/1.1, while the plan changes every second and every certificate is renewed.
source "$(dirname "$0")/../lib.sh"

# Paced, so that the requests last long enough for a renewal: 50 clients at 80 requests/s each, 25 seconds.
readonly HOST=api.interop.test REQUESTS=100000 CLIENTS=50 RATE=80 LOAD_SECONDS_MAX=90
ports EDGE WEB MESH
USER_NAME=$(id -un) GENERATION=0

change() { GENERATION=$((GENERATION + 1)); fill "$HERE/mesh.yaml" "$WORK/mesh/mesh.yaml" EDGE WEB GENERATION; }
status() { curl -s --cacert "$WORK/gateway-edge/ca.pem" -o /dev/null -w '%{http_code}' --max-time 5 --resolve "$HOST:$EDGE:127.0.0.1" "https://$HOST:$EDGE$1"; }
# renewed WHAT BEFORE AFTER: two serial numbers, both of them there.
renewed() { if [ -n "$2" ] && [ -n "$3" ] && [ "$2" != "$3" ]; then ok "$1"; else wrong "$1: before \`$2\`, after \`$3\`"; fi; }
status_is() { [ "$(status "$1")" = "$2" ]; }
# reported TEXT: whether control says it, with whatever exit code.
reported() { grep -qF "$1" <<<"$("$SELVEDGE" status --state "$WORK/control" || true)"; }

fill "$HERE/nginx.conf" "$WORK/nginx.conf" WORK WEB USER_NAME
start nginx nginx -c "$WORK/nginx.conf"
wait_port nginx "$WEB"
change
control_start
node_start n1 "127.0.0.1:$MESH" web
gateway_start edge
wait_port node-n1 "$MESH"
wait_port gateway-edge "$EDGE"
wait_until 15 status_is /steady 200 || die "the service is not reached: $(status /steady)"

for protocol in h2 http/1.1; do
  only=()
  [ "$protocol" = h2 ] || only=(--h1)
  edge=$(serial "$EDGE" "$HOST") node=$(serial "$MESH" http.web.interop.test) before=$GENERATION
  start load h2load -n "$REQUESTS" -c "$CLIENTS" -t 1 --rps "$RATE" "${only[@]}" --connect-to "127.0.0.1:$EDGE" "https://$HOST:$EDGE/steady"
  began=$SECONDS
  while alive load && [ $((SECONDS - began)) -lt "$LOAD_SECONDS_MAX" ]; do
    change
    sleep 1
  done
  holds "$protocol: the load ended by itself" ended load 1
  all_succeeded "$protocol" "$REQUESTS" "$WORK/load.log"
  has "$protocol: that was spoken" "Application protocol: $protocol" "$(cat "$WORK/load.log")"
  at_least "$protocol: changes of the plan meanwhile" 15 $((GENERATION - before))
  wait_until 5 status_is "/generation-$GENERATION" 200 || true
  is "$protocol: the last change is in force" 200 "$(status "/generation-$GENERATION")"
  is "$protocol: the change before it is not" 404 "$(status "/generation-$((GENERATION - 1))")"
  renewed "$protocol: the gateway's certificate was renewed meanwhile" "$edge" "$(serial "$EDGE" "$HOST")"
  renewed "$protocol: the node's certificate was renewed meanwhile" "$node" "$(serial "$MESH" http.web.interop.test)"
  rm "$WORK/load.log"
done

printf 'apiVersion: selvedge.dev/v1\nkind: Access\nmetadata: { name: broken }\nspec: { service: nobody }\n' >"$WORK/mesh/broken.yaml"
wait_until 5 reported broken.yaml:4 || true
holds "a bad change is reported, with file and line" reported broken.yaml:4
fails "and is no success" "$SELVEDGE" status --state "$WORK/control"
is "a bad change is kept out" 200 "$(status "/generation-$GENERATION")"
rm "$WORK/mesh/broken.yaml"
change
wait_until 5 status_is "/generation-$GENERATION" 200 || true
is "the next good change is taken" 200 "$(status "/generation-$GENERATION")"
finish
