#!/bin/sh
# Shows keyfob at work, in a sandbox: builds it, starts two servers on loopback that demand a personal access token (a
# look-alike of Azure DevOps Services under its real name, and one of an on-premises server that offers NTLM too), adds the
# tokens, then clones, commits and pushes with real git. Touches nothing outside its temporary folder (and the build folder).
# Exits 0 only if all of that really happened.
set -eu
# shellcheck source=install/common.sh
. "$(dirname -- "$0")/common.sh"

step() { printf '\n== %s\n' "$*"; }
show() { printf '$ %s\n' "$*"; "$@"; }
failed() { printf '\ndemo: FAILED: %s\n' "$*" >&2; exit 1; }

# Everything is built before HOME changes: rustup finds its toolchain there.
check_needs
step "building (a few minutes the first time)"
build_release
(cd "$root" && cargo build --locked --example fake-forge >&2) || die "the build of the demo's servers failed"
servers=$CARGO_TARGET_DIR/debug/examples/fake-forge

sandbox=$(mktemp -d)
server_pid=
cleanup() {
  if [ -n "$server_pid" ]; then kill "$server_pid" 2>/dev/null || :; fi
  rm -rf "$sandbox"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$sandbox/home" "$sandbox/bin" "$sandbox/repos"
chmod 700 "$sandbox/home"

# Nothing of the person's own reaches the sandbox.
for name in $(env | sed -n 's/^\(GIT_[A-Za-z0-9_]*\)=.*/\1/p; s/^\(KEYFOB_[A-Za-z0-9_]*\)=.*/\1/p'); do unset "$name"; done
unset http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY SSH_ASKPASS XDG_CONFIG_HOME \
  XDG_DATA_HOME XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS SYSTEM_ACCESSTOKEN AZURE_DEVOPS_EXT_PAT CI || :
export HOME="$sandbox/home" GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 KEYFOB_STORE=vault LC_ALL=C
ln -s "$binary" "$tools" "$sandbox/bin"
PATH=$sandbox/bin:$PATH
cd "$sandbox"
git config --global user.name Demo
git config --global user.email demo@example.com
git config --global init.defaultBranch main

step "starting two servers on loopback that demand a token"
# Of the shape that Azure DevOps gives its tokens: 52 letters, a mark, the year and month in a letter each, and the service's name.
# shellcheck disable=SC2059 # the format is the letter's number
letter() { printf "\\$(printf %03o $((65 + $1)))"; }
month=$(date -u +%m)
issued=$(letter $(($(date -u +%Y) - 2024)))$(letter $((${month#0} - 1)))
token() { printf 'JQQJ99%sACAAAAAAAAAAAAAAAZDO1aB2' "$issued" | sed "s/^/$(od -An -N26 -tx1 /dev/urandom | tr -d ' \n')/"; }
cloud_token=$(token) server_token=$(token)
mkfifo to-server from-server
"$servers" --repos repos --repo contoso/Project/Repo --repo DefaultCollection/Project/Repo --ca ca.pem --log requests.log \
  <to-server >from-server 2>server.err &
server_pid=$!
exec 3>to-server
# Tokens go through the pipe, never into a command line.
printf '[{"forge":"services","realm":"contoso","account":"alice","token":"%s"},{"forge":"on-premises","realm":"DefaultCollection","account":"alice","token":"%s"}]\n' \
  "$cloud_token" "$server_token" >&3
read -r places <from-server || { cat server.err >&2; failed "the servers did not start"; }
field() { printf '%s' "$places" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
proxy=$(field proxy)
server_url=$(printf '%s' "$places" | sed -n 's/.*"on_premises":{[^}]*"url":"\([^"]*\)".*/\1/p')
if [ -z "$proxy" ] || [ -z "$server_url" ]; then failed "the servers did not say where they are"; fi
# Only git and keyfob in this sandbox go through the proxy, which leads to the look-alike and nowhere else.
for host in dev.azure.com contoso.visualstudio.com; do
  git config --global "http.https://$host.proxy" "$proxy"
  git config --global "http.https://$host.sslCAInfo" "$sandbox/ca.pem"
done
echo "dev.azure.com is played by $proxy, the on-premises server is $server_url"

step "without a token, git is turned away"
if git clone -q https://dev.azure.com/contoso/Project/_git/Repo refused 2>refused.err; then failed "the server asked for no token"; fi
sed -n 1p refused.err

step "adding a token once, and telling git"
echo '$ keyfob add https://dev.azure.com/contoso --expires 90d      (the token comes from a pipe here, else from a hidden prompt)'
printf '%s\n' "$cloud_token" | keyfob add https://dev.azure.com/contoso --expires 90d
show keyfob setup git --yes

work() { # URL FOLDER
  show git clone -q "$1" "$2"
  (cd "$2" && echo "hello from $2" >"$2.txt" && git add . && git commit -q -m "Add $2" && show git push -q origin HEAD)
  pushed=$(git -C "$2" rev-parse HEAD)
  git clone -q "$1" "$2-again" && [ "$(git -C "$2-again" rev-parse HEAD)" = "$pushed" ]
}

step "clone, commit and push: no question asked"
work https://dev.azure.com/contoso/Project/_git/Repo cloud || failed "git with the token for contoso"
show git clone -q https://contoso.visualstudio.com/Project/_git/Repo old-name || failed "the organisation's old host name"
echo "the same token opened contoso's old host name too"

step "an on-premises server that offers NTLM beside Basic"
printf '%s\n' "$server_token" | keyfob add "$server_url/DefaultCollection"
version=$(git version | sed 's/^git version //; s/[^0-9.].*//')
major=${version%%.*} rest=${version#*.} minor=${rest%%.*}
if [ "$major" -gt 2 ] || { [ "$major" -eq 2 ] && [ "$minor" -ge 46 ]; }; then
  work "$server_url/DefaultCollection/Project/_git/Repo" on-premises || failed "git with the token for the on-premises server"
  ntlm="worked: keyfob sees to it that git uses Basic; by itself it would choose NTLM, with which no token works"
else
  if git clone -q "$server_url/DefaultCollection/Project/_git/Repo" on-premises 2>hint.err; then
    ntlm="worked with this git too, which seems to be built without NTLM"
  else
    cat hint.err
    grep -q 'keyfob: hint: .*2\.46' hint.err || failed "no hint for the older git"
    ntlm="needs git 2.46 or newer, and this is $version: the hint above is what a person sees"
  fi
fi

step "what the wallet holds, and why it answers as it does"
show keyfob list
show keyfob explain https://dev.azure.com/contoso/Project/_git/Repo

if keyfob list --json | grep -q "$cloud_token"; then failed "list shows a token"; fi
if grep -rq "$cloud_token" "$HOME"; then failed "the token lies in clear text in the sandbox's home"; fi
grep -q 'dev.azure.com/contoso/Project/_git/Repo/git-receive-pack 200' requests.log || failed "no push reached the server"

step "what happened"
cat <<TEXT
Azure DevOps look-alike: clone, push and a second clone with the stored token; its old host name opened with the same one.
On-premises look-alike:  $ntlm.
The tokens are in no file in clear text, and nothing outside the temporary folder was touched; it is gone now.
TEXT
