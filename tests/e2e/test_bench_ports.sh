#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# `sekisho bench --ports`: two interfaces of the kernel that are the ends of one wire, and two that are not.
# Usage: test_bench_ports.sh --build DIR. Exit 77 when namespaces are not to be had.
set -euo pipefail

[ "${1:-}" = --build ] && [ -n "${2:-}" ] || { echo "usage: test_bench_ports.sh --build DIR" >&2; exit 2; }
sekisho=$(realpath "$2")/app/sekisho/sekisho
work=$(mktemp -d) failures=0
namespace=sk-bench-$$

tidy() {
    ip netns pids "$namespace" 2>/dev/null | xargs -r kill -KILL 2>/dev/null || true
    ip netns del "$namespace" 2>/dev/null || true
    rm -rf "$work"
}
trap tidy EXIT

check() { # WHAT COMMAND...
    if "${@:2}"; then printf 'ok    %s\n' "$1"; else printf 'FAIL  %s\n' "$1"; failures=$((failures + 1)); fi
}
holds() { jq -e "$@" >/dev/null; }
bench() { # INTERFACE INTERFACE: its exit code
    local status=0
    timeout 200 ip netns exec "$namespace" "$sekisho" bench --flows 4k --duration 1s --semantics strict -o json \
        --ports "net_af_packet0,iface=$1,net_af_packet1,iface=$2" >"$work/out" 2>"$work/err" || status=$?
    printf '%s' $status
}

ip netns add "$namespace" 2>/dev/null || { echo "no network namespaces here"; exit 77; }
ip netns exec "$namespace" sysctl -q -w net.ipv6.conf.default.disable_ipv6=1
for wire in a b; do
    ip -n "$namespace" link add "$wire-left" type veth peer name "$wire-right"
    ip -n "$namespace" link set "$wire-left" up
    ip -n "$namespace" link set "$wire-right" up
done
check "the two ends of a wire" [ "$(bench a-left a-right)" = 0 ]
check "it says over which ports, and that nothing was dropped" holds '.dropped == 0 and .ns_per_packet > 0 and
    .ports == ["net_af_packet0,iface=a-left", "net_af_packet1,iface=a-right"] and .trials >= 2' "$work/out"
check "the ends of two wires" [ "$(bench a-left b-left)" = 4 ]
check "and why it cannot be" grep -q 'is there a cable between them?' "$work/err"
check "an interface that is not there" [ "$(bench a-left nowhere)" = 4 ]
[ $failures -eq 0 ]
