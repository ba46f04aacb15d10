#!/bin/sh
# Installs keyfob.        usage: install/install.sh [PREFIX]     (default ~/.local)
# Builds the two programs, puts them into PREFIX/bin, makes the links by whose name each tool finds us, and offers to set git up.
set -eu
# shellcheck source=install/common.sh
. "$(dirname -- "$0")/common.sh"

case ${1:-} in -h | --help) sed -n '2,3s/^# //p' "$0"; exit 0 ;; -*) die "unknown option $1" "install/install.sh [PREFIX]" ;; esac
[ $# -gt 0 ] || [ -n "${HOME:-}" ] || die "HOME is not set" "install/install.sh PREFIX"
prefix=${1:-$HOME/.local}
check_needs
build_release
# Asked before it takes the place of one that works. It reads no wallet for this, but wants to know where one would be.
ask() { KEYFOB_HOME=${KEYFOB_HOME:-$root} "$binary" "$@"; }
{ version=$(ask --version) && "$tools" --version >/dev/null; } || die "the program was built, but does not run here: $binary"
mkdir -p "$prefix/bin" || die "cannot make $prefix/bin" "give a folder of yours: install/install.sh PREFIX"
prefix=$(CDPATH='' cd -- "$prefix" && pwd)

# When there was one program, this was a link to it, or a copy of it.
file=$prefix/bin/git-credential-keyfob
if [ -e "$file" ] && [ ! -L "$file" ] && ! cmp -s "$file" "$prefix/bin/keyfob"; then
  case $("$file" --version 2>/dev/null </dev/null || :) in
  "git-credential-keyfob "*) ;;
  *) die "$file is there and is not keyfob's" "ls -l $file" ;;
  esac
fi
# Each is replaced by a rename, so one that runs meanwhile is not disturbed, and a failure leaves the old one.
new=$prefix/bin/.keyfob.new.$$
trap 'rm -f "$new"' EXIT
for file in "$tools" "$binary"; do
  if ! { cp "$file" "$new" && chmod 755 "$new" && mv -f "$new" "$prefix/bin/${file##*/}"; }; then
    die "cannot write to $prefix/bin" "give a folder of yours: install/install.sh PREFIX"
  fi
done
KEYFOB_HOME=${KEYFOB_HOME:-$root} "$prefix/bin/keyfob" links --install "$prefix/bin" >/dev/null || die "cannot make the links in $prefix/bin"
# Where these shells look for what completes a program's words. Without them keyfob works as well.
for shell in bash:bash-completion/completions/keyfob fish:fish/vendor_completions.d/keyfob.fish zsh:zsh/site-functions/_keyfob; do
  file=$prefix/share/${shell#*:}
  # Into a folder of that name mv would put it, and say nothing.
  if ! { mkdir -p "$(dirname -- "$file")" && [ ! -d "$file" ] && ask completions "${shell%%:*}" >"$file.new" && mv -f "$file.new" "$file"; } 2>/dev/null; then
    rm -f "$file.new" 2>/dev/null || :
    say "keyfob install: note: cannot write $file; ${shell%%:*} will not complete keyfob's words"
  fi
done
say "installed $version into $prefix/bin"
# As it can be typed here: by its name where that finds this one, else by its path.
keyfob=$prefix/bin/keyfob
if [ "$(command -v keyfob || :)" = "$keyfob" ]; then keyfob=keyfob
else case $keyfob in *[!-A-Za-z0-9_./]*) keyfob=\'$(printf %s "$keyfob" | sed "s/'/'\\\\''/g")\' ;; esac
fi
case :$PATH: in
*":$prefix/bin:"*) ;;
*) say "keyfob install: hint: $prefix/bin is not on your PATH; add it in your shell's start file: export PATH=\"$prefix/bin:\$PATH\"" ;;
esac
if [ -t 0 ] && [ -t 2 ]; then
  printf 'Shall git ask keyfob from now on (keyfob setup git)? [y/N] ' >&2
  read -r answer || answer=
  case $answer in y | Y | yes) "$prefix/bin/keyfob" setup git --yes && set_up=yes ;; esac
fi
add="$keyfob add https://dev.azure.com/YOUR-ORGANISATION"
if [ -n "${set_up:-}" ]; then say "next: $add"; else say "next: $keyfob setup, then $add"; fi
# Who begins may have tokens in other programs' files already. keyfob setup says so itself.
if [ -z "${set_up:-}" ] && [ -n "${HOME:-}" ] && [ "$("$prefix/bin/keyfob" list --json 2>/dev/null)" = "[]" ]; then
  sources=$("$prefix/bin/keyfob" import 2>/dev/null | cut -d' ' -f1 | tr '\n' ' ')
  [ -z "$sources" ] || say "other programs keep tokens here (${sources% }): $keyfob import shows where, and takes them over"
fi
