#!/usr/bin/env bash
# curl against the edge, through a gateway and a node: protocol versions, bodies both ways, and refusals that can be looked up.
source "$(dirname "$0")/../lib.sh"

readonly HOST=api.interop.test BODY_BYTES=$((8 * 1024 * 1024)) OVER_LIMIT_BYTES=$((11 * 1024 * 1024))
ports EDGE ORIGIN MESH OUTBOUND
certificate "$HOST"
head -c "$BODY_BYTES" /dev/urandom >"$WORK/body"
head -c "$OVER_LIMIT_BYTES" /dev/zero >"$WORK/over"

start echo python3 "$HERE/echo.py" "$ORIGIN"
wait_port echo "$ORIGIN"
fill "$HERE/mesh.yaml" "$WORK/mesh/mesh.yaml" EDGE ORIGIN OUTBOUND UID WORK
control_start
node_start n1 "127.0.0.1:$MESH" echo caller
gateway_start edge
wait_port node-n1 "$MESH"
wait_port gateway-edge "$EDGE"

# edge [CURL ARGUMENTS...] PATH
edge() { curl -sS --max-time 60 --cacert "$WORK/$HOST.pem" --resolve "$HOST:$EDGE:127.0.0.1" "${@:1:$#-1}" "https://$HOST:$EDGE${*: -1}"; }
# answer FORMAT [CURL ARGUMENTS...] PATH: one of curl's write-out variables.
answer() { local format=$1; shift; edge -o /dev/null -w "%{$format}" "$@"; }
digest() { sha256sum | cut -d' ' -f1; }
serves() { [ "$(answer http_code /echo)" = 200 ]; }

wait_until 15 serves || true
for version in 1.1 2; do
  flag=--http$version
  is "HTTP/$version is spoken" "$version" "$(answer http_version $flag /echo)"
  is "HTTP/$version: GET" hello "$(edge $flag /echo)"
  is "HTTP/$version: 8 MiB up and down are the same" "$(digest <"$WORK/body")" "$(edge $flag --data-binary "@$WORK/body" /echo | digest)"
  is "HTTP/$version: an upload of unknown length is the same" "$(digest <"$WORK/body")" "$(edge $flag -X PUT -T - /echo <"$WORK/body" | digest)"
  is "HTTP/$version: 8 MiB down" "$BODY_BYTES" "$(answer size_download $flag "/echo?bytes=$BODY_BYTES")"
  is "HTTP/$version: HEAD has no body" 0 "$(answer size_download $flag --head /echo)"
  has "HTTP/$version: HEAD has the length" "content-length: 6" "$(edge $flag --head /echo)"
  is "HTTP/$version: a body over the limit is 413" 413 "$(answer http_code $flag --data-binary "@$WORK/over" /echo)"
done
expect=$(edge -v --http1.1 -H 'Expect: 100-continue' --data-binary "@$WORK/body" -o "$WORK/back" /echo 2>&1)
has "100-continue is answered" "HTTP/1.1 100" "$expect"
is "the body after 100-continue is the same" "$(digest <"$WORK/body")" "$(digest <"$WORK/back")"

reused=$(edge -o /dev/null -o /dev/null -w '%{num_connects} ' "/{echo,headers}")
is "two requests share a connection" "1 0 " "$reused"

fails "TLS 1.2 is refused, where no preset is written" edge --tls-max 1.2 /echo
holds "TLS 1.3 is spoken" edge --tlsv1.3 /echo
old=$(handshake "$EDGE" 127.0.0.1 -servername "$HOST" -tls1_1 -cipher DEFAULT@SECLEVEL=0)
holds "TLS 1.1 is refused" grep -qE 'alert (protocol version|handshake failure)' <<<"$old"
has "a handshake for another host is refused" "unrecognized name" "$(handshake "$EDGE" 127.0.0.1 -servername other.test)"
has "a handshake for no host is refused" "unrecognized name" "$(handshake "$EDGE" 127.0.0.1 -noservername)"
is "a host other than the one of the handshake is 421" 421 "$(answer http_code -H 'Host: other.interop.test' /echo)"

spoofed=$(edge -H 'Txn-Token: forged' -H 'Selvedge-Outside: forged' -H 'Selvedge-Decision: 01ARZ3NDEKTSV4RRFFQ69G5FAV' -H 'X-Forwarded-For: 203.0.113.9' /headers)
has "the service says what it got" '"host"' "$spoofed"
fails "identity fields from outside are stripped" grep -qE 'forged|01ARZ3NDEKTSV4RRFFQ69G5FAV' <<<"$spoofed"
fails "a forwarded address from outside is not believed" grep -qF 203.0.113.9 <<<"$spoofed"

for flag in --http1.1 --http2; do
  refused=$(edge $flag -D "$WORK/head" /nowhere)
  has "$flag: a refusal is problem+json" "content-type: application/problem+json" "$(cat "$WORK/head")"
  is "$flag: a path that is not exposed is 404" 404 "$(answer http_code $flag /nowhere)"
  fails "$flag: a refusal says nothing about the policy" grep -qE 'anyone|Access|rule' <<<"$refused"
  id=$(decision_id "$refused")
  holds "$flag: a refusal has a decision id" [ -n "$id" ]
  has "$flag: and in a field of its own" "selvedge-decision: $id" "$(cat "$WORK/head")"
  explained=$(explain "$id")
  has "$flag: explain finds it" "hop 1  gateway edge: GET $HOST/nowhere" "$explained"
  has "$flag: explain says why" "not-exposed" "$explained"
done
is "a method that no rule has is refused" 404 "$(answer http_code -X DELETE /echo)"

explained=$(explain "$(decision_id "$(edge -D - -o /dev/null /echo)")" 2)
rule="by rule \`echo/anyone\`, mesh.yaml:$(grep -n 'name: anyone' "$WORK/mesh/mesh.yaml" | cut -d: -f1)"
has "explain shows the gateway's hop of an allowed request" "hop 1  gateway edge: GET $HOST/echo" "$explained"
has "explain shows the node's hop" "hop 2  " "$explained"
is "explain shows the rule of both hops, with file and line" 2 "$(grep -cF "$rule" <<<"$explained" || true)"
fails "explain does not find what never was" "$SELVEDGE" explain 01ARZ3NDEKTSV4RRFFQ69G5FAV --state "$WORK/gateway-edge"

inside=(curl -s -o /dev/null -w '%{http_code}' -H 'Host: echo')
is "an inside call that a rule allows" 200 "$("${inside[@]}" "http://127.0.0.1:$OUTBOUND/headers")"
is "an inside call that no rule allows is 403" 403 "$("${inside[@]}" "http://127.0.0.1:$OUTBOUND/echo")"
no_plaintext "plaintext to the mesh port is refused" "$MESH"
finish
