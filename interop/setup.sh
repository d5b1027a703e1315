#!/usr/bin/env bash
# Installs the foreign programs of `./x interop`: from Debian's archive where root, and into a cache from npm and PyPI.
# Safe to run again. What is missing and may not be installed is said, with the command to run.
set -euo pipefail
cache=${SELVEDGE_INTEROP_CACHE:?is set by interop/run.sh}
# 8.x is the last line that runs on the Node.js of Debian 12.
readonly OIDC_PROVIDER=oidc-provider@8.8.1
readonly GRPCIO='grpcio>=1.60,<2'

missing=()
for pair in curl:curl h2load:nghttp2-client nginx:nginx tcpdump:tcpdump ip:iproute2 node:nodejs npm:npm openssl:openssl python3:python3; do
  PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" != 0 ]; then
    echo "interop: missing packages: run \`sudo apt-get install ${missing[*]}\`" >&2
    exit 2
  fi
  echo "interop: installing ${missing[*]}" >&2
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  # Debian starts what it installs; the tests run an nginx of their own.
  if [[ " ${missing[*]} " = *" nginx "* ]]; then systemctl disable --now nginx >/dev/null 2>&1 || true; fi
fi
if ! node -e 'process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)'; then
  echo "interop: Node.js $(node --version) is too old for $OIDC_PROVIDER: install 18 or later" >&2
  exit 2
fi

mkdir -p "$cache/oidc"
# Imported, and not looked for: an installation that was cut short is done again.
has_provider() (
  cd "$cache/oidc"
  [ "oidc-provider@$(node -p 'require("./node_modules/oidc-provider/package.json").version')" = "$OIDC_PROVIDER" ] &&
    NODE_NO_WARNINGS=1 node --input-type=module -e 'import "oidc-provider"'
) 2>/dev/null
if ! has_provider; then
  echo "interop: installing $OIDC_PROVIDER into $cache/oidc" >&2
  (cd "$cache/oidc" && npm install --loglevel=error --no-progress --no-audit --no-fund --no-save "$OIDC_PROVIDER" >/dev/null)
fi
if ! "$cache/venv/bin/python" -c 'import grpc' 2>/dev/null; then
  echo "interop: installing $GRPCIO into $cache/venv" >&2
  python3 -m venv --clear "$cache/venv"
  "$cache/venv/bin/pip" install -q "$GRPCIO"
fi
