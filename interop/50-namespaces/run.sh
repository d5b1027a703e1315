#!/usr/bin/env bash
# Control, a gateway and two nodes as four hosts of their own in network namespaces, with every link between them captured:
# no marked byte crosses in clear, and 100,000 requests do not notice that control is killed and started again.
source "$(dirname "$0")/../lib.sh"

readonly REQUESTS=100000 CLIENTS=50 RATE=80 LOAD_SECONDS_MAX=90 MESH_PORT=7443
readonly HOSTS=(control gateway node1 node2)
readonly -A ADDRESS=([control]=10.77.0.1 [gateway]=10.77.0.2 [node1]=10.77.0.3 [node2]=10.77.0.4)
GATEWAY_ADDRESS=${ADDRESS[gateway]} EXTRA_PATH=/before
HOST=api.interop.test LINK=7400 CONTROL_ADMIN=7401 WEB=8090
USER_NAME=$(id -un)

[ "$(id -u)" = 0 ] || skip "needs root, for network namespaces and captures"
space() { echo "selvedge-$$-$1"; }
ip netns add "$(space switch)" 2>/dev/null || skip "needs permission to make network namespaces"

on_cleanup() {
  local name
  for name in switch "${HOSTS[@]}"; do ip netns del "$(space "$name")" 2>/dev/null || true; done
}
# on NAME COMMAND...: on that host.
on() { ip netns exec "$(space "$1")" "${@:2}"; }
# inside NAME: what `start` puts before a command to run it on that host.
inside() { INSIDE=(ip netns exec "$(space "$1")"); }

# --- four hosts on one bridge, every link captured -----------------------------------------------------------------------

on switch ip link add bridge type bridge
on switch ip link set bridge up
for name in "${HOSTS[@]}"; do
  ip netns add "$(space "$name")"
  on switch ip link add "$name" type veth peer name eth0 netns "$(space "$name")"
  on switch ip link set "$name" master bridge up
  on "$name" ip address add "${ADDRESS[$name]}/24" dev eth0
  on "$name" ip link set eth0 up
  on "$name" ip link set lo up
  start "capture-$name" ip netns exec "$(space switch)" tcpdump -i "$name" -s 0 -B 32768 -Z root -w "$WORK/$name.pcap"
  wait_until 10 grep -q "listening on" "$WORK/capture-$name.log" || die "no capture of the link of $name"
done

inside node2
start echo "${INSIDE[@]}" python3 "$LIB/20-curl/echo.py" 8080
start clear "${INSIDE[@]}" python3 "$LIB/20-curl/echo.py" 8081 "${ADDRESS[node2]}"
# What the load is for: it keeps pace.
fill "$LIB/40-h2load/nginx.conf" "$WORK/nginx.conf" WORK WEB USER_NAME
start nginx "${INSIDE[@]}" nginx -c "$WORK/nginx.conf"
start ledger "${INSIDE[@]}" python3 "$HERE/ledger.py" 9090

# --- the mesh --------------------------------------------------------------------------------------------------------------

clear_mark=$(openssl rand -hex 16) MARK=$(openssl rand -hex 16)
# The mark is in the documents too, so that it crosses the links of control.
change() { EXTRA_PATH=$1; fill "$HERE/mesh.yaml" "$WORK/mesh/mesh.yaml" GATEWAY_ADDRESS EXTRA_PATH MARK; }
# edge [CURL ARGUMENTS...] PATH: from another host to the gateway, as a client would.
edge() { on node1 curl -s --cacert "$WORK/gateway-edge/ca.pem" --max-time 10 --resolve "$HOST:8443:$GATEWAY_ADDRESS" "${@:1:$#-1}" "https://$HOST:8443${*: -1}"; }
status_is() { [ "$(edge -o /dev/null -w '%{http_code}' "$1")" = "$2" ]; }

change /before
inside control && control_start "${ADDRESS[control]}"
inside node2 && node_start n2 "${ADDRESS[node2]}:$MESH_PORT" echo ledger steady
inside node1 && node_start n1 "${ADDRESS[node1]}:$MESH_PORT" caller
inside gateway && gateway_start edge
wait_until 30 status_is /marked 200 && wait_until 5 status_is /steady 200 || die "the service is not reached through the gateway"

