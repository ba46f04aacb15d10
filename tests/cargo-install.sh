#!/bin/sh
# Installs both programs with cargo, into an empty folder and over the one program with links that an older version left, and lets git
# and docker's link ask them.
#   usage: tests/cargo-install.sh
set -eu
# shellcheck source=install/common.sh
. "$(dirname -- "$0")/../install/common.sh"

check_needs
build_release
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# cargo install, without the network; the debug programs, which are there already.
install() {
  (cd "$root" && cargo install --path . --debug --locked --offline --root "$folder/$1" ${2:+"$2"}) >"$folder/log" 2>&1
}
# with ROOT COMMAND...: as somebody whose PATH begins with what was installed there.
with() {
  bin=$folder/$1/bin
  shift
  env -i PATH="$bin:/usr/bin:/bin" HOME="$folder/home" KEYFOB_STORE=vault KEYFOB_OFFLINE=1 GIT_CONFIG_NOSYSTEM=1 "$@"
}
# What git gets, which is told nothing but a name.
filled() {
  printf 'url=https://dev.azure.com/contoso/p/_git/r\n\n' |
    with "$1" git -c credential.helper=keyfob -c credential.useHttpPath=true credential fill
}
mkdir -m 700 "$folder/home"
install new || die "cargo install failed: $(tail -n 1 "$folder/log")"
echo a-token | with new keyfob add https://dev.azure.com/contoso 2>/dev/null
filled new | grep -qx password=a-token || die "git does not find git-credential-keyfob by its name"
with new keyfob links --install >/dev/null
for link in $(with new keyfob links); do with new "$link" --version >/dev/null || die "$link does not run"; done

# As it was when there was one program: here one of another build.
mkdir -p "$folder/old/bin"
cp "$binary" "$folder/old/bin/keyfob"
for link in $(with old keyfob links); do ln -s keyfob "$folder/old/bin/$link"; done
filled old | grep -qx password=a-token || die "git gets nothing by a link to keyfob"
if install old; then die "cargo install replaces what it has not installed"; fi
grep -q 'already exists in destination' "$folder/log" || die "cargo install failed: $(tail -n 1 "$folder/log")"
mkfifo "$folder/waits"
with old git-credential-keyfob get <"$folder/waits" >"$folder/answer" &
exec 3>"$folder/waits"
install old --force || die "cargo install --force failed: $(tail -n 1 "$folder/log")"
printf 'protocol=https\nhost=dev.azure.com\npath=contoso/p/_git/r\n\n' >&3
exec 3>&-
wait $!
grep -qx password=a-token "$folder/answer" || die "a program that runs was disturbed"
[ ! -L "$folder/old/bin/git-credential-keyfob" ] || die "git-credential-keyfob is a link still"
filled old | grep -qx password=a-token || die "git gets nothing after cargo install --force"
printf contoso.pkgs.visualstudio.com | with old docker-credential-keyfob get | grep -q a-token || die "an old link does not answer"
[ "$(readlink "$folder/old/bin/docker-credential-keyfob")" = keyfob ] || die "cargo install made a link"
(with old keyfob doctor || :) | grep -q 'lead to keyfob, .*; fix: keyfob links --install$' || die "doctor does not name the old links"
with old keyfob links --install >/dev/null
[ "$(readlink "$folder/old/bin/docker-credential-keyfob")" = git-credential-keyfob ] || die "the old links stay"
echo "cargo installs both programs, also over one program with links"
