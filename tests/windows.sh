#!/bin/sh
# Builds keyfob for Windows on a Debian machine and lets it work under Wine: the real Credential Manager interface, the vault,
# git's protocol, the people's commands. For CI on request, not for the ordinary run.
#   usage: windows.sh
#   KEYFOB_CROSS=DIR where the parts of cross-check.sh lie (tests/cross-check.sh --install)
# Besides these it needs the packages gcc-mingw-w64-x86-64-posix and wine64. Exit: 0 all as it should be, 1 something is
# not, 77 a part is not here.
set -eu
crate=$(cd "$(dirname "$0")/.." && pwd)
base=${KEYFOB_CROSS:-${XDG_CACHE_HOME:-$HOME/.cache}/keyfob-cross}
root=$base/root target=x86_64-pc-windows-gnu
linker=$(command -v x86_64-w64-mingw32-gcc || command -v x86_64-w64-mingw32-gcc-posix || :)
wine=$(command -v wine || command -v wine64 || :)
for part in "$root/usr/bin/cargo" "$linker" "$wine"; do
  [ -x "$part" ] && continue
  echo "windows: skipped: a part is missing; tests/cross-check.sh --install, apt-get install wine64 gcc-mingw-w64-x86-64-posix" >&2
  exit 77
done
(
  export LD_LIBRARY_PATH="$root/usr/lib/x86_64-linux-gnu:$root/usr/lib" PATH="$root/usr/bin:$PATH" RUSTC="$root/usr/bin/rustc"
  export RUSTC_BOOTSTRAP=1 CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER="$linker"
  unset RUSTFLAGS RUSTC_WRAPPER RUSTUP_TOOLCHAIN || :
  # Wine hands out lists at odd addresses, which the keychain's crate reads as they are; the processor does not mind, std's
  # checks would.
  export CARGO_PROFILE_DEV_DEBUG_ASSERTIONS=false
  CARGO_TARGET_DIR="$base/target" cargo build --locked --quiet --manifest-path "$crate/Cargo.toml" --target $target \
    -Z build-std=std,panic_abort
)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cp "$base/target/$target/debug/keyfob.exe" .
# Wine 8 lacks the library that std takes its randomness from.
cat >prng.c <<'C'
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T count) { return SystemFunction036(bytes, (ULONG)count); }
C
"$linker" -shared -o bcryptprimitives.dll prng.c -ladvapi32
# Nothing here asks a real service.
export WINEPREFIX="$folder/prefix" WINEDEBUG=-all DISPLAY='' KEYFOB_OFFLINE=1
failed=0
keyfob() { timeout 120 "$wine" keyfob.exe "$@" 2>>log | tr -d '\r'; }
git_says() { printf '%s\n' "$@" '' | tr '|' '\n'; }
#   expect WORDS FOUND WANTED
expect() {
  if [ "$2" = "$3" ]; then echo "ok: $1"; else
    failed=1
    printf 'FAILED: %s\n  found:  %s\n  wanted: %s\n' "$1" "$2" "$3"
  fi
}
get() { git_says 'protocol=https' "host=$1" ${2:+"path=$2"} | keyfob git get | grep '^password=' || echo none; }
bob='protocol=https|host=git.example.test|username=bob|password=pw-1'

echo tok-1 | keyfob add https://dev.azure.com/contoso
expect 'a token that was added is in the Credential Manager' "$(keyfob list --json | grep -o '"store": *"[a-z]*"')" '"store": "keychain"'
expect 'git gets it under another spelling' "$(get contoso.visualstudio.com)" 'password=tok-1'
git_says "$bob" | keyfob git store
expect 'what git stores comes back' "$(get git.example.test)" 'password=pw-1'
git_says "$bob" | keyfob git erase
expect 'what git erases does not' "$(get git.example.test)" none
echo tok-2 | keyfob add https://dev.azure.com/contoso
expect 'a new token replaces the old one' "$(get dev.azure.com contoso/x)" 'password=tok-2'
keyfob restore https://dev.azure.com/contoso
expect 'which can be had back' "$(get dev.azure.com contoso/x)" 'password=tok-1'
head -c 2561 /dev/zero | tr '\0' a | keyfob add https://dev.azure.com/long || :
expect 'a token that does not fit is refused, and nothing changes' "$(get dev.azure.com long/x)" none
keyfob storage move vault
expect 'all moves into the vault' "$(get dev.azure.com contoso/x)" 'password=tok-1'
keyfob storage move keychain
expect 'and back' "$(get dev.azure.com contoso/x)" 'password=tok-1'
for at in 1 2 3 4 5 6 7 8; do git_says "protocol=https|host=h$at.test|username=u|password=pw" | keyfob git store & done
wait
expect 'parallel calls lose nothing' "$(keyfob list --json | grep -o 'generic/https://h[0-9]' | sort -u | wc -l)" 8
keyfob remove https://dev.azure.com/contoso --force
expect 'what is removed is gone' "$(get dev.azure.com contoso/x)" none
expect 'nothing is broken' "$(keyfob doctor | grep -e '^broken' -e ' all is well' -e 'ok  *records' | cut -c 1-15)" 'ok      records'
expect 'nothing went wrong unsaid' "$(grep -c panicked log || :)" 0
[ $failed = 0 ] || { cat log; exit 1; }
