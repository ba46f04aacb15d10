#!/bin/sh
# keyfob and its peers, the same work in turns in one run; writes docs/benchmarks.md and docs/benchmarks.svg.
#   usage: tests/bench/run.sh [--strict] [ROUNDS]     (default 300)
#                                slow programs take part in some 40 of them, and leave cold caches behind: fewer are harder on all
#   --strict                     exit 1 where a figure misses what is wanted of it; else that is only said, at the end, for a busy
#                                machine is no error
#   KEYFOB_BENCH_LIBSECRET=DIR   the folder with git-credential-libsecret.c (default: where Debian's git puts its contrib)
#   KEYFOB_BENCH_OUT=DIR         writes both files into DIR instead
# Needs what install.sh needs, and installs or builds the peers as far as they can be had (peers.sh). What is fetched or made for
# many runs is in target/bench; the rest is in a folder that goes at the end, with the servers that were started.
set -eu
# shellcheck source=install/common.sh
. "$(dirname -- "$0")/../../install/common.sh"
# Ours by its path, for common.sh reckons from the script that sources it.
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
bench=${CARGO_TARGET_DIR:-$root/target}/bench
# shellcheck source=tests/bench/peers.sh
. "$root/tests/bench/peers.sh"
# shellcheck source=tests/bench/rows.sh
. "$root/tests/bench/rows.sh"

# quoted TEXT: as a word of the shell.
quoted() { printf '%s\n' "$1" | sed "s/'/'\\\\''/g; 1s/^/'/; \$s/\$/'/"; }

# flat COUNT: a wallet with that many accounts, made once. In memory first, where that is possible: making it durable
# one account at a time takes half an hour.
flat() {
  if [ -f "$bench/flat-$1/done" ]; then return; fi
  say "bench: making a wallet with $1 accounts"
  rm -rf "$bench/flat-$1"
  quick=$(mktemp -d -p /dev/shm 2>/dev/null) || quick=$(mktemp -d)
  "$sandbox/bench" fill "$quick/wallet" "$1"
  cp -a "$quick/wallet" "$bench/flat-$1"
  rm -rf "$quick"
  touch "$bench/flat-$1/done"
}

prepare() {
  check_needs
  get_peers
  build_release
  (cd "$root" && cargo build --locked --quiet --example bench)
  # The floor is built as the program is, so that both start alike.
  for_target cargo build --release --locked --quiet --example bench-floor
  sandbox=$(mktemp -d)
  # A folder in memory, for what is compared without a disk. Files in /dev/shm may still be on one.
  ram=$(mktemp -d -p /dev/shm 2>/dev/null) || ram=
  trap 'rm -rf "$sandbox" ${ram:+"$ram"}' EXIT
  if [ -z "$ram" ] || [ "$(stat -f -c %T "$ram")" != tmpfs ]; then
    absent="$absent- store, a new account (files in memory): no tmpfs at /dev/shm
"
    rm -rf ${ram:+"$ram"}
    ram=
  fi
  mkdir -m 700 "$sandbox/home" "$sandbox/bin" "$sandbox/cache" "$sandbox/gnupg" "$sandbox/floor"
  cp "$binary" "$tools" "$sandbox/bin"
  "$sandbox/bin/keyfob" links --install >/dev/null
  ln -s git-credential-keyfob "$sandbox/bin/keyring"
  cp "${CARGO_TARGET_DIR:-$root/target}/debug/examples/bench" "$sandbox/bench"
  cp "$(dirname -- "$binary")/examples/bench-floor" "$sandbox/floor/bench-floor"
  for count in 1 100 10000 100000; do flat "$count"; done
  for name in sandbox ram bench cfloor store cache libsecret gcm provider pykeyring passhelper oauth; do
    eval "value=\$$name"
    # shellcheck disable=SC2154 # eval sets it
    printf '%s=%s\n' "$name" "$(quoted "$value")"
  done >"$sandbox/peers"
  set -- "$root/tests/bench/run.sh" --inside "$sandbox" "$rounds"
  if have gnome-keyring-daemon && have dbus-daemon; then set -- "$root/tests/with-secret-service.sh" "$@"; fi
  # What the flat wallets left to be written must not meet the first rows.
  sync
  # Nothing of the developer's own reaches a call.
  env -i PATH="$PATH" HOME="$sandbox/home" LC_ALL=C "$@"
  report
}

