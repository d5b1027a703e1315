#!/usr/bin/env bash
# A real SPIRE server federates with us, both ways over https_spiffe, and a workload with its SVID calls a service of the mesh.
source "$(dirname "$0")/../lib.sh"

SPIRE=${SELVEDGE_SPIRE:-$CACHE/spire}
[ -x "$SPIRE/bin/spire-server" ] || command -v go >/dev/null || skip "needs Go, to build SPIRE"
"$HERE/setup.sh" "$SPIRE" >"$WORK/setup.log" 2>&1 || skip "SPIRE cannot be built: $(tail -n 1 "$WORK/setup.log")"
ports SPIRE_API SPIRE_BUNDLE BUNDLES LINK CONTROL_ADMIN ORIGIN MESH
mkdir -p "$WORK/spire"
fill "$HERE/server.conf" "$WORK/server.conf" SPIRE_API SPIRE_BUNDLE WORK
spire() { "$SPIRE/bin/spire-server" "$@" -socketPath "$WORK/spire.sock"; }
start spire "$SPIRE/bin/spire-server" run -config "$WORK/server.conf"
wait_until 30 spire healthcheck || die "SPIRE does not start"
BUNDLE=$(spire bundle show -format spiffe | tr -d '\n')
start echo python3 "$LIB/20-curl/echo.py" "$ORIGIN"
wait_port echo "$ORIGIN"
fill "$HERE/mesh.yaml" "$WORK/mesh/mesh.yaml" SPIRE_BUNDLE BUNDLE ORIGIN UID
start control "$SELVEDGE" control "$WORK/mesh" --state "$WORK/control" --listen "127.0.0.1:$LINK" \
  --admin "127.0.0.1:$CONTROL_ADMIN" --bundle-endpoint "127.0.0.1:$BUNDLES"
wait_port control "$BUNDLES"
node_start n1 "127.0.0.1:$MESH" echo
wait_port node-n1 "$MESH"

fetched() { curl -s "http://127.0.0.1:$CONTROL_ADMIN/status" | grep -q '"fetched_s_ago": [0-9]'; }
holds "our control follows SPIRE's bundle endpoint" wait_until 15 fetched
"$SELVEDGE" identity bundle --spiffe --state "$WORK/control" >"$WORK/ours.json"
spire federation create -trustDomain interop.test -bundleEndpointURL "https://127.0.0.1:$BUNDLES/" \
  -bundleEndpointProfile https_spiffe -endpointSpiffeID spiffe://interop.test/control/main \
  -trustDomainBundlePath "$WORK/ours.json" -trustDomainBundleFormat spiffe >"$WORK/create.txt" 2>&1 || wrong "SPIRE takes no relationship: $(tail -n 2 "$WORK/create.txt")"
has "SPIRE refreshes our bundle from our endpoint" "ok" "$(spire federation refresh -id spiffe://interop.test 2>&1 >/dev/null && echo ok)"
ours=$(grep -c '"x5c"' <<<"$(tr ',' '\n' <"$WORK/ours.json")")
is "SPIRE has each of our roots" "$ours" "$(spire bundle list -id spiffe://interop.test | grep -c 'BEGIN CERTIFICATE')"

# as NAME: SPIRE issues an SVID, and curl calls with it. SPIFFE knows no host names, so curl is not to look at ours.
as() {
  mkdir -p "$WORK/$1"
  spire x509 mint -spiffeID "spiffe://spire.test/$1" -write "$WORK/$1" >/dev/null 2>&1
  curl -s -k -o /dev/null -w '%{http_code}' --max-time 10 --resolve "http.echo.interop.test:$MESH:127.0.0.1" \
    --cert "$WORK/$1/svid.pem" --key "$WORK/$1/key.pem" --http1.1 "https://http.echo.interop.test:$MESH$2" || true
}
is "a workload of SPIRE's is let in where a rule names it" 200 "$(as ns/shop/sa/billing /headers)"
is "and nowhere else" 403 "$(as ns/shop/sa/billing /echo)"
is "another workload of SPIRE's is not" 403 "$(as ns/shop/sa/other /headers)"
is "one that is called like a gateway of ours is none" 403 "$(as gateway/public /headers)"
finish
