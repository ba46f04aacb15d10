# shellcheck shell=sh
# shellcheck disable=SC2034 # what is set here is used by those who source it
# What the scripts of this folder share. Sourced, not run. POSIX sh.

say() { printf '%s\n' "$*" >&2; }
die() { say "keyfob install: error: $1"; [ $# -lt 2 ] || say "keyfob install: hint: $2"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# The folder of the checkout, whatever the current one is.
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)

# rustup finds its toolchains below HOME; with another HOME they are where cargo itself is. What is found counts for $root, for any
# folder may ask rustup for a toolchain of its own.
find_toolchain() {
  # Whatever cargo's settings say, it is known afterwards where the program is.
  case ${CARGO_TARGET_DIR:=${CARGO_BUILD_TARGET_DIR:-$root/target}} in /*) ;; *) CARGO_TARGET_DIR=$PWD/$CARGO_TARGET_DIR ;; esac
  export CARGO_TARGET_DIR
  unset CARGO_BUILD_TARGET || :
  if ! have cargo; then
    for folder in "${CARGO_HOME:-}/bin" "${HOME:-}/.cargo/bin" /usr/local/cargo/bin; do
      if [ -x "$folder/cargo" ]; then PATH=$folder:$PATH; export PATH; break; fi
    done
  fi
  have cargo || die "cargo is missing" "install Rust from https://rustup.rs, or your system's packages"
  toolchain_works 2>/dev/null && return
  bin=$(dirname -- "$(command -v cargo)")
  beside=$(dirname -- "$(dirname -- "$bin")")/.rustup
  if [ -z "${RUSTUP_HOME:-}" ] && [ -d "$beside" ]; then
    RUSTUP_HOME=$beside CARGO_HOME=${CARGO_HOME:-$(dirname -- "$bin")}
    export RUSTUP_HOME CARGO_HOME
  fi
  toolchain_works 2>/dev/null || die "cargo or rustc does not work here: $(toolchain_works 2>&1 | head -n 1)" \
    "rustup default stable; with another HOME than usual, set RUSTUP_HOME and CARGO_HOME"
}

rust() { (cd "$root" && "${RUSTC:-rustc}" "$@"); }
toolchain_works() { (cd "$root" && cargo --version >/dev/null) && rust --version >/dev/null; }

# Names everything that is missing at once.
check_needs() {
  missing=
  find_toolchain
  have git || missing="$missing git"
  # By this name rustc looks for it, too.
  have cc || missing="$missing a-C-compiler(cc)"
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

# Whether programs can be built for a target; rustup is asked to fetch what is missing, if the toolchain is one of its own.
has_target() {
  sysroot=$(rust --print sysroot)
  has_library "$1" && return
  if have rustup && own=$(cd "$root" && rustup which rustc 2>/dev/null) && [ "$("$own" --print sysroot)" = "$sysroot" ]; then
    say "keyfob install: fetching Rust's library for $1 (KEYFOB_INSTALL_LIBC=gnu does without)"
    # In the foreground, so that Ctrl-C reaches it, too.
    limit='timeout --foreground 180'
    $limit true 2>/dev/null || limit=
    (cd "$root" && $limit rustup target add "$1" >&2) || :
    has_library "$1" && return
  fi
  say "keyfob install: note: Rust's library for $1 is not there; building with the system's C library"
  return 1
}

# A folder that is there may be empty: an installation that broke off.
has_library() {
  for file in "$sysroot/lib/rustlib/$1/lib"/libstd-*.rlib; do [ ! -e "$file" ] || return 0; done
  return 1
}

# Sets $target, and $flags for it as cargo's --config takes them; empty where the program is built as any other.
#   KEYFOB_INSTALL_LIBC=gnu    without musl
choose_target() {
  host=$(rust -vV | sed -n 's/^host: //p')
  target='' flags=''
  case ${KEYFOB_INSTALL_LIBC:-musl} in gnu | musl) ;; *) die "KEYFOB_INSTALL_LIBC is neither gnu nor musl: $KEYFOB_INSTALL_LIBC" ;; esac
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
  # The getrandom crate looks glibc's function up by its name, which a static program has no table for, and would open /dev/random
  # instead: where there is no /dev, nothing could be stored. This is that function itself (Linux 3.17).
  case $target in *-gnu) flags="$flags, \"--cfg\", 'getrandom_backend=\"linux_getrandom\"'" ;; esac
  for option in ${link_options:-}; do flags="$flags, \"-C\", \"link-arg=$option\""; done
}

# for_target COMMAND...: cargo, for $target with $flags.
# All flags are added to those of .cargo/config.toml; RUSTFLAGS, if somebody sets it, takes the place of all.
for_target() {
  [ -z "$target" ] || set -- "$@" --target "$target" --config "build.rustflags=[$flags]"
  (
    cd "$root" || exit
    # The system's C compiler does for the C in our libraries, unless another was named for this target: they ask nothing of the C
    # library but its headers.
    case $target in *-musl)
      name=$(printf %s "$target" | tr - _)
      eval "own_cc=\${CC_$name:-cc} own_flags=\${CFLAGS_$name:-\${CFLAGS:-}}"
      # shellcheck disable=SC2154 # eval sets them
      export "CC_$name=$own_cc" "CFLAGS_$name=${own_flags:+$own_flags }-U_FORTIFY_SOURCE" ;;
    esac
    "$@" >&2
  )
}

# Builds the release programs and sets $binary, the one for people; the one for tools lies beside it.
# Static on Linux: that start-up is the fastest, and nothing has to be there at run time. With
# musl where Rust's library for it can be had, since the GNU C library asks the processor some forty questions before a program
# begins, which in a virtual machine takes as long as a third of the shortest call; else with the GNU one (docs/design.md section 10).
# +crt-static needs an explicit target, else proc-macros fail. Not position-independent: else the program relocates itself first.
# What the linker does besides is in build.rs.
#   $link_options: more for the linker.
build_release() {
  choose_target
  if ! for_target cargo build --release --locked --bins; then
    case $target in *-musl) ;; *) die "the build failed" ;; esac
    say "keyfob install: note: the build with musl failed; once more with the system's C library"
    KEYFOB_INSTALL_LIBC=gnu
    choose_target
    for_target cargo build --release --locked --bins || die "the build failed"
  fi
  binary=$CARGO_TARGET_DIR/${target:+$target/}release/keyfob
}
