# What every interop test sources: ports, processes, the roles of a mesh, and checks.
#
# A test is a script that sources this, starts what it needs, checks, and ends with `finish`. Everything that it started ends
# with it. On failure its working directory, with all logs and records, is kept and named.
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C.UTF-8
umask 077

LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
HERE=$(cd "$(dirname "$0")" && pwd)
SELVEDGE=${SELVEDGE:-$LIB/../target/release/selvedge}
CACHE=${SELVEDGE_INTEROP_CACHE:-$HOME/.cache/selvedge/interop}
PYTHON=$CACHE/venv/bin/python
WORK=$(mktemp -d "${TMPDIR:-/tmp}/selvedge-interop.XXXXXX")
FAILURES=0
# Set when the test has said how it ends.
VERDICT=
declare -A PIDS=()
# A command to run the next role inside of, such as `ip netns exec NAME`.
INSIDE=()

# --- processes ---------------------------------------------------------------------------------------------------------------

# start NAME COMMAND...: in the background and in a session of its own; its output goes to $WORK/NAME.log. It runs until `stop`
# or the end of the test.
start() {
  local name=$1
  shift
  setsid "$@" >>"$WORK/$name.log" 2>&1 </dev/null &
  PIDS[$name]=$!
}

alive() { kill -0 "${PIDS[$1]}" 2>/dev/null; }

# stop NAME [SIGNAL]: with its children; KILL after 5 seconds. Bash tells of a killed process on the error stream: not here.
stop() {
  local pid=${PIDS[$1]:-} signal=${2:-TERM}
  [ -n "$pid" ] || return 0
  # By its own id where it has no session yet, just after its start.
  kill "-$signal" -- "-$pid" || kill "-$signal" "$pid" || true
  wait_until 5 gone "$pid" || kill -KILL -- "-$pid" || true
  wait "$pid" || true
  unset "PIDS[$1]"
} 2>/dev/null

gone() { ! kill -0 -- "-$1" "$1" 2>/dev/null; }

# ended NAME SECONDS: waits for a process that ends by itself; whether it did, and well.
ended() {
  local pid=${PIDS[$1]}
  wait_until "$2" gone "$pid" || return 1
  unset "PIDS[$1]"
  wait "$pid"
}

