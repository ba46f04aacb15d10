#!/bin/sh
# Runs CMD on a session bus of its own with an unlocked, throw-away GNOME Keyring as the Secret Service.
#   usage: with-secret-service.sh CMD [ARG...]
# Needs the Debian packages dbus and gnome-keyring (libsecret-tools has secret-tool, to look inside).
# Nothing of the developer's own session is seen or touched. CMD keeps its stdin, stdout, stderr and exit status.
#   WSS_HOME=DIR     keep the keyrings in DIR between calls (default: a new folder, removed at the end)
#   WSS_LOCKED=1     the keyring is locked when CMD starts
#   WSS_NO_UNLOCK=1  a provider, but no keyring and no default alias (as on WSL)
#   WSS_NO_DAEMON=1  a bus, but no provider
#   WSS_MUTE=1       the provider takes calls and never answers (it is stopped)
#   WSS_WAIT=SECONDS how long the provider may take to start (default 10)
set -eu
[ $# -gt 0 ] || { echo "usage: $0 CMD [ARG...]" >&2; exit 64; }
for program in dbus-daemon dbus-send gnome-keyring-daemon; do
  command -v $program >/dev/null || { echo "$0: $program is not installed" >&2; exit 69; }
done

temporary=$(mktemp -d)
home=${WSS_HOME:-$temporary/home}
bus='' keyring=''
# shellcheck disable=SC2317,SC2329 # the trap calls it
cleanup() {
  # KILL, since a stopped provider heeds nothing else.
  for process in $keyring $bus; do kill -9 "$process" 2>/dev/null || :; done
  rm -rf "$temporary"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p "$home/data/keyrings" "$home/config" "$home/cache"
unset DISPLAY WAYLAND_DISPLAY GNOME_KEYRING_CONTROL SSH_AUTH_SOCK DBUS_SESSION_BUS_ADDRESS || :
export XDG_RUNTIME_DIR="$temporary" XDG_DATA_HOME="$home/data" XDG_CONFIG_HOME="$home/config" \
  XDG_CACHE_HOME="$home/cache"

# In an address, all but a few characters are written as %XX; and XML has its own wishes.
case $temporary in
*[!-0-9A-Za-z_/.]*) path=$(printf %s "$temporary/bus" | od -An -v -tx1 | tr -d '\n' | sed 's/ /%/g') ;;
*) path=$temporary/bus ;;
esac

# No service folders: nothing is started by activation, so a missing provider is told at once and no second daemon
# can win a race.
cat >"$temporary/bus.conf" <<XML
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=$path</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
XML

# Waits for a condition, never for a time.
until_true() {
  tries=$((${WSS_WAIT:-10} * 50))
  until "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    if [ $tries -le 0 ]; then
      echo "$0: timed out: $*" >&2
      cat "$temporary"/*.log >&2
      exit 69
    fi
    sleep 0.02
  done
}
ask() { dbus-send --session --print-reply --dest="$1" "$2" "$3" "$4"; }
service() { ask org.freedesktop.secrets /org/freedesktop/secrets "org.freedesktop.Secret.Service.$1" "$2"; }
# shellcheck disable=SC2317,SC2329 # until_true calls it
is_owned() {
  ask org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus.NameHasOwner \
    string:org.freedesktop.secrets | grep -q 'boolean true'
}
# shellcheck disable=SC2317,SC2329 # until_true calls it
has_default() { service ReadAlias string:default | grep -q /collection/; }

dbus-daemon --config-file="$temporary/bus.conf" --nofork --nopidfile </dev/null >"$temporary/bus.log" 2>&1 &
bus=$!
until_true test -S "$temporary/bus"
export DBUS_SESSION_BUS_ADDRESS="unix:path=$path"

if [ "${WSS_NO_DAEMON:-}" != 1 ]; then
  if [ "${WSS_NO_UNLOCK:-}" = 1 ]; then
    gnome-keyring-daemon --foreground --components=secrets </dev/null >"$temporary/keyring.log" 2>&1 &
  else
    # The password of the "login" keyring, up to the end of the file; a keyring that does not exist is made.
    printf test >"$temporary/password"
    gnome-keyring-daemon --foreground --unlock --components=secrets \
      <"$temporary/password" >"$temporary/keyring.log" 2>&1 &
  fi
  keyring=$!
  until_true is_owned
  [ "${WSS_NO_UNLOCK:-}" = 1 ] || until_true has_default
  rm -f "$temporary/password"
  [ "${WSS_LOCKED:-}" != 1 ] || service Lock array:objpath:/org/freedesktop/secrets/collection/login >/dev/null
  [ "${WSS_MUTE:-}" != 1 ] || kill -STOP "$keyring"
fi

status=0
"$@" || status=$?
exit $status
