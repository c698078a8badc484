#!/bin/bash
# From nothing: a bare Debian 12 with a Rust toolchain, a clone, `make demo`,
# `make test`. Needs root and debootstrap; touches nothing outside its folder.
#
#   tests/fresh_machine.sh [FOLDER]      default /tmp/outguide-fresh
#
# COMMANDS='make deps; make deps' runs those instead. The bare Debian is kept as
# FOLDER/debian-12.tar for the next run; the mirror is this machine's own.
set -euo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-/tmp/outguide-fresh}
commands=${COMMANDS:-make demo; .ci/run}
base=$folder/debian-12.tar
root=$folder/root

. "$repository/tests/bare_debian.sh"

# One toolchain and cargo's programs, without what they have downloaded.
bring_rust() {
    local toolchain
    toolchain=$(rustc --print sysroot)
    mkdir -p "$root/opt/rust"
    cp -a "$toolchain/." "$root/opt/rust/"
    rm -rf "$root/opt/rust/share"
}

inside() {
    chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 TERM=dumb \
        SSL_CERT_FILE=/opt/trusted.crt CARGO_HTTP_CAINFO=/opt/trusted.crt \
        PATH=/opt/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin /bin/bash -euc "$1"
}

[[ $EUID -eq 0 ]] || { echo "run this as root" >&2; exit 1; }
# In mounts of our own, which end with us.
[[ -n ${OWN_MOUNTS:-} ]] || OWN_MOUNTS=1 exec unshare --mount "$0" "$@"
mkdir -p "$folder"
[[ -e $base ]] || bare_debian
start_afresh
bring_rust
git -C "$repository" bundle create "$root/root/outguide.bundle" HEAD
# What any clone needs; the rest is the project's own business.
inside 'apt-get update -q && apt-get install -q -y --no-install-recommends git make'
inside 'git clone -q /root/outguide.bundle /root/outguide'
started=$SECONDS
inside "cd /root/outguide && { $commands; }"
echo "from a clone to the end in $((SECONDS - started)) s"
