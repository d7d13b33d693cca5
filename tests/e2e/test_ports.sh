#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What happens to ports: links that go down and come back, one that takes less than the other gives, frames of
# 9,000 bytes, tags, and frames that are no IP or not whole. What passes leaves as it came, each drop has
# its reason, and the daemon goes on.
# Usage: test_ports.sh --build DIR. Exit 77 when namespaces are not to be had.
. "$(dirname "${BASH_SOURCE[0]}")/two_hosts.sh"
two_hosts_begin "$@"

host_policy strict >"$work/strict.yaml"
mtu() { # BYTES: of all ports
    local end ns port
    for end in "$in eth0" "$out eth0" "$mid p-in" "$mid p-out"; do
        read -r ns port <<<"$end"
        ip -n "$ns" link set "$port" mtu "$1"
    done
}
link_is() { # up|down: the kernel may take a second to tell that a link has changed
    local try
    for try in $(seq 50); do
        [ "$(cli status -o json | jq -r '.edges[0].link')" != "$1" ] || return 0
        sleep 0.1
    done
    return 1
}
pings() { on "$in" ping -c 2 -i 0.2 -W 1 "$@"; }
talks() { traffic "$in" talk 192.0.2.1 7000 5 100; }

sekishod_start strict.yaml
serve "$out" 7000
check "it forwards" talks
check "the link is up" link_is up
for port in p-in p-out; do
    ip -n "$mid" link set $port down
    check "$port down: the status says so" link_is down
    check "$port down: nothing passes" fails pings 192.0.2.1
    ip -n "$mid" link set $port up
    check "$port up: the status says so" link_is up
    check "$port up: it forwards" talks
done
ip -n "$mid" link set p-out mtu 1400
check "a port that takes less: long frames are lost" fails pings -s 1450 -M do 192.0.2.1
check "and the others pass still" talks
ip -n "$mid" link set p-out mtu 1500
check "nor has it stuck" pings -s 1450 -M do 192.0.2.1

ip netns exec "$out" tcpdump -i eth0 -Q in -n --immediate-mode -U -Z root -w "$work/odd.pcap" \
    'udp port 9 or arp or vlan' 2>"$work/tcpdump.log" &
recorder=$!
for _ in $(seq 100); do grep -q 'listening on' "$work/tcpdump.log" && break; sleep 0.1; done
cli stats -o json | jq '.reasons' >"$work/before"
check "odd frames are sent" on "$in" python3 "$here/odd_frames.py" send eth0
sleep 1
kill "$recorder"
wait "$recorder" || true
check "those that pass leave as they came" python3 "$here/odd_frames.py" judge "$work/odd.pcap"
cli stats -o json | jq '.reasons' >"$work/after"
python3 "$here/odd_frames.py" reasons | sort | uniq -c >"$work/reasons"
while read -r count word; do
    check "odd frames: $count dropped $word" [ "$(jq -s --arg word "$word" \
        '.[1][$word] - .[0][$word]' "$work/before" "$work/after")" = "$count" ]
done <"$work/reasons"
sekishod_stop

mtu 9000
sekishod_start strict.yaml
check "9000 bytes: ping" pings -s 8972 -M do 192.0.2.1
check "9000 bytes: ping, IPv6" pings -s 8952 -M do fd00::1
check "9000 bytes: TCP" traffic "$in" send 192.0.2.1 7000 10000000
check "nothing was dropped" [ "$(counter .dropped)" = 0 ]
sekishod_stop

sekishod_start strict.yaml
ip -n "$mid" link del p-out
check "a port that is gone: the status says so" link_is down
check "and the daemon can be talked to" cli stats
sekishod_stop
two_hosts_end
