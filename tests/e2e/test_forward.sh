#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Real traffic through a live sekishod, under both semantics: kernel TCP and UDP between two namespaces;
# the flow list while it is full, clients killed in the middle of an answer, a bad commit and a good one.
# Usage: test_forward.sh --build DIR. Exit 77 when namespaces are not to be had.
. "$(dirname "${BASH_SOURCE[0]}")/two_hosts.sh"
two_hosts_begin "$@"

policy() { host_policy "$1" 'id: web, protocol: tcp, ports: 8080, from: [192.0.2.0/24, "fd00::/64"]'; } # SEMANTICS
policy aws-like >"$work/aws.yaml"
policy strict >"$work/strict.yaml"
sekishod_start aws.yaml

cat >"$work/udp.py" <<'PY'
import socket, sys
for port in range(10000, 10000 + int(sys.argv[1])):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("", port)); s.sendto(b"x", ("192.0.2.1", 9)); s.close()
PY
talk() { traffic "$1" talk "${@:2}"; }
unanswered() { # NAMESPACE ADDRESS PORT: a connection gets neither an answer nor a refusal
    local status=0
    on "$1" timeout 4 python3 "$here/traffic.py" talk "$2" "$3" 1 10 || status=$?
    [ $status -eq 124 ]
}
serve "$out" 7000
serve "$in" 8080
serve "$in" 9090

for semantics in aws strict; do
    check "$semantics: commit" cli commit "$work/$semantics.yaml"
    check "$semantics: ping out" on "$in" ping -c 3 -i 0.2 -W 2 192.0.2.1
    check "$semantics: ping out, IPv6" on "$in" ping -c 3 -i 0.2 -W 2 fd00::1
    check "$semantics: 200 connections out" talk "$in" 192.0.2.1 7000 200 100
    check "$semantics: 50 connections out, IPv6" talk "$in" fd00::1 7000 50 100
    check "$semantics: 1 MiB there and back" talk "$in" 192.0.2.1 7000 1 1048576
    check "$semantics: a connection in by its rule" talk "$out" 192.0.2.2 8080 20 1000
    check "$semantics: none without a rule" unanswered "$out" 192.0.2.2 9090
    check "$semantics: no ping in" fails on "$out" ping -c 1 -W 1 192.0.2.2
done
check "nothing legitimate was out of window" [ "$(reason out-of-window)" = 0 ]

printf 'version: 1\nsemantics: strange\n' >"$work/bad.yaml"
check "a bad policy is refused" fails cli commit "$work/bad.yaml"
check "and the running one stays" talk "$in" 192.0.2.1 7000 5 100

on "$in" python3 "$work/udp.py" 20000
listed=$(cli flows -o json --limit 100000 | grep -c '"udp ' || true)
check "the flow list has the 20000 new flows ($listed listed)" [ "$listed" -ge 19000 ]
rss() { awk '/VmRSS/ {print $2}' "/proc/$daemon/status"; }
before=$(rss)
for _ in $(seq 50); do
    cli flows -o json >"$work/flows" 2>/dev/null &
    client=$!
    sleep 0.01
    kill -9 "$client" 2>/dev/null || true
    wait "$client" 2>/dev/null || true
done
check "it forwards after 50 clients died mid-answer" talk "$in" 192.0.2.1 7000 5 100
check "in bounded memory" [ $(($(rss) - before)) -lt 20000 ]

sekishod_stop
two_hosts_end
