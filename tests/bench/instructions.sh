#!/bin/sh
# Counts the instructions of the four calls that git makes most, in the program for tools as install.sh builds it with musl, and compares them with
# the committed counts.
#   usage: tests/bench/instructions.sh            exit 1 if one differs by more than 5 %, in either direction
#          tests/bench/instructions.sh --show     only prints the counts
#          tests/bench/instructions.sh --update   writes instructions.txt: only on purpose, in the commit that explains it
# The counts do not depend on how busy a machine is, but on the compiler and on the processor (the ciphers choose their code by it).
# So the file names both; with others 25 % are allowed.
set -eu
# shellcheck source=install/common.sh
. "$(dirname -- "$0")/../../install/common.sh"
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)

check_needs
have valgrind || die "valgrind is missing" "on Debian and Ubuntu: apt-get install valgrind"
build_release
case $target in *-musl) ;; *) die "the counts are those of the program with musl, which cannot be built here" ;; esac
expected=$root/tests/bench/instructions.txt
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -m 700 "$folder/home"
cp "$tools" "$folder"

pair() { printf 'protocol=https\nhost=%s.example.com\nusername=alice\npassword=a-token-of-52-characters-as-services-make-them-%s\n\n' "$1" "$2"; }
# The same environment everywhere: the program looks variables up in it, and so does the C library.
clean() { env -i PATH=/usr/bin:/bin HOME="$folder/home" KEYFOB_HOME="$folder/wallet" KEYFOB_STORE=vault "$@"; }
# count NAME WORD: what it takes to answer the request on standard input.
count() {
  counted=$(clean valgrind --tool=callgrind --callgrind-out-file=/dev/null "$folder/git-credential-keyfob" "$2" 2>&1 >"$folder/answer" |
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p')
  [ -n "$counted" ] || die "callgrind counted nothing for $1"
  echo "$1 $counted"
}

for number in 01 02 03 04 05 06 07 08 09 10; do pair "host$number" "00$number" | clean "$folder/git-credential-keyfob" store; done
{
  printf 'protocol=https\nhost=host05.example.com\n\n' | count get-hit get
  grep -q -- -them-0005 "$folder/answer" || die "the wrong answer"
  printf 'protocol=https\nhost=other.example.com\n\n' | count get-miss get
  pair host05 0005 | count store-unchanged store
  # Of another token than ours: one that was refused before it was replaced. Nothing is written, so nothing hangs on the disk.
  pair host05 9999 | count erase-of-another erase
} >"$folder/counts"

processor=$(sed -n 's/^vendor_id[^:]*: //p' /proc/cpuinfo | head -n 1)
for feature in avx2 avx512f; do if grep -qw $feature /proc/cpuinfo; then processor="$processor $feature"; fi; done
where="$(rust --version | cut -d' ' -f1,2), $(uname -m) ${processor:-?}"

case ${1:-} in
--show) cat "$folder/counts"; exit ;;
--update)
  {
    echo '# Instructions of the program as install.sh builds it with musl. Written by tests/bench/instructions.sh --update.'
    echo "# $where"
    cat "$folder/counts"
  } >"$expected"
  cat "$expected"
  exit
  ;;
esac

tolerance=5
if ! grep -qxF "# $where" "$expected"; then
  tolerance=25
  say "instructions: counted with $where; the file is of another one, so 25 % are allowed"
fi
failed=
while read -r name counted; do
  wanted=$(sed -n "s/^$name //p" "$expected")
  [ -n "$wanted" ] || die "$name is not in instructions.txt" "tests/bench/instructions.sh --update"
  difference=$(awk "BEGIN { printf \"%+.1f\", ($counted / $wanted - 1) * 100 }")
  verdict=ok
  if ! awk "BEGIN { exit !($counted <= $wanted * (1 + $tolerance / 100) && $counted >= $wanted * (1 - $tolerance / 100)) }"; then
    verdict='not within the tolerance' failed=1
  fi
  echo "$name: $counted, expected $wanted ($difference %): $verdict"
done <"$folder/counts"
[ -z "$failed" ] || die "the hot paths have changed" "look at callgrind; if it is right so: tests/bench/instructions.sh --update"
