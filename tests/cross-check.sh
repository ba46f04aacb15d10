#!/bin/sh
# Type-checks the whole crate for Windows and macOS on a Debian machine. It proves that the code for those systems
# compiles; nothing is linked or run. For CI on request, not for the ordinary run.
#   usage: cross-check.sh [--install] [TARGET...]
#     --install      fetch the parts first (Debian 12 with its security archive): unpacked into a folder of their own,
#                    nothing is installed into the system
#     TARGET         default: x86_64-pc-windows-gnu aarch64-apple-darwin
#   KEYFOB_CROSS=DIR where the parts and the build lie (default: ~/.cache/keyfob-cross)
# Exit: 0 all targets pass, 1 one does not, 77 the parts are not here (skipped).
# The parts are Debian's second Rust toolchain: a compiler and, what rustup-less machines lack, the source of std for
# it, so that std can be built for a target that has no ready one; and MinGW, whose dlltool std for
# Windows asks for. Its version is not ours; ours stays the main check.
set -eu
install=
[ "${1:-}" = --install ] && { install=1; shift; }
[ $# -gt 0 ] || set -- x86_64-pc-windows-gnu aarch64-apple-darwin
crate=$(cd "$(dirname "$0")/.." && pwd)
base=${KEYFOB_CROSS:-${XDG_CACHE_HOME:-$HOME/.cache}/keyfob-cross}
root=$base/root

if [ -n "$install" ]; then
  mkdir -p "$base/debs/partial" "$root"
  # apt works out which libraries are missing here; download-only leaves the system as it is.
  apt-get install --yes --quiet --no-install-recommends --download-only \
    -o Dir::Cache::archives="$base/debs" -o APT::Sandbox::User=root \
    rustc-web cargo-web rust-web-src libstd-rust-web-dev binutils-mingw-w64-x86-64 gcc-mingw-w64-x86-64-posix
  for deb in "$base"/debs/*.deb; do dpkg -x "$deb" "$root"; done
fi

rustc=$root/usr/bin/rustc
cargo=$root/usr/bin/cargo
if ! [ -x "$rustc" ] || ! [ -x "$cargo" ]; then
  echo "cross-check: skipped: the parts are not in $base; run $0 --install" >&2
  exit 77
fi
export LD_LIBRARY_PATH="$root/usr/lib/x86_64-linux-gnu:$root/usr/lib" PATH="$root/usr/bin:$PATH"
export RUSTC="$rustc" CARGO_TARGET_DIR="$base/target" RUSTC_BOOTSTRAP=1
unset RUSTFLAGS RUSTC_WRAPPER RUSTUP_TOOLCHAIN || :
# The one crate with C in it is not compiled for a system whose compiler is not here: nothing is linked, so an empty file will do.
compiler=$base/no-compiler
cat >"$compiler" <<'C'
#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in -o) : >"$2"; exit ;; esac
  shift
done
C
chmod +x "$compiler"
export CC_aarch64_apple_darwin="$compiler" AR_aarch64_apple_darwin=true
# MinGW's is known by another name until it is installed.
export CC_x86_64_pc_windows_gnu="$compiler" AR_x86_64_pc_windows_gnu=true
failed=0
for target in "$@"; do
  echo "cross-check: $target" >&2
  "$cargo" check --locked --manifest-path "$crate/Cargo.toml" --target "$target" \
    -Z build-std=std,panic_abort || failed=1
done
exit $failed
