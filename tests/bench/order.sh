#!/bin/sh
# Finds out what the calls that have to be fast run through, and writes install/often.ld, which lays that side by side in the program.
#   usage: tests/bench/order.sh
# Needs what install.sh needs, valgrind, dbus and gnome-keyring; and lld as the linker, because its map is read.
set -eu
# shellcheck source=install/common.sh
. "$(dirname -- "$0")/../../install/common.sh"
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)

pair() { printf 'protocol=https\nhost=%s.example.com\nusername=alice\npassword=a-token-of-52-characters-as-services-make-them-%s\n\n' "$1" "$2"; }

# profile NAME STORE PROGRAM [WORD...]: one call, its request on standard input.
profile() {
  name=$1 store=$2 program=$3
  shift 3
  cp "$folder/keyfob" "$folder/$program"
  HOME=$folder/home KEYFOB_HOME=$folder/$store KEYFOB_STORE=$store valgrind --tool=callgrind --dump-instr=yes --compress-pos=no \
    --callgrind-out-file="$folder/$name.profile" "$folder/$program" "$@" >"$folder/answer" 2>"$folder/said" ||
    [ "$name" = nuget ] || { cat "$folder/said" >&2; die "$name: the call failed"; }
}

calls() {
  folder=$1
  for store in vault secret-service; do
    for number in 1 2 3 4 5; do
      pair "host$number" "000$number" | HOME=$folder/home KEYFOB_HOME=$folder/$store KEYFOB_STORE=$store "$folder/keyfob" git store
    done
    printf 'protocol=https\nhost=host3.example.com\n\n' | profile "$store-hit" "$store" git-credential-keyfob get
    grep -q -- -them-0003 "$folder/answer" || die "the wrong answer from $store"
    printf 'protocol=https\nhost=other.example.com\n\n' | profile "$store-miss" "$store" git-credential-keyfob get
    pair host3 0003 | profile "$store-again" "$store" git-credential-keyfob store
    pair new "$store" | profile "$store-new" "$store" git-credential-keyfob store
    pair host3 9999 | profile "$store-erase" "$store" git-credential-keyfob erase
  done
  printf 'https://host3.example.com' | profile docker vault docker-credential-keyfob get
  profile keyring vault keyring get https://host3.example.com alice </dev/null
  printf '{"Id":"1","Type":"Request","Method":"Handshake","Payload":{"ProtocolVersion":"2.0.0","MinimumProtocolVersion":"1.0.0"}}\r\n' |
    profile nuget vault nuget-plugin-keyfob -Plugin
}

case ${1:-} in
--inside) calls "$2" ;;
'')
  check_needs
  for program in valgrind dbus-daemon gnome-keyring-daemon; do have $program || die "$program is missing"; done
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  mkdir -m 700 "$folder/home" "$folder/vault" "$folder/secret-service"
  # The linker gets its options as words, and commas in them are its own.
  case $folder in *[!-0-9A-Za-z_/.]*) die "the linker cannot write below $folder" "TMPDIR=/tmp tests/bench/order.sh" ;; esac
  # Each function by its own name: of equal ones, which name is kept depends on the order itself.
  link_options=-Wl,-Map=$folder/map CARGO_PROFILE_RELEASE_STRIP=false KEYFOB_BUILD_UNFOLDED=1
  export CARGO_PROFILE_RELEASE_STRIP KEYFOB_BUILD_UNFOLDED
  build_release
  cp "$binary" "$folder/keyfob"
  env -i PATH="$PATH" CARGO_HOME="${CARGO_HOME:-}" RUSTUP_HOME="${RUSTUP_HOME:-}" "$root/tests/with-secret-service.sh" \
    "$root/tests/bench/order.sh" --inside "$folder"
  (cd "$root" && cargo run --locked --quiet --example bench -- order "$folder/map" "$folder"/vault-hit.profile "$folder"/vault-*.profile \
    "$folder"/secret-service-hit.profile "$folder"/*.profile) >"$folder/often.ld"
  cp "$folder/often.ld" "$root/install/often.ld"
  say "order: wrote install/often.ld: $(grep -c '^    ' "$root/install/often.ld") places" ;;
*) sed -n '2,4s/^# //p' "$0" ;;
esac
