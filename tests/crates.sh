#!/bin/sh
# Compares the crates that the release binary is made of (Linux; without what only builds or tests it) with the reviewed list in
# tests/crates.txt. A new one is added there by hand, after a look at what it is: docs/design.md section 9 says what for.
#   usage: tests/crates.sh
set -eu
# shellcheck source=install/common.sh
. "$(dirname -- "$0")/../install/common.sh"
cd "$root"
find_toolchain
found=$(mktemp)
trap 'rm -f "$found"' EXIT
for libc in gnu musl; do
  cargo tree --locked --edges normal,no-proc-macro --target x86_64-unknown-linux-$libc --prefix none --format '{p}'
done | cut -d' ' -f1 | LC_ALL=C sort -u >"$found"
[ -s "$found" ] || die "cargo tree named no crate"
if ! grep -v '^#' tests/crates.txt | diff -u - "$found" >&2; then
  die "the binary's crates are not those of tests/crates.txt" "look at what was added, then change the list"
fi
echo "$(($(wc -l <"$found"))) crates, all reviewed"
