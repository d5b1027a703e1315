#!/usr/bin/env bash
# Tokens of a certified OpenID provider at the edge: algorithms, scopes, audiences, key rotation, opaque tokens by
# introspection, and the provider gone.
source "$(dirname "$0")/../lib.sh"

readonly HOST=api.interop.test
secret=$(openssl rand -hex 16)
# What the gateway asks with; no document has it.
export SELVEDGE_SECRET_OIDC=$secret
ports OIDC STRANGER EDGE ORIGIN

# provider_start NAME PORT
provider_start() {
  start "$1" env NODE_NO_WARNINGS=1 node "$WORK/provider/provider.mjs" "$2" "$secret"
  wait_port "$1" "$2"
}

# token AUDIENCE SCOPE [PORT]: an access token for the resource `https://api.interop.test/AUDIENCE`.
token() {
  curl -sS --max-time 10 --fail-with-body -u "interop:$secret" "http://127.0.0.1:${3:-$OIDC}/token" -d grant_type=client_credentials \
    --data-urlencode "resource=https://$HOST/$1" --data-urlencode "scope=$2" | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])'
}

# status METHOD [TOKEN] [PATH]: of a request for /orders, or for PATH.
status() {
  local credential=()
  [ -z "${2:-}" ] || credential=(-H "Authorization: Bearer $2")
  curl -s --max-time 10 -o /dev/null -w '%{http_code}' -X "$1" -H "Host: $HOST" "${credential[@]}" "http://127.0.0.1:$EDGE${3:-/orders}"
}

status_is() { [ "$(status "$1" "$2")" = "$3" ]; }
# header_of TOKEN NAME
header_of() { python3 -c 'import base64, json, sys; h = sys.argv[1].split(".")[0]; print(json.loads(base64.urlsafe_b64decode(h + "=="))[sys.argv[2]])' "$1" "$2"; }
# forged none|HS256 TOKEN
forged() { node "$HERE/forge.mjs" "$1" "$2" "http://127.0.0.1:$OIDC/jwks"; }

mkdir "$WORK/provider" && cp "$HERE/provider.mjs" "$WORK/provider/" && ln -s "$CACHE/oidc/node_modules" "$WORK/provider/node_modules"
provider_start provider "$OIDC"
provider_start stranger "$STRANGER"
start origin python3 "$LIB/20-curl/echo.py" "$ORIGIN"
wait_port origin "$ORIGIN"
fill "$HERE/mesh.yaml" "$WORK/mesh/mesh.yaml" OIDC EDGE ORIGIN
control_start
gateway_start edge
wait_port gateway-edge "$EDGE"

es256=$(token es256 orders:read)
rs256=$(token rs256 orders:read)
write=$(token es256 orders:write)
elsewhere=$(token elsewhere orders:read)
stranger=$(token es256 orders:read "$STRANGER")
unsigned=$(forged none "$es256")
confused=$(forged HS256 "$es256")
is "the provider signs with ES256" ES256 "$(header_of "$es256" alg)"
is "the provider signs with RS256" RS256 "$(header_of "$rs256" alg)"
wait_until 10 status_is GET "$es256" 200 || true
is "an ES256 token is accepted" 200 "$(status GET "$es256")"
is "an RS256 token is accepted" 200 "$(status GET "$rs256")"
is "no token is 401" 401 "$(status GET)"
has "a 401 says what to show" "www-authenticate: bearer" "$(curl -si --max-time 10 -H "Host: $HOST" "http://127.0.0.1:$EDGE/orders")"
is "another scope is 403" 403 "$(status POST "$es256")"
is "a path that is not exposed is 404, with a good token too" 404 "$(status GET "$es256" /nowhere)"
is "the scope of the other rule is accepted" 200 "$(status POST "$write")"
is "another audience is 401" 401 "$(status GET "$elsewhere")"
is "a token whose signature is cut is 401" 401 "$(status GET "${es256%????}")"
is "the signature of another token is 401" 401 "$(status GET "${es256%.*}.${rs256##*.}")"
is "an unsigned token is 401" 401 "$(status GET "$unsigned")"
is "a token that is signed with the public key as a secret is 401" 401 "$(status GET "$confused")"
is "another provider signs too" ES256 "$(header_of "$stranger" alg)"
is "a token of another provider is 401" 401 "$(status GET "$stranger")"
is "after all these, a good token is accepted" 200 "$(status GET "$es256")"

live=$(token live orders:read)
brief=$(token brief orders:read)
beyond=$(token beyond orders:read)
unfit=$(token live orders:write)
ledger() { status GET "$1" /ledger; }
ledger_is() { [ "$(ledger "$1")" = "$2" ]; }
revoke() { curl -sS --max-time 10 --fail-with-body -u "interop:$secret" "http://127.0.0.1:$OIDC/token/revocation" --data-urlencode "token=$1"; }
fails "a token is opaque" grep -q '\.' <<<"$live"
is "an opaque token is accepted" 200 "$(ledger "$live")"
is "a brief one is accepted" 200 "$(ledger "$brief")"
is "an opaque token without the scope is 403" 403 "$(ledger "$unfit")"
is "an opaque token for another audience is 401" 401 "$(ledger "$beyond")"
is "an opaque token that nobody issued is 401" 401 "$(ledger "${live}x")"
is "a JWT of the same provider is for its own rules, and 401 here" 401 "$(ledger "$es256")"
is "an opaque token is 401 where keys verify" 401 "$(status GET "$live" /orders)"
revoke "$live"
wait_until 5 ledger_is "$live" 401 || true
is "a token that was revoked is 401, once the answer is 2 seconds old" 401 "$(ledger "$live")"
wait_until 6 ledger_is "$brief" 401 || true
is "a token whose 3 seconds are over is 401" 401 "$(ledger "$brief")"

stop provider
provider_start provider "$OIDC"
rotated=$(token es256 orders:read)
fails "the provider has another key now" [ "$(header_of "$es256" kid)" = "$(header_of "$rotated" kid)" ]
# A fetch for an unknown key is made at most every 30 seconds.
wait_until 45 status_is GET "$rotated" 200 || true
is "a token of the new key is accepted" 200 "$(status GET "$rotated")"
is "a token of the key that is gone is 401" 401 "$(status GET "$es256")"

fresh=$(token rs256 orders:read)
seen=$(token live orders:read)
unseen=$(token live orders:read)
is "the provider is back, and asked again" 200 "$(ledger "$seen")"
stop provider
is "with the provider gone, an opaque token that was asked about just now is accepted" 200 "$(ledger "$seen")"
is "with the provider gone, one that was not is 503: not let in, and not called bad" 503 "$(ledger "$unseen")"
wait_until 5 ledger_is "$seen" 503 || true
is "with the provider gone, an answer does not outlive its 2 seconds" 503 "$(ledger "$seen")"
is "with the provider gone, a token that was seen is accepted" 200 "$(status GET "$rotated")"
is "with the provider gone, a token that was never seen is accepted" 200 "$(status GET "$fresh")"
is "with the provider gone, a forged token is 401" 401 "$(status GET "${fresh%????}")"
finish
