#!/usr/bin/env bash
# nginx and a gRPC service as upstreams, through the gateway and through the mesh.
source "$(dirname "$0")/../lib.sh"

readonly WEB_HOST=web.interop.test GRPC_HOST=grpc.interop.test
ports EDGE WEB GRPC MESH OUTBOUND
USER_NAME=$(id -un)
certificate interop.test DNS:$WEB_HOST,DNS:$GRPC_HOST
mkdir "$WORK/web"
head -c $((1024 * 1024)) /dev/urandom >"$WORK/web/file.bin"
seq 1 100000 >"$WORK/web/lines.txt"

fill "$HERE/nginx.conf" "$WORK/nginx.conf" WORK WEB USER_NAME
start nginx nginx -c "$WORK/nginx.conf"
start greeter "$PYTHON" "$HERE/greeter.py" serve "$GRPC"
wait_port nginx "$WEB"
wait_port greeter "$GRPC"
fill "$HERE/mesh.yaml" "$WORK/mesh/mesh.yaml" EDGE WEB GRPC OUTBOUND UID WORK
control_start
node_start n1 "127.0.0.1:$MESH" web greeter caller
gateway_start edge
wait_port node-n1 "$MESH"
wait_port gateway-edge "$EDGE"

# web [CURL ARGUMENTS...] PATH
web() { curl -sS --max-time 30 --cacert "$WORK/interop.test.pem" --resolve "$WEB_HOST:$EDGE:127.0.0.1" "${@:1:$#-1}" "https://$WEB_HOST:$EDGE${*: -1}"; }
serves() { [ "$(web -o /dev/null -w '%{http_code}' /lines.txt)" = 200 ]; }
digest() { sha256sum | cut -d' ' -f1; }
outside() { "$PYTHON" "$HERE/greeter.py" call "$1" "127.0.0.1:$EDGE" "$GRPC_HOST" "$WORK/interop.test.pem"; }
inside() { "$PYTHON" "$HERE/greeter.py" call "$1" "127.0.0.1:$OUTBOUND" greeter; }

wait_until 15 serves || true
for flag in --http1.1 --http2; do
  is "nginx, $flag: a file" "$(digest <"$WORK/web/file.bin")" "$(web $flag /file.bin | digest)"
  is "nginx, $flag: a compressed answer of unknown length" "$(digest <"$WORK/web/lines.txt")" "$(web $flag --compressed /lines.txt | digest)"
  has "nginx, $flag: that answer was compressed" "content-encoding: gzip" "$(web $flag -H 'Accept-Encoding: gzip' -D - -o /dev/null /lines.txt)"
  is "nginx, $flag: a range" "206 100" "$(web $flag -r 0-99 -o /dev/null -w '%{http_code} %{size_download}' /file.bin)"
  etag=$(web $flag -D - -o /dev/null /file.bin | tr -d '\r' | sed -n 's/^[Ee][Tt]ag: //p')
  is "nginx, $flag: not modified" "304 0" "$(web $flag -H "If-None-Match: $etag" -o /dev/null -w '%{http_code} %{size_download}' /file.bin)"
  is "nginx, $flag: its own 404 comes through" 404 "$(web $flag -o /dev/null -w '%{http_code}' /missing)"
done

is "gRPC server alone" "hello OK" "$("$PYTHON" "$HERE/greeter.py" call Unary "127.0.0.1:$GRPC" any | xargs)"
for side in outside inside; do
  is "gRPC, $side: unary" "hello OK" "$($side Unary | xargs)"
  is "gRPC, $side: a stream of 20" "hello 19 21 OK" "$($side Stream | sed -n '$=; 20,21p' | xargs)"
  is "gRPC, $side: both ways, in turns" "message 19 21 OK" "$($side Chat | sed -n '$=; 20,21p' | xargs)"
done
is "gRPC, outside: the service's own status comes through" FAILED_PRECONDITION "$(outside Abort)"
# What a gRPC client makes of our refusals: 404 outside, 403 inside (gRPC over HTTP/2, "HTTP to gRPC status code mapping").
is "gRPC, outside: what is not exposed" UNIMPLEMENTED "$(outside Hidden)"
is "gRPC, inside: what no rule allows" PERMISSION_DENIED "$(inside Abort)"
finish
