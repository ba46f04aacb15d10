#!/bin/sh
# The program as install.sh builds it stores a token and answers with it where there is nothing but itself: no library, no /dev, no
# /proc, as in a chroot or a container's empty image. A dynamic program, which install.sh builds where nothing else can be linked, is
# not for such places.
#   usage: tests/bare.sh       KEYFOB_INSTALL_LIBC=gnu for the one with glibc (install/common.sh)
set -eu
# shellcheck source=install/common.sh
. "$(dirname -- "$0")/../install/common.sh"

check_needs
build_release
[ -n "$target" ] || { say "bare: no static program can be built here"; exit 0; }
if [ "$(id -u)" = 0 ]; then as=; elif have sudo && sudo -n true 2>/dev/null; then as='sudo -n'; else as='unshare --map-root-user'; fi
$as true 2>/dev/null || die "a folder cannot be made the root here: that takes root, sudo without a password, or user namespaces"
folder=$(mktemp -d)
trap '$as rm -rf "$folder"' EXIT
cp "$binary" "$folder/git-credential-keyfob"
# By sudo, it is root's program in somebody else's folder, which it would refuse.
$as chown 0 "$folder"

ask() { $as env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin KEYFOB_HOME=/wallet KEYFOB_STORE=vault chroot "$folder" /git-credential-keyfob "$1"; }
said=$(printf 'protocol=https\nhost=git.example.com\nusername=alice\npassword=a-token\n\n' | ask store 2>&1) || :
answer=$(printf 'protocol=https\nhost=git.example.com\n\n' | ask get 2>&1) || :
[ "$said" = "" ] || die "nothing is stored where there is no /dev: $said"
case $answer in *password=a-token*) ;; *) die "what was stored does not come back: $answer" ;; esac
echo "$target: ok"
