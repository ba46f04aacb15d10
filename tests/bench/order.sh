#!/bin/sh
# Finds out what the calls that have to be fast run through, and writes install/often.ld, which lays that side by side in the program.
#   usage: tests/bench/order.sh
# Builds, looks and writes until that finds nothing new, at most four times: the order changes which of two equal functions is kept.
# Needs what install.sh needs, valgrind, dbus and gnome-keyring; and lld as the linker, because its map is read.
set -eu
# shellcheck source=install/common.sh
. "$(dirname -- "$0")/../../install/common.sh"
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
often=$root/install/often.ld

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

# round: builds with the order there is, and writes the one that the calls show; $changed is empty where nothing had to be written.
round() {
  folder=$whole/$count
  mkdir -m 700 "$folder" "$folder/home" "$folder/vault" "$folder/secret-service"
  link_options=-Wl,-Map=$folder/map
  build_release
  cp "$binary" "$folder/keyfob"
  env -i PATH="$PATH" CARGO_HOME="${CARGO_HOME:-}" RUSTUP_HOME="${RUSTUP_HOME:-}" "$root/tests/with-secret-service.sh" \
    "$root/tests/bench/order.sh" --inside "$folder"
  (cd "$root" && cargo run --locked --quiet --example bench -- order "$folder/map" "$folder"/vault-hit.profile "$folder"/vault-*.profile \
    "$folder"/secret-service-hit.profile "$folder"/*.profile) >"$folder/found"
  # What the rounds before have found stays, behind the rest: else now one of two equal functions is named and now the other, for
  # ever. A file of before this run counts only where it says the very same.
  awk -v before="$whole/found" '/^  }$/ { while ((getline line < before) > 0) if (!(line in had)) { had[line]; print line } }
    { had[$0]; print }' "$folder/found" >"$folder/often.ld"
  places "$folder/found" >>"$whole/found"
  changed=
  if [ "$(places "$folder/often.ld" | sort)" = "$(places "$often" | sort)" ]; then return; fi
  changed=1
  cp "$folder/often.ld" "$often"
  say "order: wrote install/often.ld: $(places "$often" | wc -l) places"
}
places() { grep '^    ' "$1"; }

case ${1:-} in
--inside) calls "$2" ;;
'')
  check_needs
  for program in valgrind dbus-daemon gnome-keyring-daemon; do have $program || die "$program is missing"; done
  whole=$(mktemp -d)
  trap 'rm -rf "$whole"' EXIT
  # The linker gets its options as words, and commas in them are its own.
  case $whole in *[!-0-9A-Za-z_/.]*) die "the linker cannot write below $whole" "TMPDIR=/tmp tests/bench/order.sh" ;; esac
  CARGO_PROFILE_RELEASE_STRIP=false
  export CARGO_PROFILE_RELEASE_STRIP
  : >"$whole/found"
  count=0 changed=1
  while [ -n "$changed" ] && [ $count -lt 4 ]; do
    count=$((count + 1))
    round
  done
  say "order: after $count rounds $([ -n "$changed" ] && echo it still changes || echo nothing more changes)" ;;
*) sed -n '2,4s/^# //p' "$0" ;;
esac
