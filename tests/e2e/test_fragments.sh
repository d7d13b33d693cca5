#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Datagrams of 1 B to 60 kB, in fragments where the kernel makes them, through a live sekishod under both
# semantics, IPv4 and IPv6, both ways, over wires that keep the order and wires that do not. Each
# fragment must leave as it came, those too that came before their first (STRICT-71, AWS-86).
# Usage: test_fragments.sh --build DIR. Exit 77 when namespaces are not to be had.
bad_wires=yes
. "$(dirname "${BASH_SOURCE[0]}")/two_hosts.sh"
two_hosts_begin "$@"

policy() { host_policy "$1" 'id: echo, protocol: udp, ports: 8080, from: [192.0.2.0/24, "fd00::/64"]'; } # SEMANTICS
policy aws-like >"$work/aws.yaml"
policy strict >"$work/strict.yaml"
sekishod_start aws.yaml
serve "$out" 7000
serve "$in" 8080

# On either side of what one frame holds (1472 and 1452), and of two; the largest is 41 or 42 fragments.
sizes=(1 100 1451 1452 1453 1472 1473 2000 2900 2961 8000 20000 40000 60000)
datagrams() { traffic "$1" datagrams "$2" "$3" "${sizes[@]}" "${sizes[@]}" "${sizes[@]}"; }
fragment_drops() { counter '[.reasons | to_entries[] | select(.key | startswith("fragment-")) | .value] | add'; }

for semantics in aws strict; do
    check "$semantics: commit" cli commit "$work/$semantics.yaml"
    for late in 0 30; do
        name="$semantics, $late % of the frames late"
        damage in 0 0 $late
        damage out 0 0 $late
        record_start 'udp or icmp or icmp6 or ip[6:2] & 0x3fff != 0 or ip6[6] = 44' 0
        check "$name: out" datagrams "$in" 192.0.2.1 7000
        check "$name: out, IPv6" datagrams "$in" fd00::1 7000
        check "$name: in" datagrams "$out" 192.0.2.2 8080
        check "$name: in, IPv6" datagrams "$out" fd00::2 8080
        for host in 192.0.2.1 fd00::1; do
            check "$name: ping of 60000 bytes to $host" on "$in" ping -c 5 -i 0.1 -W 2 -s 60000 $host
        done
        record_stop
        check "$name: all left as they came" explained
    done
done
check "no fragment was dropped" [ "$(fragment_drops)" = 0 ]
check "none is held any more" [ "$(counter .held)" = 0 ]
sekishod_stop
two_hosts_end