report() {
  out=${KEYFOB_BENCH_OUT:-$root/docs}
  mkdir -p "$out"
  cp "$sandbox/picture.svg" "$out/benchmarks.svg"
  {
    cat <<'TEXT'
# Benchmarks

Written by tests/bench/run.sh; not edited by hand. Times of whole processes, from before the start until after the end, of keyfob and of
other programs that do the same work, in turns in one run: whatever else the machine does meets all alike. The second column of
figures is made pair by pair, a ratio for each round in which both took part, and is what counts; single times are the machine's.
The right answer is looked at each time.

TEXT
    cat "$sandbox/tables.md"
    echo '## Instructions'
    echo
    echo 'Counted by callgrind, of the release binary; tests/bench/instructions.sh watches them in CI.'
    echo
    echo '| call | instructions |'
    echo '|---|---:|'
    "$root/tests/bench/instructions.sh" --show | sed -n 's/^\([a-z].*\) \([0-9]*\)$/| \1 | \2 |/p'
    echo
    cat "$sandbox/sizes.md"
    echo '## How it was run'
    echo
    echo "- $("$binary" --version) on $(date -u +%Y-%m-%d), $(rustc --version), built as install/install.sh builds it (${target:-as the host has it})"
    echo "- $rounds rounds after 20 that do not count; slow programs take part in one of $((rounds < 80 ? 1 : rounds / 40))"
    echo "- $(uname -s) $(uname -r), $(nproc) processors ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)), load $(cut -d' ' -f1-3 /proc/loadavg) at the end"
    printf '%s' "$versions"
    echo '- each in a home of its own, with its own store; twenty pairs in each store, so that none is asked for the only one it has'
    cat <<'TEXT'

Measured once, by hand, and not part of the run: the same keyfob with the crate dbus-secret-service behind its store took, pair by pair,
1.33 (linked with glibc; quartiles 1.28 and 1.38, 600 rounds) to 1.38 (musl; 1.31 and 1.43) times as long for a `get` from the Secret
Service, and 645,000 instructions against 248,000. Beside Git Credential Manager, both with musl, in random order, Git Credential Manager being
one program of five (80 rounds, twice): 0.009 of its time with our own client, 0.011 to 0.012 with the crate; where it is one of three, and leaves
cold caches to more of them, 0.011 and 0.013. docs/decisions/0002-own-dbus-client.md says more.
TEXT
    if [ -n "$absent" ]; then
      echo
      echo 'Not measured:'
      echo
      printf '%s' "$absent"
    fi
  } >"$out/benchmarks.md"
  say "bench: wrote benchmarks.md and benchmarks.svg"
  missed=$(awk -F ' *[|] *' '/^#/ { title = $0; sub(/^#+ /, "", title) }
    /[*][*]missed[*][*]/ {
      figure = $(NF - 2) == "" ? $3 : $(NF - 2); wanted = $(NF - 1); sub(/: .*/, "", wanted)
      print "  " title ": " $2 ": " figure ", wanted " wanted
    }' "$out/benchmarks.md")
  if [ -n "$missed" ]; then
    say "bench: missed what is wanted:"
    say "$missed"
    [ -z "$strict" ] || exit 1
  fi
}

inside() {
  # shellcheck disable=SC1091 # written by prepare
  . "$1/peers"
  export GNUPGHOME="$sandbox/gnupg"
  trap end_servers EXIT
  fill_stores
  rows >"$sandbox/table"
  "$sandbox/bench" run "$2" "$sandbox/picture.svg" <"$sandbox/table" >"$sandbox/tables.md"
  sizes >"$sandbox/sizes.md"
}

strict=
if [ "${1:-}" = --strict ]; then
  strict=1
  shift
fi
case ${1:-300} in
--inside) inside "$2" "$3" ;;
-h | --help) sed -n '2,10s/^# //p' "$0" ;;
*[!0-9]* | 0*) die "the number of rounds is not one: $1" "tests/bench/run.sh --help" ;;
*)
  rounds=${1:-300}
  prepare
  ;;
esac
