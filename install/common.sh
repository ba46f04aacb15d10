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

# Whether programs can be built for a target. rustup fetches what is missing, if the toolchain is one of its own.
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
  say "keyfob install: note: Rust's library for $1 cannot be had; building a dynamic program with the system's C library"
  return 1
}

# A folder that is there may be empty: an installation that broke off.
has_library() {
  for file in "$sysroot/lib/rustlib/$1/lib"/libstd-*.rlib; do [ ! -e "$file" ] || return 0; done
  return 1
}

# Sets $target: musl on Linux, where Rust's library for it can be had; else empty, and cargo builds for the host.
#   KEYFOB_INSTALL_LIBC=gnu    a dynamic program with the system's C library
choose_target() {
  host=$(rust -vV | sed -n 's/^host: //p')
  target=
  case ${KEYFOB_INSTALL_LIBC:-musl} in
  musl) ;;
  gnu) return 0 ;;
  *) die "KEYFOB_INSTALL_LIBC is neither gnu nor musl: $KEYFOB_INSTALL_LIBC" ;;
  esac
  case $host in *-unknown-linux-gnu | *-unknown-linux-musl) ;; *) return 0 ;; esac
  if has_target "${host%-*}-musl"; then target=${host%-*}-musl; fi
}

# map FROM TO: an option for rustc, as TOML.
map() { printf '"--remap-path-prefix=%s=%s", ' "$(printf %s "$1" | sed 's/[\\"]/\\&/g')" "$2"; }

# Names the commit and its day in UTC for --version, so that every build of a commit says the same. SOURCE_DATE_EPOCH
# (reproducible-builds.org) counts as the day. In a plain archive, also one that lies in another repository, neither is known.
name_build() {
  KEYFOB_BUILD_COMMIT='' KEYFOB_BUILD_DAY=''
  if [ "$(git -C "$root" rev-parse --show-toplevel 2>/dev/null)" = "$root" ]; then
    KEYFOB_BUILD_COMMIT=$(git -C "$root" rev-parse --short=12 HEAD 2>/dev/null) || KEYFOB_BUILD_COMMIT=''
    KEYFOB_BUILD_DAY=$(TZ=UTC0 git -C "$root" show -s --format=%cd --date=format-local:%Y-%m-%d HEAD 2>/dev/null) || KEYFOB_BUILD_DAY=''
    [ -z "$KEYFOB_BUILD_COMMIT" ] || git -C "$root" diff-index --quiet HEAD -- 2>/dev/null || KEYFOB_BUILD_COMMIT=$KEYFOB_BUILD_COMMIT+changes
  fi
  if [ -n "${SOURCE_DATE_EPOCH:-}" ]; then
    KEYFOB_BUILD_DAY=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%d 2>/dev/null || date -u -r "$SOURCE_DATE_EPOCH" +%Y-%m-%d 2>/dev/null) || KEYFOB_BUILD_DAY=''
  fi
  export KEYFOB_BUILD_COMMIT KEYFOB_BUILD_DAY
}

# for_target COMMAND...: runs cargo for $target. The folders of this machine get other names, so that the program contains none of its
# paths. These options are added to build.rustflags of cargo's settings; RUSTFLAGS and target.*.rustflags replace them.
for_target() {
  cargo_home=${CARGO_HOME:-${HOME:-}/.cargo}
  commit=$(rust -vV | sed -n 's/^commit-hash: //p')
  # Of two that fit, rustc takes the last.
  flags=$(map "$root" /keyfob && map "$CARGO_TARGET_DIR" /target && map "$cargo_home" /cargo &&
    map "$(rust --print sysroot)/lib/rustlib/src/rust" "/rustc/$commit")
  [ -z "$target" ] || set -- "$@" --target "$target"
  (
    cd "$root" || exit
    # The system's C compiler compiles the C in our libraries, unless another was named for this target: they need nothing of the C
    # library but its headers.
    case $target in *-musl)
      name=$(printf %s "$target" | tr - _)
      eval "own_cc=\${CC_$name:-cc} own_flags=\${CFLAGS_$name:-\${CFLAGS:-}}"
      # shellcheck disable=SC2154 # eval sets them
      export "CC_$name=$own_cc" "CFLAGS_$name=${own_flags:+$own_flags }-U_FORTIFY_SOURCE" ;;
    esac
    "$@" --config "build.rustflags=[$flags]" >&2
  )
}

# Builds the release programs and sets $binary, the one for people, and $tools, the one for tools. On Linux they are static, with
# musl where Rust's library for it can be had: they start faster, and need nothing else at run time (docs/design.md section 10).
build_release() {
  choose_target
  name_build
  if ! for_target cargo build --release --locked --bins; then
    case $target in *-musl) ;; *) die "the build failed" ;; esac
    say "keyfob install: note: the build with musl failed; building a dynamic program with the system's C library"
    KEYFOB_INSTALL_LIBC=gnu
    choose_target
    for_target cargo build --release --locked --bins || die "the build failed"
  fi
  binary=$CARGO_TARGET_DIR/${target:+$target/}release/keyfob
  tools=${binary%/*}/git-credential-keyfob
  if grep -qF -e "$root/" -e "$cargo_home/" "$binary" "$tools"; then
    say "keyfob install: note: the program contains paths of this machine: RUSTFLAGS or cargo's settings replace the options that hide them"
  fi
}