# cleanup COMMAND: the one that ended the test.
cleanup() {
  local status=$? name
  trap - EXIT INT TERM
  [ "$status" = 0 ] || [ -n "$VERDICT" ] || echo "  FAIL the test ended at \`$1\`"
  # All at once, and then each until it is gone.
  for name in "${!PIDS[@]}"; do kill -TERM -- "-${PIDS[$name]}" 2>/dev/null || true; done
  for name in "${!PIDS[@]}"; do stop "$name"; done
  if declare -F on_cleanup >/dev/null; then on_cleanup; fi
  if [ "$status" = 0 ] || [ "$status" = 77 ]; then
    rm -rf "$WORK"
  else
    echo "  logs and records are kept in $WORK"
    for name in "$WORK"/*.log; do [ ! -s "$name" ] || { echo "  -- $(basename "$name")"; tail -n 8 "$name" | sed 's/^/  | /'; }; done
  fi
  exit "$status"
}
trap 'cleanup "$BASH_COMMAND"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- waiting -----------------------------------------------------------------------------------------------------------------

# wait_until SECONDS COMMAND...: until it succeeds.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.1
  done
}

# listening PORT [ADDRESS]: whether something accepts there, seen from where the next role would run.
listening() { "${INSIDE[@]}" bash -c "exec 3<>/dev/tcp/${2:-127.0.0.1}/$1" 2>/dev/null; }

# wait_port NAME PORT [ADDRESS]: until the process NAME listens there, or the test is over.
wait_port() {
  local deadline=$((SECONDS + 20))
  until listening "$2" "${3:-127.0.0.1}"; do
    alive "$1" || die "$1 ended before it listened on port $2"
    [ "$SECONDS" -lt "$deadline" ] || die "$1 does not listen on port $2 after 20 seconds"
    sleep 0.1
  done
}

# ports NAME...: sets each variable to a free port, below those that the kernel gives to outgoing connections: none of these
# can take it in the meantime.
ports() {
  local name i=0 free
  read -ra free < <(python3 - $# <<'PYTHON'
import random, socket, sys

def is_free(port):
    try:
        socket.create_server(("127.0.0.1", port)).close()
        return True
    except OSError:
        return False

tried = iter(random.sample(range(20000, 32000), 2000))
print(*[next(filter(is_free, tried)) for _ in range(int(sys.argv[1]))])
PYTHON
  )
  for name in "$@"; do printf -v "$name" %s "${free[$((i++))]}"; done
}

# fill FROM TO NAME...: a template with each @NAME@ replaced by the variable.
fill() {
  local text name from=$1 to=$2
  shift 2
  text=$(<"$from")
  for name in "$@"; do text=${text//@$name@/${!name}}; done
  ! [[ $text =~ @[A-Z_]+@ ]] || die "$from: nothing given for ${BASH_REMATCH[0]}"
  mkdir -p "$(dirname "$to")"
  # A new file in its place at once, as an editor saves it: nobody reads half of it.
  printf '%s\n' "$text" >"$to.new" && mv "$to.new" "$to"
}

# --- the mesh ----------------------------------------------------------------------------------------------------------------

# control_start [ADDRESS]: control over $WORK/mesh. A second call after `stop control` restarts it with its state.
control_start() {
  [ -n "${LINK:-}" ] || ports LINK CONTROL_ADMIN
  local address=${1:-127.0.0.1}
  start control "${INSIDE[@]}" "$SELVEDGE" control "$WORK/mesh" --state "$WORK/control" \
    --listen "$address:$LINK" --admin "127.0.0.1:$CONTROL_ADMIN"
  wait_port control "$LINK" "$address"
}

join_token() { "$SELVEDGE" identity join-token --state "$WORK/control" "$@" || die "no join token for: $*"; }

# joining DIRECTORY ARGUMENTS...: sets JOIN to what a role is to join with; nothing where it has joined, so that it is on its own.
joining() {
  JOIN=()
  if [ ! -d "$1" ]; then JOIN=(--join "$(join_token "${@:2}")"); fi
}

# gateway_start NAME: a second call after `stop gateway-NAME` restarts it with its state, as in node_start.
gateway_start() {
  local admin state=$WORK/gateway-$1
  ports admin
  joining "$state" --gateway "$1"
  start "gateway-$1" "${INSIDE[@]}" "$SELVEDGE" gateway "$1" "${JOIN[@]}" --state "$state" --admin "127.0.0.1:$admin"
}

# node_start NAME ADDRESS:PORT SERVICE...
node_start() {
  local name=$1 address=$2 admin services=() service state=$WORK/node-$1
  shift 2
  for service in "$@"; do services+=(--service "$service"); done
  ports admin
  joining "$state" --node "$name" "${services[@]}"
  start "node-$name" "${INSIDE[@]}" "$SELVEDGE" node "$name" "${JOIN[@]}" \
    --mesh-listen "$address" --advertise "$address" --state "$state" --admin "127.0.0.1:$admin"
}

# explain ID [HOPS]: what the records of every role of this test say of a decision, once so many of them are on disk.
explain() {
  local states=() dir
  for dir in "$WORK"/gateway-* "$WORK"/node-*; do [ ! -d "$dir" ] || states+=(--state "$dir"); done
  wait_until 5 explained "$1" "${2:-1}" "${states[@]}" || true
  "$SELVEDGE" explain "$1" "${states[@]}"
}

# explained ID HOPS [ARGUMENTS...]
explained() { grep -q "^hop $2 " <<<"$("$SELVEDGE" explain "$1" "${@:3}")"; }

# decision_id TEXT: the first decision id in it (26 characters of Crockford's base 32).
decision_id() { grep -oEm 1 '\b[0-9A-HJKMNP-TV-Z]{26}\b' <<<"$1" || true; }

# certificate NAME [ALTERNATIVES]: $WORK/NAME.pem and $WORK/NAME.key, self-signed, for one day.
certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 1 -subj "/CN=$1" -addext "subjectAltName=${2:-DNS:$1}" \
    -keyout "$WORK/$1.key" -out "$WORK/$1.pem" 2>/dev/null
}

# serial PORT NAME [ADDRESS]: the serial number of the certificate that is shown there for NAME.
serial() {
  handshake "$1" "${3:-127.0.0.1}" -servername "$2" -alpn http/1.1 | openssl x509 -noout -serial 2>/dev/null || true
}

# handshake PORT ADDRESS [OPENSSL ARGUMENTS...]: what openssl says of a TLS handshake there, however it went.
handshake() { "${INSIDE[@]}" timeout 10 openssl s_client -connect "$2:$1" "${@:3}" </dev/null 2>&1 || true; }

# no_plaintext WHAT PORT [ADDRESS]: a mesh port answers plain HTTP with the end of the connection, and with nothing of HTTP.
no_plaintext() {
  local answer status=0
  answer=$("${INSIDE[@]}" curl -s -i --http0.9 --max-time 5 "http://${3:-127.0.0.1}:$2/" | tr -d '\0') || status=$?
  # 52 and 56: the other side closed the connection. 0: it sent its TLS alert before.
  if [[ " 0 52 56 " = *" $status "* ]] && ! grep -qaF HTTP/ <<<"$answer"; then
    ok "$1"
  else
    wrong "$1: curl ended with $status, and got: $(head -c 200 <<<"$answer")"
  fi
}

# all_succeeded WHAT COUNT FILE: what h2load printed there has COUNT answers of 2xx and nothing else.
all_succeeded() {
  has "$1: every request succeeded" "$2 succeeded, 0 failed, 0 errored, 0 timeout" "$(tail -n 12 "$3")"
  has "$1: every answer is 2xx" "status codes: $2 2xx, 0 3xx, 0 4xx, 0 5xx" "$(tail -n 12 "$3")"
}

# --- checks ------------------------------------------------------------------------------------------------------------------

ok() { echo "  ok   $1"; }
wrong() { echo "  FAIL $1"; FAILURES=$((FAILURES + 1)); }
# is WHAT EXPECTED GOT
is() { if [ "$2" = "$3" ]; then ok "$1"; else wrong "$1: expected \`$2\`, got \`$3\`"; fi; }
# at_least WHAT LEAST GOT
at_least() { if [ "${3:-0}" -ge "$2" ]; then ok "$1 ($3)"; else wrong "$1: expected $2 or more, got \`$3\`"; fi; }
# has WHAT NEEDLE TEXT
has() { if grep -qiF -- "$2" <<<"$3"; then ok "$1"; else wrong "$1: no \`$2\` in: $(head -c 400 <<<"$3")"; fi; }
# holds WHAT COMMAND...
holds() { local what=$1; shift; if "$@" >/dev/null 2>&1; then ok "$what"; else wrong "$what: \`$*\` failed"; fi; }
# fails WHAT COMMAND...
fails() { local what=$1; shift; if "$@" >/dev/null 2>&1; then wrong "$what: \`$*\` succeeded"; else ok "$what"; fi; }

die() { echo "  FAIL $1"; VERDICT=1; exit 1; }
skip() { echo "$1"; VERDICT=1; exit 77; }
finish() { VERDICT=1; [ "$FAILURES" = 0 ] || exit 1; }