# --- nothing in clear --------------------------------------------------------------------------------------------------------

for _ in {1..2000}; do echo "$MARK"; done >"$WORK/marked"
wait_until 10 on node1 curl -sf -o /dev/null "http://${ADDRESS[node2]}:8081/?$clear_mark" || die "the hosts do not reach each other"

marked=(-H "X-Marked: $MARK" --data-binary "@$WORK/marked")
same() { cmp -s "$WORK/marked" -; }
holds "marked, from outside through gateway and node" same < <(edge "${marked[@]}" "/marked?$MARK")
holds "marked, from node to node over HTTP" same < <(on node1 curl -s --max-time 10 -H 'Host: echo' "${marked[@]}" "http://127.0.0.1:15001/marked?$MARK")
is "marked, from node to node over TCP" "$MARK" "$(on node1 timeout 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/15432; echo $MARK >&3; head -n 1 <&3")"

# --- refusals between hosts ----------------------------------------------------------------------------------------------------

inside node1
no_plaintext "plaintext to the mesh port of a node is refused" "$MESH_PORT" "${ADDRESS[node2]}"
has "a mesh port lets nobody in without a certificate" "certificate required" \
  "$(handshake "$MESH_PORT" "${ADDRESS[node2]}" -servername http.echo.interop.test -alpn http/1.1 -ign_eof)"
is "a path that is not exposed is 404" 404 "$(edge -o /dev/null -w '%{http_code}' /after)"
is "what is exposed outside alone is 403 inside" 403 \
  "$(on node1 curl -s --max-time 10 -o /dev/null -w '%{http_code}' -H 'Host: echo' http://127.0.0.1:15001/before)"

# --- control killed and started again under load -----------------------------------------------------------------------------

inside node1
start load "${INSIDE[@]}" h2load -n "$REQUESTS" -c "$CLIENTS" -t 1 --rps "$RATE" -H "x-marked: $MARK" \
  --connect-to "$GATEWAY_ADDRESS:8443" "https://$HOST:8443/steady?$MARK"
sleep 4
holds "control is reached" listening "$LINK" "${ADDRESS[control]}"
stop control KILL
fails "control was killed" listening "$LINK" "${ADDRESS[control]}"
sleep 6
holds "the load goes on without control" alive load
inside control && control_start "${ADDRESS[control]}"
change /after
wait_until 30 status_is /after 200 || true
holds "a change after the restart is enforced" status_is /after 200
holds "the load still goes on" alive load
holds "the load ended by itself" ended load "$LOAD_SECONDS_MAX"
all_succeeded "while control was away" "$REQUESTS" "$WORK/load.log"

# --- a role that starts while control is away ----------------------------------------------------------------------------------

stop control KILL
stop gateway-edge
fails "the gateway was stopped" status_is /after 200
inside gateway && gateway_start edge
wait_until 10 status_is /after 200 || true
holds "a gateway that starts without control serves what it had last" status_is /after 200
stop node-n2
inside node2 && node_start n2 "${ADDRESS[node2]}:$MESH_PORT" echo ledger steady
wait_until 10 status_is /after 200 || true
holds "and so does a node" status_is /after 200

# --- what the links saw ------------------------------------------------------------------------------------------------------

sleep 1
for name in "${HOSTS[@]}"; do
  stop "capture-$name" INT
  log=$(cat "$WORK/capture-$name.log")
  has "link of $name: no packet was missed" "0 packets dropped by kernel" "$log"
  at_least "link of $name: packets" 20 "$(sed -n 's/ packets captured//p' <<<"$log")"
  is "link of $name: marked bytes in clear" 0 "$(grep -acF "$MARK" "$WORK/$name.pcap" || true)"
done
for name in node1 node2; do
  at_least "link of $name: what was sent in clear on purpose is seen" 1 "$(grep -acF "$clear_mark" "$WORK/$name.pcap" || true)"
done
finish
