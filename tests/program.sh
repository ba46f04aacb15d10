#!/bin/sh
# Looks at the program that install.sh builds: that it runs, is what docs/threat-model.md says of it, and contains no path of the machine
# that built it.
#   usage: tests/program.sh       KEYFOB_INSTALL_LIBC=gnu for the dynamic one (install/common.sh)
set -eu
# shellcheck source=install/common.sh
. "$(dirname -- "$0")/../install/common.sh"

check_needs
have readelf || die "readelf is missing" "on Debian and Ubuntu: apt-get install binutils"
build_release
case ${KEYFOB_INSTALL_LIBC:-musl}:$target in
musl:*-musl | gnu:) ;;
*) die "the program with ${KEYFOB_INSTALL_LIBC:-musl} cannot be built here" ;;
esac
version=$("$binary" --version) || die "it does not run: $binary"

# Position-independent, its stack not executable; the one with musl needs nothing else.
readelf -hW "$binary" | grep -q 'Type: *DYN' || die "it is not position-independent"
segments=$(readelf -lW "$binary")
echo "$segments" | grep -q 'GNU_STACK .* RW  ' || die "its stack may be executable"
if echo "$segments" | grep -q INTERP; then kind=dynamic; else kind=static; fi
case $target:$kind in *-musl:static | :dynamic) ;; *) die "it is $kind" ;; esac

# A panic names the file it is in, so the names that the folders get must be there: else this search sees nothing.
for folder in /rustc/ /cargo/registry/; do
  grep -qF "$folder" "$binary" || die "$folder is not in it, so nothing shows that the paths are replaced"
done
for folder in "$root" "$CARGO_TARGET_DIR" "$cargo_home" "$(rust --print sysroot)"; do
  ! grep -qF "$folder/" "$binary" || die "a path of this machine is in it: $folder"
done
echo "$version: $kind, position-independent, $(($(wc -c <"$binary"))) bytes, no path of this machine"
