#!/bin/sh
# Removes keyfob.         usage: install/uninstall.sh [PREFIX]     (default ~/.local)
# Takes keyfob's lines out of the tools' configurations, then the programs and their links. The wallet stays, and you are told
# where it is.
set -eu
say() { printf '%s\n' "$*" >&2; }
case ${1:-} in -h | --help) sed -n '2,4s/^# //p' "$0"; exit 0 ;; esac
prefix=${1:-${HOME:?HOME is not set; give PREFIX}/.local}
program=$prefix/bin/keyfob
if [ ! -x "$program" ]; then say "keyfob uninstall: there is no $program"; exit 1; fi
"$program" unsetup || say "keyfob uninstall: note: some tool still names keyfob; see the message above"
wallet=$("$program" storage --folder)
for link in $("$program" links); do
  file=$prefix/bin/$link
  if [ -L "$file" ]; then case $(readlink "$file") in keyfob | git-credential-keyfob) rm -f "$file" ;; esac; fi
done
rm -f "$program" "$prefix/bin/git-credential-keyfob"
for file in bash-completion/completions/keyfob fish/vendor_completions.d/keyfob.fish zsh/site-functions/_keyfob; do
  # The program is gone; for one of these not to go is no reason to stop before it is said where the wallet is.
  rm -f "$prefix/share/$file" 2>/dev/null || say "keyfob uninstall: note: cannot remove $prefix/share/$file"
done
say "removed keyfob from $prefix/bin"
say "your wallet is kept in $wallet (and, if you chose so, in your system's keychain); to destroy it: rm -r that folder"
