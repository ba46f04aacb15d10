#!/bin/sh
# Inspects the two programs that install.sh builds: that they run, are what docs/threat-model.md says of them, and contain no path of
# the machine that built them; and that the one for tools is small.
#   usage: tests/programs.sh       KEYFOB_INSTALL_LIBC=gnu for the dynamic ones (install/common.sh)
set -eu
# shellcheck source=install/common.sh
. "$(dirname -- "$0")/../install/common.sh"

check_needs
have readelf || die "readelf is missing" "on Debian and Ubuntu: apt-get install binutils"
build_release
case ${KEYFOB_INSTALL_LIBC:-musl}:$target in
musl:*-musl | gnu:) ;;
*) die "programs with ${KEYFOB_INSTALL_LIBC:-musl} cannot be built here" ;;
esac
for program in "$binary" "$tools"; do
  version=$("$program" --version) || die "it does not run: $program"

  # Position-independent, its stack not executable; the one with musl needs nothing else.
  readelf -hW "$program" | grep -q 'Type: *DYN' || die "$version is not position-independent"
  segments=$(readelf -lW "$program")
  echo "$segments" | grep -q 'GNU_STACK .* RW  ' || die "the stack of $version may be executable"
  if echo "$segments" | grep -q INTERP; then kind=dynamic; else kind=static; fi
  case $target:$kind in *-musl:static | :dynamic) ;; *) die "$version is $kind" ;; esac

  # A panic names the file it is in, so the names that the folders get must be there: else this search sees nothing.
  for folder in /rustc/ /cargo/registry/; do
    grep -qF "$folder" "$program" || die "$folder is not in $version, so nothing shows that the paths are replaced"
  done
  for folder in "$root" "$CARGO_TARGET_DIR" "$cargo_home" "$(rust --print sysroot)"; do
    ! grep -qF "$folder/" "$program" || die "a path of this machine is in $version: $folder"
  done
  echo "$version: $kind, position-independent, $(($(wc -c <"$program"))) bytes, no path of this machine"
done
# The bar of docs/design.md section 7. The last one was the program for tools.
size=$(($(wc -c <"$tools")))
[ "$kind" = dynamic ] || [ "$size" -le 4000000 ] || die "$version has $size bytes; 4,000,000 are allowed" \
  "look at what was linked in: a map of the linker shows it (-Wl,-Map=FILE)"
