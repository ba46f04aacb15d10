#!/bin/sh
# Builds keyfob for Windows on a Debian machine and lets it work under Wine: the real Credential Manager interface, the vault,
# git's protocol, the people's commands, and the import of what other programs keep there. For CI on request, not for the ordinary run.
#   usage: windows.sh
#   KEYFOB_CROSS=DIR where the parts of cross-check.sh lie (tests/cross-check.sh --install)
#   KEYFOB_WINCRED=FILE git's own helper for Windows, git-credential-wincred.c (default: where Debian's git has it)
# Besides these it needs the packages gcc-mingw-w64-x86-64-posix and wine64. Exit: 0 all as it should be, 1 something is
# not, 77 a part is not here.
set -eu
crate=$(cd "$(dirname "$0")/.." && pwd)
base=${KEYFOB_CROSS:-${XDG_CACHE_HOME:-$HOME/.cache}/keyfob-cross}
root=$base/root target=x86_64-pc-windows-gnu
linker=$(command -v x86_64-w64-mingw32-gcc || command -v x86_64-w64-mingw32-gcc-posix || :)
wine=$(command -v wine || command -v wine64 || :)
wincred=${KEYFOB_WINCRED:-/usr/share/doc/git/contrib/credential/wincred/git-credential-wincred.c}
[ -r "$wincred" ] || { echo "windows: skipped: $wincred is missing; KEYFOB_WINCRED=FILE" >&2; exit 77; }
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
cp "$base/target/$target/debug/keyfob.exe" "$base/target/$target/debug/git-credential-keyfob.exe" .
# Wine 8 lacks the library that std takes its randomness from.
cat >prng.c <<'C'
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T count) { return SystemFunction036(bytes, (ULONG)count); }
C
"$linker" -shared -o bcryptprimitives.dll prng.c -ladvapi32
# What other programs would write: `vault wide|bytes TARGET USER TOKEN`, in UTF-16 or as it is; `vault gone TARGET` looks.
cat >vault.c <<'C'
#define UNICODE
#include <windows.h>
#include <wincred.h>
#include <string.h>
int main(int argc, char **argv) {
  int n;
  LPWSTR *a = CommandLineToArgvW(GetCommandLineW(), &n);
  CREDENTIALW *found, c = {0};
  if (n == 3) return CredReadW(a[2], CRED_TYPE_GENERIC, 0, &found);
  BOOL wide = !strcmp(argv[1], "wide");
  c.Type = CRED_TYPE_GENERIC;
  c.Persist = CRED_PERSIST_LOCAL_MACHINE;
  c.TargetName = a[2];
  c.UserName = a[3][0] ? a[3] : NULL;
  c.CredentialBlob = wide ? (LPBYTE)a[4] : (LPBYTE)argv[4];
  c.CredentialBlobSize = wide ? wcslen(a[4]) * sizeof(WCHAR) : strlen(argv[4]);
  return !CredWriteW(&c, 0);
}
C
"$linker" -o vault.exe vault.c -lshell32 -ladvapi32
"$linker" -o wincred.exe "$wincred" -ladvapi32 2>>log
# Nothing here asks a real service.
export WINEPREFIX="$folder/prefix" WINEDEBUG=-all DISPLAY='' KEYFOB_OFFLINE=1
failed=0
keyfob() { timeout 120 "$wine" keyfob.exe "$@" 2>>log | tr -d '\r'; }
tool() { timeout 120 "$wine" git-credential-keyfob.exe "$@" 2>>log | tr -d '\r'; }
git_says() { printf '%s\n' "$@" '' | tr '|' '\n'; }
#   expect WORDS FOUND WANTED
expect() {
  if [ "$2" = "$3" ]; then echo "ok: $1"; else
    failed=1
    printf 'FAILED: %s\n  found:  %s\n  wanted: %s\n' "$1" "$2" "$3"
  fi
}
get() { git_says 'protocol=https' "host=$1" ${2:+"path=$2"} | tool get | grep '^password=' || echo none; }
bob='protocol=https|host=git.example.test|username=bob|password=pw-1'

echo tok-1 | keyfob add https://dev.azure.com/contoso
expect 'a token that was added is in the Credential Manager' "$(keyfob list --json | grep -o '"store": *"[a-z]*"')" '"store": "keychain"'
expect 'git gets it under another spelling' "$(get contoso.visualstudio.com)" 'password=tok-1'
expect 'and from keyfob itself' "$(git_says 'protocol=https' 'host=contoso.visualstudio.com' | keyfob git get | grep '^password=')" \
  'password=tok-1'
