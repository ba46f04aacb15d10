# shellcheck shell=sh
# shellcheck disable=SC2034 # what is set here is used by those who source it
# What the scripts of this folder share. Sourced, not run. POSIX sh.

say() { printf '%s\n' "$*" >&2; }
die() { say "keyfob install: error: $1"; [ $# -lt 2 ] || say "keyfob install: hint: $2"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# The folder of the checkout, whatever the current one is.
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)

# rustup finds its toolchains below HOME; with another HOME they are where cargo itself is.
find_toolchain() {
  if ! have cargo; then
    for folder in "${CARGO_HOME:-}/bin" "${HOME:-}/.cargo/bin" /usr/local/cargo/bin; do
      if [ -x "$folder/cargo" ]; then PATH=$folder:$PATH; export PATH; break; fi
    done
  fi
  have cargo || die "cargo is missing" "install Rust from https://rustup.rs, or your system's packages"
  cargo --version >/dev/null 2>&1 && return
  bin=$(dirname -- "$(command -v cargo)")
  beside=$(dirname -- "$(dirname -- "$bin")")/.rustup
  if [ -z "${RUSTUP_HOME:-}" ] && [ -d "$beside" ]; then
    RUSTUP_HOME=$beside CARGO_HOME=${CARGO_HOME:-$(dirname -- "$bin")}
    export RUSTUP_HOME CARGO_HOME
  fi
  cargo --version >/dev/null 2>&1 || die "cargo does not work here: $(cargo --version 2>&1 | head -n 1)" \
    "rustup default stable; with another HOME than usual, set RUSTUP_HOME and CARGO_HOME"
}

# Names everything that is missing at once.
check_needs() {
  missing=
  find_toolchain
  have git || missing="$missing git"
  have cc || have gcc || have clang || missing="$missing a-C-linker(gcc)"
  [ -z "$missing" ] || die "missing:$missing" "on Debian and Ubuntu: apt-get install git gcc libc6-dev"
}

# Whether the C library can be linked statically (Fedora has that in a package of its own).
can_link_statically() {
  probe=$(mktemp -d) || return 1
  printf 'int main(void) { return 0; }\n' >"$probe/a.c"
  if cc -static -o "$probe/a" "$probe/a.c" >/dev/null 2>&1; then rm -rf "$probe"; return 0; fi
  rm -rf "$probe"
  return 1
}

# Whether programs can be built for a target; rustup is asked to fetch what is missing.
has_target() {
  libraries=$(rustc --print sysroot)/lib/rustlib/$1/lib
  [ -d "$libraries" ] && return
  if have rustup; then
    say "keyfob install: fetching Rust's library for $1"
    case $(command -v timeout) in '') set -- rustup target add "$1" ;; *) set -- timeout 180 rustup target add "$1" ;; esac
    "$@" >/dev/null 2>&1 || :
  fi
  [ -d "$libraries" ]
}

# Sets $target, and $flags for it as cargo's --config takes them; empty where the program is built as any other.
#   KEYFOB_INSTALL_LIBC=gnu    without musl
choose_target() {
  host=$(rustc -vV | sed -n 's/^host: //p')
  target='' flags=''
  case $host in *-unknown-linux-gnu | *-unknown-linux-musl) ;; *) return 0 ;; esac
  if [ "${KEYFOB_INSTALL_LIBC:-}" != gnu ] && has_target "${host%-*}-musl"; then target=${host%-*}-musl
  elif can_link_statically; then target=$host
  else
    say "keyfob install: note: no C library can be linked statically here; building a dynamic program"
    return 0
  fi
  flags='"-C", "target-feature=+crt-static", "-C", "relocation-model=static"'
  # Less is copied into its callers than size alone asks for: 2 % of the size for 2 % of the instructions of a get.
  flags="$flags, \"-C\", \"llvm-args=-inline-threshold=5\""
  for option in ${link_options:-}; do flags="$flags, \"-C\", \"link-arg=$option\""; done
}

# for_target COMMAND...: cargo, for $target with $flags.
# All flags are added to those of .cargo/config.toml; RUSTFLAGS, if somebody sets it, takes the place of all.
for_target() {
  [ -z "$target" ] || set -- "$@" --target "$target" --config "build.rustflags=[$flags]"
  (
    cd "$root" || exit
    # The system's C compiler does for the C in our libraries: it asks nothing of the C library but its headers.
    case $target in *-musl)
      name=$(printf %s "$target" | tr - _)
      export "CC_$name=cc" "CFLAGS_$name=-U_FORTIFY_SOURCE" ;;
    esac
    "$@" >&2
  )
}

# Builds the release binary and sets $binary. Static on Linux: that start-up is the fastest, and nothing has to be there at run time. With
# musl where Rust's library for it can be had, since the GNU C library asks the processor some forty questions before a program
# begins, which in a virtual machine takes as long as a third of the shortest call; else with the GNU one (docs/design.md section 10).
# +crt-static needs an explicit target, else proc-macros fail. Not position-independent: else the program relocates itself first.
# What the linker does besides is in build.rs.
#   $link_options: more for the linker.
build_release() {
  choose_target
  if ! for_target cargo build --release --locked --bin keyfob; then
    case $target in *-musl) ;; *) die "the build failed" ;; esac
    say "keyfob install: note: the build with musl failed; once more with the system's C library"
    KEYFOB_INSTALL_LIBC=gnu
    choose_target
    for_target cargo build --release --locked --bin keyfob || die "the build failed"
  fi
  binary=${CARGO_TARGET_DIR:-$root/target}/${target:+$target/}release/keyfob
}
