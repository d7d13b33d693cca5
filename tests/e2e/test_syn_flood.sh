#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# SYNs that nobody completes, half as many again as the table has room for, from one source and from all over,
# while 1,000 connections live: none of these may be lost, the daemon must stay responsive, and the table
# must recover (STRICT-17, and the same pressure under aws-like, which has no ceiling of its own).
# Usage: test_syn_flood.sh --build DIR. Exit 77 when namespaces are not to be had.
. "$(dirname "${BASH_SOURCE[0]}")/two_hosts.sh"
two_hosts_begin "$@"
ip -n "$in" route add default via 192.0.2.1 # answers to forged sources go somewhere

capacity=65536 # see sekishod_start
syns=98304 rate=30000 # each would live for 3 s: more than the table has room for

policy() { # SEMANTICS
    cat <<YAML
version: 1
semantics: $1
timeouts: {tcp_syn_sent: 3, tcp_syn_received: 3}
endpoints:
  - {name: host, addresses: [192.0.2.2], groups: [g]}
groups:
  - name: g
    ingress:
      - {id: web, protocol: tcp, ports: 8080, from: [0.0.0.0/0]}
    egress:
      - {id: all-out, protocol: all, to: [192.0.2.0/24]}
YAML
}
policy aws-like >"$work/aws.yaml"
policy strict >"$work/strict.yaml"
serve "$out" 7000
serve "$in" 8080

# What is established between the hosts, and which packet opened it: a flow that was lost and then picked
# up in the middle would have another.
live_flows() {
    cli flows -o json --limit 100000 | grep '"state":"established"' | grep '192\.0\.2\.1:' |
        jq -c '[.flow, .opened_by]' | sort
}

# While the flood lasts: is an answer there within a second, and how full does the table get?
watch_flood() {
    local now half_open
    most_flows=0 most_half_open=0 answers=0
    while kill -0 "$flood" 2>/dev/null; do
        read -r now half_open < <(timeout 1 "$build/app/sekisho/sekisho" stats -o json --socket "$work/s.sock" |
            jq -r '.flows | "\(.now) \(.half_open)"') || { echo "no answer within a second"; return 1; }
        answers=$((answers + 1))
        [ "$now" -le $most_flows ] || most_flows=$now
        [ "$half_open" -le $most_half_open ] || most_half_open=$half_open
        sleep 0.1
    done
    wait "$flood"
}
flooded() { # WHAT SOURCE
    ip netns exec "$out" "$build/tests/syn_flood" eth0 "$(link_address 2)" 192.0.2.2 8080 "$2" $syns $rate &
    flood=$!
    check "$1: stats answer all the time" watch_flood
    printf '%s: %s answers, at most %s flows, %s of them half-open\n' "$1" $answers $most_flows $most_half_open
}
recovered() { # the half-open ones are gone
    for _ in $(seq 100); do
        [ "$(counter .flows.half_open)" -gt 0 ] || return 0
        sleep 0.1
    done
    counter .flows
    return 1
}

# On a busy machine the kernel may lose so much of a flood that a ceiling is never reached.
reached() { [ "$1" -ge "$2" ]; } # MOST CEILING
ceilings_held() { # SEMANTICS SOURCE: how the table defended itself
    case $1-$2 in
        aws-random) [ $most_flows -le $capacity ] && { ! reached $most_flows $capacity || [ "$(counter .flows.recycled)" -gt 0 ]; } ;;
        aws-*) [ $most_flows -gt 1000 ] && [ $most_flows -le $capacity ] ;; # its ports end before the table does
        strict-random) [ $most_half_open -le $((capacity / 4)) ] && { ! reached $most_half_open $((capacity / 4)) || [ "$(counter .flows.recycled)" -gt 0 ]; } ;;
        strict-*) [ $most_half_open -le 4096 ] && { ! reached $most_half_open 4096 || [ "$(reason limit-source)" -gt 0 ]; } ;;
    esac
}

for semantics in aws strict; do
    sekishod_start "$semantics.yaml"
    hold_start "$in" 192.0.2.1 7000 500
    hold_start "$out" 192.0.2.2 8080 500
    live_flows >"$work/live"
    check "$semantics: 1000 connections live" [ "$(wc -l <"$work/live")" -eq 1000 ]
    for source in random 10.0.0.1; do
        name="$semantics, from $source"
        flooded "$name" $source
        check "$name: the ceilings hold" ceilings_held $semantics $source
        live_flows >"$work/live-after"
        check "$name: no live flow was lost" [ -z "$(comm -23 "$work/live" "$work/live-after")" ]
        check "$name: new connections at once" traffic "$in" talk 192.0.2.1 7000 50 100
        check "$name: the table recovers" recovered
        check "$name: new connections from outside" traffic "$out" talk 192.0.2.2 8080 50 100
    done
    check "$semantics: the live ones live" hold_stop
    cli drops
    sekishod_stop
done
two_hosts_end
