#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A sekishod with a million flows: packets are explained in less than 10 ms, half of them at least, as others may use the
# machine; and it stops when it is told to, having told of the flows for which there was time and of how many there was
# none. Usage: test_million.sh --build DIR
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/lone_daemon.sh"
flows=1000000

memory=$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
[ "$memory" -ge 2000 ] || { echo "2 GB of memory are needed, $memory MB are free"; exit 77; }
python3 "$here/million_client.py" write "$work/out.pcap" $flows
cat >"$work/policy.yaml" <<YAML
version: 1
semantics: aws-like
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
    inside: {device: "net_pcap0,rx_pcap=$work/out.pcap"}
    outside: {device: "net_null0,no-rx=1"}
memory: {flows: 1048576, hugepages: auto}
control: {socket: $work/s.sock, readonly_socket: $work/ro.sock}
records:
  events: {file: events.json}
  rotate: {megabytes: 10000}
YAML
daemon_start
check "it has a million flows" until_true ".flows.now == $flows"
check "packets are explained in time" timeout 250 python3 "$here/million_client.py" ask "$work/s.sock" $flows 1000

began=$(date +%s%N)
kill "$daemon"
check "it ends" wait "$daemon"
daemon=
took=$((($(date +%s%N) - began) / 1000000))
told=$(grep -c '"event":"end"' "$work/events.json" || true)
lost=$(tail -n 100000 "$work/events.json" | jq -s 'map(.lost // 0) | add')
check "within a time that is bounded: $took ms, ends of $told flows told, $lost events lost" [ $took -lt 30000 ]
check "and has lost nothing" grep -q 'conservation: .*holds' "$work/log"
check "what is told and what is lost are all of it" [ $((told + lost)) -ge $flows ]
[ $failures -eq 0 ]
