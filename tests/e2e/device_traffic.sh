# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# The traffic that each kind of port is to carry; sourced after two_hosts.sh. $kind says in each line which it is.
#
#   device_traffic_begin   policies and servers, once
#   device_traffic         over a sekishod that has just been started with strict.yaml; it is aws-like afterwards
policy() { host_policy "$1" 'id: web, protocol: tcp, ports: 8080, from: [192.0.2.0/24, "fd00::/64"]'; } # SEMANTICS

device_traffic_begin() {
    policy aws-like >"$work/aws.yaml"
    policy strict >"$work/strict.yaml"
    serve "$out" 7000
    serve "$in" 8080
    serve "$in" 9090
}

talk() { traffic "$1" talk "${@:2}"; }
told() { [ "$(reason "$1")" -ge "$2" ]; } # REASON COUNT
unanswered() { # NAMESPACE ADDRESS PORT: its first packet is dropped, and it still waits
    local client status=0
    ip netns exec "$1" python3 "$here/traffic.py" talk "$2" "$3" 1 10 &
    client=$!
    soon told no-rule 1 && kill -0 "$client" || status=1
    kill "$client" || status=1
    wait "$client" || true
    return $status
}
initiations_cross() { on "$in" timeout 60 python3 "$here/ike.py" cross "$out" "$@"; } # [SECONDS]

device_traffic() {
    check "$kind: ping out" on "$in" ping -c 1 -W 10 192.0.2.1
    check "$kind: 30 connections out" talk "$in" 192.0.2.1 7000 30 1000
    check "$kind: 10 connections in by their rule, IPv6" talk "$out" fd00::2 8080 10 1000
    check "$kind: 1 MiB there and back" talk "$in" 192.0.2.1 7000 1 1048576
    check "$kind: datagrams of all sizes" traffic "$in" datagrams 192.0.2.1 7000 1 63 64 511 1471 1472
    check "$kind: nobody connects without a rule" unanswered "$out" 192.0.2.2 9090
    check "$kind: nothing legitimate was out of window" [ "$(reason out-of-window)" = 0 ]
    check "$kind: strict: the peer's own IKE is no answer" fails initiations_cross 0.5
    check "$kind: and that is told" soon told no-proof-ike 1
    check "$kind: aws-like is committed" cli commit "$work/aws.yaml"
    check "$kind: aws-like: its tuple is enough" initiations_cross
    check "$kind: losses of the drivers are told" [ "$(counter '[.ports[] | .driver_missed, .driver_errors,
        .driver_no_mbuf, .driver_transmit_errors | numbers] | length')" = 8 ]
}
