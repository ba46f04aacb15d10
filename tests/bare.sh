#!/bin/sh
# The program as install.sh builds it with musl stores a token and answers with it where there is nothing but itself: no library, no
# /dev, no /proc, as in a chroot or a container's empty image.
#   usage: tests/bare.sh
set -eu
# shellcheck source=install/common.sh
. "$(dirname -- "$0")/../install/common.sh"

check_needs
build_release
case $target in *-musl) ;; *) die "a program for such a place is one with musl, which cannot be built here" ;; esac
if [ "$(id -u)" = 0 ]; then as=; elif have sudo && sudo -n true 2>/dev/null; then as='sudo -n'; else as='unshare --map-root-user'; fi
$as true 2>/dev/null || die "a folder cannot be made the root here: that takes root, sudo without a password, or user namespaces"
folder=$(mktemp -d)
trap '$as rm -rf "$folder"' EXIT
cp "$tools" "$folder"
# By sudo, it is root's program in somebody else's folder, which it would refuse.
$as chown 0 "$folder"

ask() { $as env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin KEYFOB_HOME=/wallet KEYFOB_STORE=vault chroot "$folder" /git-credential-keyfob "$1"; }
said=$(printf 'protocol=https\nhost=git.example.com\nusername=alice\npassword=a-token\n\n' | ask store 2>&1) || :
answer=$(printf 'protocol=https\nhost=git.example.com\n\n' | ask get 2>&1) || :
[ "$said" = "" ] || die "nothing is stored where there is no /dev: $said"
case $answer in *password=a-token*) ;; *) die "what was stored does not come back: $answer" ;; esac
echo "$target: ok"
