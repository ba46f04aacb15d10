#!/bin/sh
# The first figures: whole git-credential calls of keyfob against git's own helpers, alternating in one run, and the size of the
# release binary.      usage: tests/bench/first.sh [ROUNDS]     (default 300)
#   KEYFOB_BENCH_LIBSECRET=DIR   the folder with git-credential-libsecret.c (default: where Debian's git puts its contrib)
# Needs what install.sh needs; for the Secret Service also dbus, gnome-keyring and libsecret-1-dev. What is missing is said and
# left out: this measures, it does not judge.
set -eu
# shellcheck source=install/common.sh
. "$(dirname -- "$0")/../../install/common.sh"
# Ours by its path, for common.sh reckons from the script that sources it.
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)

prepare() {
  find_toolchain
  build_release
  (cd "$root" && cargo build --locked --quiet --example bench-first)
  sandbox=$(mktemp -d)
  trap 'rm -rf "$sandbox"' EXIT
  mkdir -m 700 "$sandbox/home"
  cp "$binary" "$sandbox/git-credential-keyfob"
  cp "${CARGO_TARGET_DIR:-$root/target}/debug/examples/bench-first" "$sandbox/bench-first"

  bytes=$(($(wc -c <"$binary")))
  kind=dynamic
  if ldd "$binary" 2>&1 | grep -q 'statically linked\|not a dynamic'; then kind=static; fi
  echo "release binary: $bytes bytes, $(awk "BEGIN { printf \"%.2f\", $bytes / 1048576 }") MiB, $kind"

  code=${KEYFOB_BENCH_LIBSECRET:-/usr/share/doc/git/contrib/credential/libsecret}/git-credential-libsecret.c
  missing=
  for program in dbus-daemon dbus-send gnome-keyring-daemon pkg-config; do
    have $program || missing="$missing $program"
  done
  [ -f "$code" ] || missing="$missing $code"
  { have pkg-config && pkg-config --exists libsecret-1; } || missing="$missing libsecret-1-dev"
  set -- "$root/tests/bench/first.sh" --inside "$sandbox" "$rounds"
  if [ -z "$missing" ]; then
    # shellcheck disable=SC2046 # a list of options
    ${CC:-cc} -O2 -o "$sandbox/git-credential-libsecret" "$code" $(pkg-config --cflags --libs libsecret-1)
    set -- "$root/tests/with-secret-service.sh" "$@"
  else
    say "without the Secret Service, for want of:$missing"
  fi
  # Nothing of the developer's own reaches a call.
  env -i PATH="$PATH" HOME="$sandbox/home" LC_ALL=C "$@"
}

# fill STORE-COMMAND...: twenty pairs, so that none is asked for the only one it has.
fill() {
  n=1
  while [ $n -le 20 ]; do
    printf 'protocol=https\nhost=host%s.example.com\nusername=alice\npassword=a-token-of-52-characters-as-services-make-them-%04d\n\n' \
      $n $n | "$@" store
    n=$((n + 1))
  done
}

# row OPERATION NAME ENVIRONMENT PROGRAM [ARGUMENT]: one line of the table.
row() {
  operation=$1 name=$2 variables=$3 program=$4 argument=${5:-}
  host='protocol=https\nhost=host10.example.com\n'
  pair='username=alice\npassword=a-token-of-52-characters-as-services-make-them-0010\n'
  case $operation in
  'get, hit') sent="$host\\n" expected=$pair word=get ;;
  'get, miss') sent='protocol=https\nhost=other.example.com\n\n' expected='' word=get ;;
  'store, unchanged') sent="$host$pair\\n" expected=- word=store ;;
  esac
  # printf's %s keeps the backslashes, which bench-first reads.
  printf '%s\t%s\t%s\t%s\t%s\t%s' "$operation, $where" "$name" "$sent" "$expected" "$variables" "$program"
  [ -z "$argument" ] || printf '\t%s' "$argument"
  printf '\t%s\n' "$word"
}

inside() {
  sandbox=$1 rounds=$2
  keyfob=$sandbox/git-credential-keyfob
  store=$(git --exec-path)/git-credential-store
  file=--file=$sandbox/home/.git-credentials
  vault="KEYFOB_HOME=$sandbox/vault KEYFOB_STORE=vault"
  service="KEYFOB_HOME=$sandbox/service KEYFOB_STORE=secret-service"
  # shellcheck disable=SC2086 # lists of words
  {
    fill env $vault "$keyfob"
    fill "$store" "$file"
    if [ -x "$sandbox/git-credential-libsecret" ]; then
      fill env $service "$keyfob"
      fill "$sandbox/git-credential-libsecret" >/dev/null
    fi
  }
  where=files
  for operation in 'get, hit' 'get, miss' 'store, unchanged'; do
    row "$operation" keyfob "$vault" "$keyfob"
    row "$operation" git-credential-store x=x "$store" "$file"
  done >"$sandbox/table"
  if [ -x "$sandbox/git-credential-libsecret" ]; then
    where='Secret Service'
    for operation in 'get, hit' 'get, miss' 'store, unchanged'; do
      row "$operation" keyfob "$service" "$keyfob"
      row "$operation" git-credential-libsecret x=x "$sandbox/git-credential-libsecret"
    done >>"$sandbox/table"
  fi
  "$sandbox/bench-first" "$rounds" <"$sandbox/table"
}

case ${1:-} in
--inside) inside "$2" "$3" ;;
-h | --help) sed -n '2,7s/^# //p' "$0" ;;
*)
  rounds=${1:-300}
  prepare
  ;;
esac
