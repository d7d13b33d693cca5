#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Proof that nothing but a base system is needed: a fresh minimal Debian root, the tree, ./quickstart, ./run-tests.
# usage: clean-root.sh [bookworm|trixie]; bookworm if not said. Exit 77 when this machine cannot make such a root.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
suite=${1:-bookworm}
case $suite in bookworm | trixie) ;; *) echo "usage: clean-root.sh [bookworm|trixie]" >&2; exit 2 ;; esac
unable() { printf 'clean root: %s\n' "$*"; exit 77; }
[ "$(id -u)" -eq 0 ] || unable "needs root"
command -v debootstrap >/dev/null || unable "needs debootstrap, which is not installed"

# The mirror is the one this machine installs from.
mirror=$(apt-cache policy base-files 2>/dev/null | sed -n 's/^ *[0-9]* \(https\{0,1\}:[^ ]*\) .*main.*/\1/p' | head -n 1)
[ -n "$mirror" ] || unable "this machine's apt names no web mirror to make a root from"

if [ -z "${SEKISHO_CLEAN_ROOT:-}" ]; then
    # In a mount namespace of its own: whatever happens, no mount stays behind.
    exec env SEKISHO_CLEAN_ROOT=1 unshare -m -- "$0" "$suite"
fi

target=$(mktemp -d)
chmod 755 "$target" # a root that others than root may enter, as every root is
log=$(mktemp)
tidy() {
    umount -R "$target" 2>/dev/null || umount -lR "$target" 2>/dev/null || true
    # Never delete through a mount that would not go.
    grep -q " $target" /proc/self/mounts || rm -rf --one-file-system "$target"
    rm -f "$log"
}
trap tidy EXIT

printf 'making a bare root of %s ...\n' "$suite"
debootstrap --variant=minbase "$suite" "$target" "$mirror" >"$log" 2>&1 ||
    { tail -n 5 "$log"; unable "debootstrap did not succeed"; }
# Its own mount point, so that the lab inside may make mount namespaces.
mount --bind "$target" "$target"
mount -t proc proc "$target/proc"
mount --rbind /sys "$target/sys"
mount --rbind /dev "$target/dev"
# How this machine reaches the mirror: its resolver and its apt settings, if it has any.
cp -L /etc/resolv.conf "$target/etc/resolv.conf" 2>/dev/null || true
cp /etc/apt/apt.conf.d/*proxy* "$target/etc/apt/apt.conf.d/" 2>/dev/null || true
mkdir -p "$target/src"
# The tracked files as they stand now; without git, all but the builds.
if git -C "$root" rev-parse >/dev/null 2>&1; then
    git -C "$root" ls-files -z | tar -C "$root" --null --ignore-failed-read -T - -cf - | tar -C "$target/src" -xf -
else
    tar -C "$root" --exclude='./build*' -cf - . | tar -C "$target/src" -xf -
fi
for command in ./quickstart ./run-tests; do
    printf 'in the bare root: %s\n' "$command"
    chroot "$target" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
        http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" sh -c "cd /src && $command" ||
        { printf 'clean root: %s failed in the bare root\n' "$command" >&2; exit 1; }
done
