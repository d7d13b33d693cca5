#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The Debian packages are built from the tracked files, lintian finds nothing, and what is in them works.
# Exit 77 when this machine lacks what builds packages (docker/packages.txt, section package).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
for tool in dpkg-buildpackage dh lintian; do
    command -v $tool >/dev/null || { printf 'package: %s is not installed\n' $tool; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

check() { # WHAT COMMAND...
    local what=$1
    shift
    if "$@" >"$work/said" 2>&1; then printf 'pass: %s\n' "$what"; else
        printf 'FAIL: %s\n' "$what"
        tail -n 20 "$work/said"
        exit 1
    fi
}

mkdir "$work/source" "$work/root"
if git -C "$root" rev-parse >/dev/null 2>&1; then
    git -C "$root" ls-files -z | tar -C "$root" --null --ignore-failed-read -T - -cf - | tar -C "$work/source" -xf -
else
    tar -C "$root" --exclude='./build*' -cf - . | tar -C "$work/source" -xf -
fi
cd "$work/source"
# The tests have been run by who runs this.
DEB_BUILD_OPTIONS="nocheck parallel=$(nproc)" check "dpkg-buildpackage -b -us -uc" dpkg-buildpackage -b -us -uc
cd "$work"
check "lintian finds nothing" lintian --allow-root --fail-on error,warning,info,pedantic ./*.changes
for package in sekisho libsekisho-dev; do dpkg-deb -x ${package}_*.deb root; done
mkdir control
dpkg-deb -e sekisho_*.deb control
never_started() { ! grep -E 'invoke|systemctl .*start|service .* start' control/postinst; }
check "installing it starts nothing" never_started
check "removing it stops the daemon" grep -q 'deb-systemd-invoke stop sekishod.service' control/prerm
check "purging it leaves no state" grep -q 'rm -rf /var/lib/sekisho$' control/postrm
check "the command line runs" root/usr/bin/sekisho replay --policy root/usr/share/doc/sekisho/examples/strict.yaml \
    root/usr/share/doc/sekisho/examples/ikev2-both.pcap
check "the daemon runs" root/usr/sbin/sekishod -c root/usr/share/doc/sekisho/examples/sekisho.yaml --check
for file in lib/systemd/system/sekishod.service usr/share/man/man5/sekisho.yaml.5.gz usr/include/sekisho/sekisho.h \
    usr/share/bash-completion/completions/sekisho usr/share/zsh/vendor-completions/_sekisho; do
    check "$file is in it" test -f "root/$file"
done
check "the unit names what is installed" grep -q '^ExecStart=/usr/sbin/sekishod -c /etc/sekisho/sekisho.yaml$' \
    root/lib/systemd/system/sekishod.service
