#!/usr/bin/env bash
# Makes wasm32-unknown-unknown buildable. Prints the toolchain to build it with
# (for RUSTUP_TOOLCHAIN), or nothing where the active one already has the target.
# What it does is told on standard error.
#
# WASM_TARGET_ADD_TIMEOUT_S: how long rustup may take, 60 by default.
set -euo pipefail

target=wasm32-unknown-unknown
# Our own toolchain in rustup, made of Debian's packages.
linked=conference-wasm

say() { echo "wasm-target: $*" >&2; }

# Does the toolchain named $1 (none: the active one) have the target's core library?
has_target() {
    local libdir
    if [ -n "${1-}" ]; then
        libdir=$(RUSTUP_TOOLCHAIN=$1 rustc --print target-libdir --target $target 2>/dev/null) || return 1
    else
        libdir=$(rustc --print target-libdir --target $target 2>/dev/null) || return 1
    fi
    compgen -G "$libdir/libcore*.rlib" >/dev/null
}

# The first package that package $1 depends on whose name matches $2.
dependency() { apt-cache depends "$1" 2>/dev/null | sed -nE "s/^ *Depends: ($2)$/\1/p" | head -1; }

give_up() {
    say "$*"
    cat >&2 <<END
The browser's half needs the Rust target $target, and it could be had neither from rustup
nor from Debian. One of these helps:
  rustup target add $target         (with access to the rustup server)
  apt-get install libstd-rust-web-dev           (where rustc itself is Debian's)
  any toolchain that has the target, then: RUSTUP_TOOLCHAIN=<its name> cargo xtask ...
END
    exit 1
}

# Unpacks Debian's compiler and the sources of its library into the current directory.
fetch_packages() {
    local std llvm
    std=$(dependency libstd-rust-web-dev 'libstd-rust-web-[0-9.]+') || true
    if [ -z "$std" ]; then
        apt-get update -qq >&2 || say "apt-get update failed; trying with the lists at hand"
        std=$(dependency libstd-rust-web-dev 'libstd-rust-web-[0-9.]+') || true
    fi
    [ -n "$std" ] || give_up "Debian's package libstd-rust-web-dev is unknown here"
    llvm=$(dependency "$std" 'libllvm[0-9]+')
    [ -n "$llvm" ] || give_up "cannot tell which LLVM $std needs"
    apt-get download -qq rustc-web "$std" libstd-rust-web-dev rust-web-src "$llvm" "lld-${llvm#libllvm}" >&2 ||
        give_up "the packages of Debian's Rust cannot be downloaded"
    local deb
    for deb in *.deb; do
        case $deb in
        rust-web-src*) dpkg --fsys-tarfile "$deb" | tar -x --wildcards './usr/src/rustc-*/library' ;;
        *) dpkg -x "$deb" . ;;
        esac
    done
}

# Lays them out as rustup expects a toolchain, in $1, with room for the target's library.
lay_out() {
    local tc=$1 host
    host=$(ls usr/lib/rustlib | grep -- -linux-gnu)
    mkdir -p "$tc/bin" "$tc/lib/rustlib/$host/bin" "$tc/lib/rustlib/$target/lib"
    mv usr/bin/rustc usr/bin/rustdoc "$tc/bin/"
    mv usr/lib/"$(uname -m)"-linux-gnu/*.so* "$tc/lib/"
    mv usr/lib/rustlib/"$host"/lib "$tc/lib/rustlib/$host/"
    cp -L usr/lib/llvm-*/bin/lld "$tc/lib/rustlib/$host/bin/rust-lld"
}

# Compiles the standard library for the target with the compiler in $1, and puts it there.
# The flags are those that rustc's own bootstrap gives to the same build.
build_library() {
    local tc=$1 library
    library=$(echo "$PWD"/usr/src/rustc-*/library)
    LD_LIBRARY_PATH=$tc/lib RUSTC=$tc/bin/rustc RUSTC_BOOTSTRAP=1 \
        RUSTFLAGS="-Zforce-unstable-if-unmarked -Cembed-bitcode=yes --remap-path-prefix=$library=/rustc/library" \
        "$(rustup which cargo)" build -q -Zavoid-dev-deps --offline --release \
        --target $target --target-dir "$PWD/std" --manifest-path "$library/sysroot/Cargo.toml" \
        --features "panic-unwind backtrace compiler-builtins-mem" \
        --config 'source.crates-io.replace-with="vendored"' \
        --config "source.vendored.directory=\"$library/vendor\"" >&2
    cp std/$target/release/deps/*.rlib "$tc/lib/rustlib/$target/lib/"
}

has_target "${RUSTUP_TOOLCHAIN-}" && exit 0
command -v rustup >/dev/null || give_up "there is no rustup, and the installed compiler lacks the target"
if has_target $linked; then
    echo $linked
    exit 0
fi
if timeout "${WASM_TARGET_ADD_TIMEOUT_S:-60}" rustup target add $target >&2 && has_target "${RUSTUP_TOOLCHAIN-}"; then
    exit 0
fi

say "rustup cannot add $target; building it from Debian's Rust packages (half a minute)"
command -v apt-get >/dev/null || give_up "there is no apt-get"
dest=${XDG_DATA_HOME:-$HOME/.local/share}/$linked
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fetch_packages
lay_out "$work/toolchain"
build_library "$work/toolchain"
rm -rf "$dest"
mkdir -p "$(dirname "$dest")"
mv toolchain "$dest"
rustup toolchain link $linked "$dest" >&2
has_target $linked || give_up "the toolchain made in $dest does not work"
echo $linked