expect 'the links are made' "$(keyfob links --install | wc -l)" "$(($(keyfob links | wc -l) - 1))"
expect 'and answer' "$(printf contoso.pkgs.visualstudio.com | timeout 120 "$wine" docker-credential-keyfob.exe get 2>>log | grep -o tok-1)" tok-1
expect 'once they are there, none is made' "$(keyfob links --install | wc -l)" 0
git_says "$bob" | tool store
expect 'what git stores comes back' "$(get git.example.test)" 'password=pw-1'
git_says "$bob" | tool erase
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
vault() { timeout 120 "$wine" vault.exe "$@" 2>>log; }
wincred() { timeout 120 "$wine" wincred.exe "$1" 2>>log | tr -d '\r'; }
second='protocol=https|host=github.com|username=x@y.test|password=tok-8'
git_says 'protocol=https|host=github.com|username=bob|password=tok-3' | wincred store
git_says "$second" | wincred store
# As Git Credential Manager names its entries: the second account of a place has its user name in it, with _ for @.
vault wide git:https://dev.azure.com/fabrikam alice tok-4
vault wide git:https://a_b.test@dev.azure.com/fabrikam a@b.test tok-5
vault wide git:https://git.example.test:8443 carl tok-6
vault wide git:https://gitlab.com oauth2 "$(printf 'tok\noauth_refresh_token=r')"
vault bytes gh:github.com:erin erin tok-7
vault bytes gh:github.com: '' tok-7
vault wide azdevops-cli:https://dev.azure.com/northwind 'Personal Access Token' tok-9
vault wide dora@https://upload.example.test/legacy/ dora tok-10
vault wide Bank me tok-bank
before=$(keyfob list --json)
expect "an import's dry run shows git's own entries" "$(keyfob import git-keyring --dry-run | awk '{ print $1, $2, $3 }')" \
  'take github/github.com bob
take github/github.com x@y.test'
expect 'and changes nothing' "$(keyfob list --json)" "$before"
for source in git-keyring gcm gh az keyring; do keyfob import $source --yes >/dev/null; done
at() { keyfob token "$1" --account "$2" --as token --yes; }
expect "tokens of git's helper come in" "$(at https://github.com bob; at https://github.com x@y.test)" 'tok-3
tok-8'
expect "Git Credential Manager's" "$(at https://dev.azure.com/fabrikam alice; at https://dev.azure.com/fabrikam a@b.test)" 'tok-4
tok-5'
expect 'each for its own port' "$(at https://git.example.test:8443 carl; get git.example.test)" 'tok-6
none'
expect "gh's, az devops' and Python's" "$(at https://github.com erin; at https://dev.azure.com/northwind -
at https://upload.example.test/legacy dora)" 'tok-7
tok-9
tok-10'
expect 'what another program renews stays' "$(get gitlab.com)" none
expect 'nothing is taken out unasked' "$(git_says 'protocol=https|host=github.com|username=bob' | wincred get | grep password)" \
  'password=tok-3'
for source in git-keyring gcm gh az keyring; do keyfob import $source --yes --move >/dev/null; done
left=
for target in git:https://bob@github.com git:https://x@y.test@github.com git:https://dev.azure.com/fabrikam \
  git:https://a_b.test@dev.azure.com/fabrikam git:https://git.example.test:8443 git:https://gitlab.com gh:github.com:erin \
  gh:github.com: azdevops-cli:https://dev.azure.com/northwind dora@https://upload.example.test/legacy/ Bank; do
  vault gone "$target" || left="$left $target"
done
expect 'a move takes out what is in the wallet, and nothing else' "$left" ' git:https://gitlab.com Bank'
expect 'and the wallet has it' "$(at https://github.com bob; at https://dev.azure.com/fabrikam a@b.test)" 'tok-3
tok-5'
keyfob remove https://dev.azure.com/contoso --force
expect 'what is removed is gone' "$(get dev.azure.com contoso/x)" none
expect 'nothing is broken' "$(keyfob doctor | grep -e '^broken' -e ' all is well' -e 'ok  *records' | cut -c 1-15)" 'ok      records'
expect 'nothing went wrong unsaid' "$(grep -c panicked log || :)" 0
[ $failed = 0 ] || { cat log; exit 1; }
