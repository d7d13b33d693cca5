#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Captures played without end, larger than the buffers of a port: the daemon makes room for all of them, and tracks
# each flow. Usage: test_replayed.sh --build DIR
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/lone_daemon.sh"
flows=10000

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
daemon_start
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
