#!/usr/bin/env bash
# The `spiffe` crate, as another program would use it, takes an X.509-SVID and a JWT-SVID from a node, has the latter validated, and follows
# a rotation.
source "$(dirname "$0")/../lib.sh"

readonly ROTATION_SECONDS_MAX=15 TARGET=$CACHE/spiffe-crate
command -v cargo >/dev/null || skip "needs cargo, to build a foreign client"
cargo build -q --locked --manifest-path "$HERE/Cargo.toml" --target-dir "$TARGET" 2>"$WORK/build.log" || skip "the crate cannot be built: $(tail -n 1 "$WORK/build.log")"
CLIENT=$(readlink -f "$TARGET/debug/interop-spiffe") SOCKET=$WORK/api/workload.sock
ports MESH ADMIN
fill "$HERE/mesh.yaml" "$WORK/mesh/mesh.yaml" CLIENT UID
control_start
start node-n1 "$SELVEDGE" node n1 --join "$(join_token --node n1 --service rusty)" --state "$WORK/node-n1" \
  --mesh-listen "127.0.0.1:$MESH" --admin "127.0.0.1:$ADMIN" --workload-api "$SOCKET"
wait_until 20 curl -sf "http://127.0.0.1:$ADMIN/healthz" || die "the node has no plan"
said=$(SPIFFE_ENDPOINT_SOCKET="unix:$SOCKET" timeout 40 "$CLIENT" "$ROTATION_SECONDS_MAX" 2>&1 || true)
has "its X.509-SVID is that of the service" "id spiffe://interop.test/rusty" "$said"
has "it has the bundles" "bundles 1" "$said"
has "its source has both" "source spiffe://interop.test/rusty true" "$said"
has "its JWT-SVID names it and the audience" 'jwt spiffe://interop.test/rusty ["echo"]' "$said"
has "it has the keys of the trust domain" "jwt bundles 1" "$said"
has "its token is validated" "jwt validated spiffe://interop.test/rusty" "$said"
has "and is refused for another audience" "jwt elsewhere refused" "$said"
has "and that is an invalid argument" "not for this audience" "$said"
has "a rotation is pushed" "rotated" "$said"
finish
