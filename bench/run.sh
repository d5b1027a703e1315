#!/usr/bin/env bash
# `./x bench NAME [--output json] [...]`: runs one bench. Without a name it lists them.
# Exit: 0 every goal met, 1 some goal not met, 2 could not measure.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export SELVEDGE_BENCH_CACHE=${SELVEDGE_BENCH_CACHE:-$HOME/.cache/selvedge/bench}

benches() { for dir in "$here"/*/; do basename "$dir"; done; }

name=${1:-}
if [ -z "$name" ] || [ ! -f "$here/$name/run.py" ]; then
  [ -z "$name" ] || echo "bench: no bench \`$name\`" >&2
  echo "usage: ./x bench NAME [--output json]; NAME is one of: $(benches | xargs)" >&2
  exit 2
fi
shift
umask 077
mkdir -p "$SELVEDGE_BENCH_CACHE/work"
# One run at a time: ports and cores are shared.
exec 9>"$SELVEDGE_BENCH_CACHE/lock"
flock -n 9 || { echo "bench: another run holds $SELVEDGE_BENCH_CACHE/lock: wait for it to end" >&2; exit 2; }
"$here/$name/setup.sh"
# What benches share lies here; what is their own, beside their run.py.
PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 exec "$SELVEDGE_BENCH_CACHE/venv/bin/python" "$here/$name/run.py" "$@" 9>&-
