#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Kernel TCP under strict semantics on wires that lose 1 %, double 1 % and delay 5 % of the frames: the inside
# one, the outside one, both. So sekishod sees segments that were damaged before it, and segments that
# only their receiver will miss. Every conversation must end whole, and every single drop, out-of-window or
# other, must be of a segment that nobody needed: explain_drops.py says why, out of what has passed.
# Usage: test_tcp_netem.sh --build DIR [--long]. Exit 77 when namespaces are not to be had.
bad_wires=yes
. "$(dirname "${BASH_SOURCE[0]}")/two_hosts.sh"
two_hosts_begin "$@"

connections=2000 mebibytes=128
[ $long -eq 0 ] || connections=10000 mebibytes=1024
echo "$connections connections and $mebibytes MiB, damaged by $damage_by"
[ $long -eq 1 ] || echo "scaled down: --long makes it 10000 connections and 1024 MiB"

cat >"$work/strict.yaml" <<YAML
version: 1
semantics: strict
endpoints:
  - {name: host, addresses: [192.0.2.2, "fd00::2"], groups: [g]}
groups:
  - name: g
    ingress:
      - {id: web, protocol: tcp, ports: 8080, from: [192.0.2.0/24, "fd00::/64"]}
    egress:
      - {id: all-out, protocol: all, to: [192.0.2.0/24, "fd00::/64"]}
YAML
sekishod_start strict.yaml
serve "$out" 7000
serve "$in" 8080

turn=0
for wires in in out "in out"; do
    damage in 0 0 0
    damage out 0 0 0
    for wire in $wires; do damage "$wire" 1 1 5; done
    name="bad wires: $wires"
    each=$(((connections + 5) / 6))
    mib=$mebibytes
    [ "$wires" = "in out" ] || mib=$((mebibytes / 8))
    record_start tcp 120
    check "$name: $each connections out" traffic "$in" talk 192.0.2.1 7000 $each 1000 64 es
    check "$name: $each connections in, IPv6" traffic "$out" talk fd00::2 8080 $each 1000 64 es
    # A server that does not hear a reset keeps its connection, so each of these has a port that no other uses.
    check "$name: 100 connections that end in a reset" \
        traffic "$in" talk 192.0.2.1 7000 100 1000 16 r $((20000 + turn * 100))
    check "$name: $mib MiB out in one connection, IPv6" traffic "$in" send fd00::1 7000 $((mib << 20))
    check "$name: $((mebibytes / 8)) MiB in" traffic "$out" send 192.0.2.2 8080 $((mebibytes << 17))
    record_stop
    check "$name: every drop is explained" explained
    head -n 20 "$work/said"
    turn=$((turn + 1))
done
cli drops
sekishod_stop
two_hosts_end
