#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Captures played without end, larger than the buffers of a port: the daemon makes room for all of them, and tracks
# each flow. Usage: test_replayed.sh --build DIR
set -euo pipefail

[ "${1:-}" = --build ] && [ -n "${2:-}" ] || { echo "usage: test_replayed.sh --build DIR" >&2; exit 2; }
build=$(realpath "$2")
work=$(mktemp -d) daemon= failures=0
flows=10000

tidy() {
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    [ -z "$daemon" ] || wait "$daemon" 2>/dev/null || true
    rm -rf "$work"
}
trap tidy EXIT

check() { # WHAT COMMAND...
    if "${@:2}"; then printf 'ok    %s\n' "$1"; else printf 'FAIL  %s\n' "$1"; failures=$((failures + 1)); fi
}
ask() { "$build/app/sekisho/sekisho" stats -o json --socket "$work/s.sock" 2>/dev/null | jq "$1" 2>/dev/null; }
until_true() { # JQ: within a minute, and while the daemon lives
    local try
    for try in $(seq 300); do
        [ "$(ask "$1")" != true ] || return 0
        kill -0 "$daemon" 2>/dev/null || { cat "$work/log"; return 1; }
        sleep 0.2
    done
    return 1
}

"$build/bench/flow_set" $flows "$work/out.pcap" "$work/in.pcap"
cat >"$work/policy.yaml" <<YAML
version: 1
semantics: strict
endpoints: [{name: inside, addresses: [10.0.0.1/32], groups: [all]}]
groups:
  - name: all
    egress: [{id: all-out, protocol: all, to: [0.0.0.0/0]}]
YAML
cat >"$work/sekisho.yaml" <<YAML
version: 1
policy: policy.yaml
edges:
  - name: edge
    inside: {device: "net_pcap0,rx_pcap=$work/out.pcap,infinite_rx=1"}
    outside: {device: "net_pcap1,rx_pcap=$work/in.pcap,infinite_rx=1"}
memory: {flows: 16384, hugepages: no}
control: {socket: $work/s.sock, readonly_socket: $work/ro.sock}
YAML
"$build/app/sekishod/sekishod" -c "$work/sekisho.yaml" 2>"$work/log" &
daemon=$!
check "both captures are played, again and again" until_true ".received > $((8 * flows))"
check "each flow is tracked" until_true ".flows.now == $flows"
check "and is answered" until_true ".reasons[\"flow-answer\"] > $((2 * flows))"
dropped=$(ask .dropped)
check "nothing is dropped any more" until_true ".received > $(ask .received) + $((4 * flows)) and .dropped == $dropped"
kill "$daemon"
check "it ends" wait "$daemon"
daemon=
check "and has lost nothing" grep -q 'conservation: .*holds' "$work/log"
[ $failures -eq 0 ]
