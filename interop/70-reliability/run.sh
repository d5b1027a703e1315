#!/usr/bin/env bash
# A gateway under load: 20 hot restarts, an upstream of three that is killed, and 5,000 clients with 1,024 descriptors.
source "$(dirname "$0")/../lib.sh"

readonly HOST=api.interop.test RESTARTS=${RESTARTS:-20} CLIENTS=32
ports EDGE A B C ADMIN
STATE=$WORK/gateway-edge

# load NAME CLIENTS [FROM]: in the background, until `loaded NAME`, which sets COUNTS.
load() { start "$1" python3 "$HERE/client.py" load "$EDGE" "$HOST" "$WORK/stop-$1" "${@:2}"; }
loaded() {
  touch "$WORK/stop-$1"
  ended "$1" 30 || wrong "$1 does not end"
  COUNTS=$(tail -n 1 "$WORK/$1.log")
  echo "       $COUNTS"
}
count() { python3 -c 'import json,sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$COUNTS" "$1"; }
status() { curl -s -o /dev/null -w '%{http_code}' --max-time 5 -H "Host: $HOST" "http://127.0.0.1:$EDGE/"; }
serves() { [ "$(status)" = 200 ]; }
# gateway NAME: another process with the one state; a first one joins.
gateway() {
  joining "$STATE" --gateway edge
  start "$1" "${INSIDE[@]}" "$SELVEDGE" gateway edge "${JOIN[@]}" --state "$STATE" --admin "127.0.0.1:$ADMIN"
}

for name in A B C; do start "upstream-$name" python3 "$HERE/upstream.py" "${!name}"; done
for name in A B C; do wait_port "upstream-$name" "${!name}"; done
fill "$HERE/mesh.yaml" "$WORK/mesh/mesh.yaml" EDGE A B C
control_start
gateway gateway-0
wait_until 20 serves || die "the gateway does not serve"

# 20 hot restarts: a new process takes the sockets of the one before, which ends by itself.
load restarts "$CLIENTS"
for number in $(seq 1 "$RESTARTS"); do
  gateway "gateway-$number"
  ended "gateway-$((number - 1))" 40 || die "gateway-$((number - 1)) did not make room for its successor"
done
loaded restarts
at_least "$RESTARTS hot restarts: requests meanwhile" 1000 "$(count requests)"
is "$RESTARTS hot restarts: failed requests" 0 "$(count failed)"
last=gateway-$RESTARTS

holds "reload is heard" "$SELVEDGE" reload --state "$STATE"
holds "and the gateway serves on" serves

# kill -9 of one of three upstreams.
load killed "$CLIENTS"
sleep 2
stop upstream-B KILL
sleep 3
loaded killed
at_least "an upstream of three is killed: requests meanwhile" 1000 "$(count requests)"
is "an upstream of three is killed: failed requests" 0 "$(count failed)"

# An orderly end: with nobody to follow, the gateway is gone.
holds "drain is heard" "$SELVEDGE" drain --state "$STATE"
holds "a drained gateway ends" ended "$last" 20
fails "and listens no more" listening "$EDGE"

# 5,000 clients, and 1,024 descriptors for everything.
INSIDE=(bash -c 'ulimit -n 1024; exec "$@"' --)
gateway gateway-narrow
INSIDE=()
wait_until 20 serves || die "the gateway does not serve with 1,024 descriptors"
load decent 4 127.0.0.2
start crowd python3 "$HERE/client.py" hold "$EDGE" "$HOST" "$WORK/stop-crowd" 5000
wait_until 100 grep -q tried "$WORK/crowd.log" || wrong "the crowd does not come to an end"
COUNTS=$(tail -n 1 "$WORK/crowd.log")
echo "       $COUNTS"
at_least "5,000 clients: some are served" 200 "$(count answered)"
at_least "5,000 clients: the others are refused, and do not hang" 3000 "$(count refused)"
holds "the gateway lives" alive gateway-narrow
touch "$WORK/stop-crowd"
ended crowd 30 || wrong "the crowd stays"
wait_until 20 serves || true
is "after the crowd it serves as before" 200 "$(status)"
loaded decent
is "well-behaved clients of another address: failed requests" 0 "$(count failed)"
echo "       their p99: $(count p99_ms) ms"
finish
