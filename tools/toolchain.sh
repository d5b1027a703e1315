# Sourced by ./x: finds or installs what a build needs, or says exactly what to install.

# Packages that the cryptography library's build needs: a C compiler, and nothing else.
ensure_compiler() {
  command -v cc >/dev/null && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "./x: installing a C compiler (gcc, libc6-dev, make, cmake)" >&2
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc g++ libc6-dev make cmake
    return
  fi
  echo "./x: no C compiler. Install one, then run this again: sudo apt-get install gcc g++ libc6-dev make cmake" >&2
  exit 2
}

ensure_toolchain() {
  ensure_compiler
  [ -f "$HOME/.cargo/env" ] && source "$HOME/.cargo/env"
  command -v cargo >/dev/null && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "./x: installing rustup" >&2
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends rustup ca-certificates && return
  fi
  echo "./x: no Rust toolchain. Install rustup (your distribution's package, or https://rustup.rs), then run this again." >&2
  exit 2
}

# cargo-deny, built once into a cache outside the repository.
readonly CARGO_DENY=0.20.2
ensure_deny() {
  local tools=$HOME/.cache/selvedge/tools
  export PATH=$tools/bin:$PATH
  cargo deny --version 2>/dev/null | grep -qx "cargo-deny $CARGO_DENY" && return
  echo "./x: building cargo-deny $CARGO_DENY into $tools, once (about four minutes)" >&2
  CARGO_TARGET_DIR=$tools/target cargo install --quiet --locked --root "$tools" "cargo-deny@$CARGO_DENY"
  rm -rf "$tools/target"
}
